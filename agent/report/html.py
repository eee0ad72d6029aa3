"""The report as one self-contained page: no script, no request, readable on a phone, in the dark and on paper."""

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from agent.report import sections, svg
from agent.report.text import inert, share
from agent.state import Report
from agent.times import clock, stamp
from diagnosis.symptoms import amount


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("agent.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"inert": inert, "share": share, "clock": clock, "stamp": stamp, "amount": amount}
    return environment


def render_html(report: Report) -> str:
    """The page. Everything from outside is inert and escaped."""
    charts = [(view, svg.series_chart(view, report.changes, report.alert.fired_at)) for view in report.series]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            charts=[(view, chart) for view, chart in charts if chart],
            graph=svg.path_graph(report),
            confidence=sections.confidence(report),
            onset=sections.onset_line(report),
            change=sections.change_line(report),
            ceiling=sections.ceiling_line(report.ceiling) if report.ceiling else "",
            footer=sections.footer(report),
            removed=sections.removed_line(report),
        )
    )

"""The report as one self-contained page: no script, no request, readable on a phone, in the dark and on paper."""

import base64
import hashlib
from functools import lru_cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from agent.report import sections as say
from agent.report import svg
from agent.report.model import Report, SeriesView
from agent.report.svg_path import aside, path_graph
from agent.report.text import inert, inert_lines
from agent.report.times import quantity, stamp


def render_html(report: Report) -> str:
    """The page. Everything from outside is inert and escaped, whichever way it reaches the template."""
    css = report_css()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            css=Markup(css),  # noqa: S704 - a file of this package
            policy=Markup(policy),  # noqa: S704 - made of a digest
            **parts(report),
            footer=say.footer(report),
        )
    )


def parts(report: Report) -> dict[str, object]:
    """What the templates of a verdict (``report_verdict``) and of what stands below it (``report_body``) print."""
    return {
        "facts": say.facts(report),
        "meter": meter(report.probability),
        "ceiling": say.ceiling_line(report.ceiling) if report.ceiling else "",
        "quote": inert_lines(report.change_quote),
        "graph": path_graph(report),
        "aside": [(hop.cause, hop.effect, say.hop_mark(hop)) for hop in aside(report)],
        "charts": _charts(report),
        "legend": svg.legend(sorted({change.kind for change in report.changes})),
        "digests": {item.id: item.digest for item in report.evidence},
        "answers": {item.id: item.summary for item in report.evidence},
        "because": say.because(report),
        "sections": say.sections(report),
        "marked": _marked(report),
    }


@lru_cache(maxsize=1)
def report_css() -> str:
    """The style sheet of the pages."""
    return resources.files("agent.report").joinpath("report.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates of this package: escaped, and strict about what they name."""
    environment = Environment(
        loader=PackageLoader("agent.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # No template line can forget it: what is not markup of ours is made inert when it is printed, then escaped.
        finalize=lambda value: value if isinstance(value, Markup) else inert(str(value)),
    )
    environment.filters |= {"stamp": stamp, "words": say.words, "values_of": say.values_of, "code": _code}
    return environment


def _code(line: str) -> Markup:
    """A line that is inert already and keeps its indentation."""
    return escape(line)


def _charts(report: Report) -> list[tuple[SeriesView, str, Markup]]:
    span, fired_at = svg.shared_span(report.series), report.alert.fired_at
    charts = [
        (view, _ends(view), svg.series_chart(view, report.changes, fired_at, span, f"chart-{number}"))
        for number, view in enumerate(report.series, 1)
    ]
    return [chart for chart in charts if chart[2]]


def _ends(view: SeriesView) -> str:
    known = [value for value in view.values if value is not None]
    return f"{quantity(known[0], view.metric)} to {quantity(known[-1], view.metric)}" if known else "no samples"


def meter(probability: float) -> Markup:
    """The probability as a bar; the number stands beside it as text."""
    width = round(min(max(probability, 0.0), 1.0) * 240, 1)
    return Markup(  # noqa: S704 - numbers only
        '<svg class="meter" viewBox="0 0 240 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="of" width="240" height="6" rx="3"/><rect class="is" width="{width}" height="6" rx="3"/></svg>'
    )


def _marked(report: Report) -> dict[int, str]:
    """Which entries of the timeline stand out, by place: the onset, the alert, the guilty change."""
    guilty = {change.time for change in report.changes if change.guilty}
    marked = {}
    for place, entry in enumerate(report.timeline):
        if entry.kind in ("onset", "alert"):
            marked[place] = entry.kind
        elif entry.kind == "change" and entry.time in guilty:
            marked[place] = "guilty"
    return marked

"""The list of investigations, and one that has no report yet, as pages without a script."""

from collections.abc import Sequence

from jinja2 import Environment
from markupsafe import Markup

from agent.report.html import environment, report_css
from agent.report.times import duration, percent
from agent.summaries import Summary

_SENTENCES = {
    "accepted": "Accepted. It waits for its turn.",
    "running": "The investigation runs.",
    "interrupted": "The investigation was interrupted and will go on.",
    "waiting": "The investigation waits for an approval. Give it with: pcause resume {id}",
    "failed": "The investigation failed before it could write a report. The server's log says why.",
}
_GOING_ON = frozenset(("accepted", "running", "interrupted"))


def render_listing(entries: Sequence[Summary]) -> str:
    """The page of all, in the order given."""
    return _environment().get_template("listing.html.j2").render(entries=entries, css=_css())


def render_progress(entry: Summary, stages: Sequence[tuple[str, str]]) -> str:
    """The page of one without a report: what was begun so far, as (stage, branch)."""
    shown = [f"{stage} ({branch})" if branch else stage for stage, branch in stages]
    sentence = _SENTENCES.get(entry.status, entry.status).format(id=entry.id)
    page = _environment().get_template("progress.html.j2")
    return page.render(entry=entry, stages=shown, sentence=sentence, goes_on=entry.status in _GOING_ON, css=_css())


def _environment() -> Environment:
    filters = {"duration": duration, "share": lambda share: "" if share is None else percent(share)}
    overlaid = environment().overlay()
    overlaid.filters = {**overlaid.filters, **filters}
    return overlaid


def _css() -> Markup:
    return Markup(report_css())  # noqa: S704 - a file of this package

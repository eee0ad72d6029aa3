"""The list of investigations as a page: what waits for a person first, then what runs, then what has ended."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.report.model import NO_CAUSE
from agent.report.page_html import ENDED, Viewer, region, render
from agent.summaries import Summary


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list. ``kind`` is waits, runs, failed or ended; ``seconds`` None while it goes on: a number that moves
    would make the list look new at every look."""

    kind: str
    id: str
    status: str
    alert: str
    service: str
    headline: str
    probability: float | None
    created_at: float
    seconds: float | None
    resolved_at: float | None
    alerts: int


_GROUPS = (("Waiting for a person", ("waits",)), ("Going on", ("runs",)), ("Ended", ("ended", "failed")))


def render_listing(entries: Sequence[Summary], viewer: Viewer | None = None) -> str:
    """The page of all, each group in the order given."""
    lines = [_entry(entry) for entry in entries]
    groups = [(title, [line for line in lines if line.kind in kinds]) for title, kinds in _GROUPS]
    cases = region("cases", "listing_cases.html.j2", groups=[group for group in groups if group[1]])
    return render("listing.html.j2", regions=[cases], viewer=viewer or Viewer(), here="list")


def kind_of(status: str) -> str:
    """How a status is set: waits, failed, ended or runs."""
    return {"waiting": "waits", "failed": "failed", "done": "ended"}.get(status, "runs")


def _entry(entry: Summary) -> Entry:
    named = not entry.headline.startswith(NO_CAUSE)
    return Entry(
        kind=kind_of(entry.status), id=entry.id, status=entry.status, alert=entry.alert or "an unnamed alert",
        service=entry.service, headline=entry.headline, probability=entry.probability if named else None, created_at=entry.created_at,
        seconds=entry.seconds if entry.status in ENDED else None, resolved_at=entry.resolved_at, alerts=entry.alerts,
    )  # fmt: skip

"""An alert out of somebody's question about a symptom: its service is one of the telemetry, its time was said or is now."""

import json
from pathlib import Path

from agent.alerts import AlertError, parse_alert
from agent.questions.intents import Query
from agent.questions.reply import Asked, Case
from agent.report.text import inert
from agent.state import Alert

_LONGEST_NAME, _LONGEST_SUMMARY = 120, 2_000
_MOST_BYTES = 1_000_000
_SEEN_SECONDS = 600.0  # after "since": by then it was to be seen


def alert_of(query: Query, asked: Asked, case: Case) -> Alert | None:
    """What to investigate; None where neither a service nor an alert is meant. Raises ``AlertError``."""
    if not query.services:
        return case.alert or _recorded(case, asked.door)
    fired_at = query.end if query.end is not None else case.clock.anchor
    if query.start is not None:  # people round down, and an alert comes after what it is about
        fired_at = min(fired_at, query.start + _SEEN_SECONDS)
    said = inert(asked.text, _LONGEST_SUMMARY)
    raw = {
        "name": inert(f"asked: {said}", _LONGEST_NAME),
        "service": query.services[0],
        "summary": said,
        "fired_at": fired_at,
    }
    return parse_alert(raw, source=asked.door).model_copy(update={"until": query.end})


def pasted_alert(text: str, door: str) -> Alert | None:
    """The alert that a text is, where it is one in JSON."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return parse_alert(json.loads(text), source=door)
    except (ValueError, RecursionError, AlertError):
        return None


def _recorded(case: Case, door: str) -> Alert | None:
    """The alert that a recording came with."""
    if case.source.kind != "recording":
        return None
    try:
        raw = (Path(case.source.place) / "alert.json").read_bytes()[:_MOST_BYTES]
    except OSError:
        return None
    return pasted_alert(raw.decode("utf-8", "replace"), door)

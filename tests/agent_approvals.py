"""An investigation that waits for an approval, and answers to it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.alerts import parse_alert
from agent.approvals import Approvals, Request
from agent.events import ApprovalNeeded, Event, Finished
from agent.investigate import investigate, resume
from agent.settings import Settings
from agent.sources import Source


async def wait_for_approval(recording: Path, settings: Settings, actions: Mapping[str, Any], by: str = "") -> Request:
    """Investigate the recording as ``inv`` until it asks."""
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    source = Source(kind="recording", place=str(recording))
    told = investigate(alert, source, settings, id="inv", actions=actions, requested_by=by)
    events = [event async for event in told]
    assert isinstance(events[-1], ApprovalNeeded)
    (request,) = Approvals(settings).pending("inv")
    return request


def answer(settings: Settings, request: Request, who: str = "ann", approved: bool = True, **more: Any) -> bool:
    """Answer at the terminal; whether the investigation goes on now."""
    approvals = Approvals(settings)
    ticket = approvals.ticket(request.id, "terminal", who)
    return approvals.decide(ticket, "terminal", who, approved, **more).ready


async def go_on(settings: Settings, actions: Mapping[str, Any]) -> Event:
    """Resume ``inv``; the last event."""
    return [event async for event in resume("inv", settings, actions=actions)][-1]


async def outcomes(settings: Settings, actions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Resume to the end; what came of each action."""
    last = await go_on(settings, actions)
    assert isinstance(last, Finished)
    return [(result.outcome, result.detail) for result in last.report.action_results]

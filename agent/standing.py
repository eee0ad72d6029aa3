"""Where an investigation stands between its runs: what it waits for, and what was decided or said and not yet heard."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.approval_rows import Request
from agent.state import Investigation
from agent.steering_rows import Steering, exclusions


def asked_since(values: Mapping[str, Any], requests: Sequence[Request]) -> tuple[Request, ...]:
    """The requests that the state knows nothing of: people asked for them since."""
    known = {action.request_id for action in values.get("actions", [])}
    answered = {approval.action_key for approval in values.get("approvals", [])}
    return tuple(r for r in requests if r.id not in known and r.action_key not in answered)


def with_asked(values: Mapping[str, Any], asked: Sequence[Request], requests: Sequence[Request]) -> Investigation:
    """What ``ask_approval`` would have written, had these been asked there. What else was asked there counts when all of
    that is decided; else it is asked again."""
    keys = {request.action_key for request in asked}
    kept = [action for action in values.get("actions", []) if action.key not in keys]
    answered = {approval.action_key for approval in values.get("approvals", [])}
    before = [r for r in requests if r.action_key in {a.key for a in kept if a.waits and a.request_id} - answered]
    decided = [*asked, *before] if all(request.is_decided for request in before) else asked
    return {
        "actions": [*kept, *(request.as_action for request in asked)],
        "approvals": [request.as_approval for request in decided],
    }


def unheard(values: Mapping[str, Any], said: Sequence[Steering]) -> bool:
    """Whether somebody said that a cause is wrong after it was weighed last."""
    heard: int = values.get("heard", 0)
    return exclusions(said) > heard


def status_after(
    values: Mapping[str, Any], waits_for: frozenset[str], requests: Sequence[Request], said: Sequence[Steering]
) -> str:
    """The status to leave it in; ``waits_for`` are the keys of the actions that the graph asks about, none at its end."""
    asked = asked_since(values, requests)
    if any(request.is_decided for request in asked):
        return "decided"
    if waits_for:
        return "decided" if all(r.is_decided for r in requests if r.action_key in waits_for) else "waiting"
    # What was said since the last weighing is for whoever goes on.
    return "decided" if unheard(values, said) else "waiting" if asked else "done"

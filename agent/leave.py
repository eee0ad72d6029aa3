"""Whether an action has leave to run at this moment: its request, the votes for it, the policy as it is now."""

import hashlib
import json
from collections.abc import Sequence

from agent.approval_rows import Request, RequestState
from agent.policy import Policy
from agent.state import Action
from agent.steering_rows import Steering

_NOT_ASKED = {"citation": ""}  # the only part of an action that no card shows


def why_no_leave(
    action: Action, investigation_id: str, request: Request | None, said: Sequence[Steering], policy: Policy, now: float
) -> str:
    """In a few words; "" where it may run. ``said`` is what people told the investigation, ``now`` in epoch seconds."""
    if request is None:
        return "nobody was asked about it"
    if request.investigation_id != investigation_id or request.as_action != action.model_copy(update=_NOT_ASKED):
        return "it is not what was asked about"
    if hash_of(action.arguments) != request.arguments_hash:
        return "its arguments are not those that were approved"
    if request.state is not RequestState.APPROVED:
        return f"its request is {request.state.value}"
    if request.expires_at <= now:
        return "its approval has expired"
    if doubts := [steering.by for steering in said if request.hypothesis in steering.excluded]:
        return f"{doubts[-1]} says that its cause is wrong"
    ruling = policy.decide(action.name, action.target, action.risk_class, now)
    if not ruling.people:
        return f"the policy forbids it now: {ruling.why}"
    people = {vote.by for vote in request.votes if vote.approved and policy.may(vote.by, action.name)}
    needed = max(ruling.people, request.needs)
    return "" if len(people) >= needed else f"it has {len(people)} of the {needed} approvals that it needs now"


def hash_of(arguments: str) -> str:
    """Of an action's arguments (canonical JSON)."""
    return hashlib.sha256(json.dumps(json.loads(arguments), sort_keys=True).encode()).hexdigest()

"""ask_approval: holds only the interrupt, because what stands before an interrupt runs again on resume."""

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent.bench import Bench
from agent.nodes.propose import undecided
from agent.state import Approval, Investigation


async def ask_approval(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Pause with the exact actions; the resume value is a list of decisions, one an action. What counts when an action
    is about to run are the votes in the ledger, not what is said here."""
    decisions = interrupt([action.model_dump() for action in undecided(state)])
    return {"approvals": [Approval.model_validate(decision) for decision in decisions]}


def wants_another_cause(state: Investigation) -> bool:
    """Whether the last answers say that the cause is wrong, and nothing was approved."""
    last = {action.key for action in state["actions"]}
    answers = [approval for approval in state.get("approvals", []) if approval.action_key in last]
    return any(a.wrong_cause for a in answers) and not any(a.approved for a in answers)

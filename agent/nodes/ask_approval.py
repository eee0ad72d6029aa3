"""ask_approval: holds only the interrupt, because what stands before an interrupt runs again on resume."""

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent.bench import Bench
from agent.nodes.propose import needs_approval
from agent.state import Approval, Investigation


async def ask_approval(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Pause with the exact actions; the resume value is a list of decisions, one an action."""
    decisions = interrupt([action.model_dump() for action in needs_approval(state["actions"])])
    return {"approvals": [Approval.model_validate(decision) for decision in decisions]}

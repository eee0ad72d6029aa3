"""act: run what was approved, once. The gate is in ``agent/acting.py``; the answers in the state only say what to try."""

from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.nodes.verify import has_recovered
from agent.state import Action, ActionResult, Approval, Investigation


async def act(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Approved actions run in order; of the others it is noted why they did not. What has recovered is left alone."""
    bench = runtime.context
    done = {result.action_key for result in state.get("action_results", [])}
    answers = {approval.action_key: approval for approval in state.get("approvals", [])}
    decided = [a for a in state["actions"] if a.waits and a.request_id and a.key in answers and a.key not in done]
    return {"action_results": [await _one(action, answers[action.key], state, bench) for action in decided]}


async def _one(action: Action, answer: Approval, state: Investigation, bench: Bench) -> ActionResult:
    id = bench.investigation_id
    if not answer.approved:
        return bench.acting.skipped(id, action, "rejected", answer.reason)
    mends = bench.acting.mends(action) and not action.undoes
    if mends and not bench.acting.begun(action) and (sign := await has_recovered(state, bench)):
        return bench.acting.skipped(id, action, "not_needed", sign)
    return await bench.acting.perform(id, action)

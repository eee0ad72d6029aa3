"""act: run what was approved, once. The idempotency key is in the ledger before anything happens."""

import asyncio
import json

from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.nodes.propose import needs_approval
from agent.state import Action, ActionResult, Investigation


async def act(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Approved actions run in order; a rejected one is recorded with its reason; an unanswered one does not run."""
    decided = {approval.action_key: approval for approval in state.get("approvals", [])}
    results = []
    for action in needs_approval(state["actions"]):
        approval = decided.get(action.key)
        if approval is None or not approval.approved:
            reason = approval.reason if approval else "nobody decided"
            results.append(ActionResult(action_key=action.key, outcome="rejected", detail=reason))
        else:
            results.append(await _once(action, runtime.context))
    return {"action_results": results}


async def _once(action: Action, bench: Bench) -> ActionResult:
    if not bench.ledger.claim_action(action.key, bench.investigation_id):
        known = bench.ledger.action(action.key)
        return ActionResult(action_key=action.key, outcome="already_done", detail=str(known) if known else "")
    spec = bench.actions.get(action.name)
    if spec is None:
        return ActionResult(
            action_key=action.key, outcome="failed", detail=f"no action is registered as {action.name!r}"
        )
    try:
        detail = await asyncio.to_thread(spec.run, json.loads(action.arguments))
    except (OSError, ValueError, RuntimeError, TimeoutError) as error:
        result = ActionResult(action_key=action.key, outcome="failed", detail=f"{type(error).__name__}: {error}")
    else:
        result = ActionResult(action_key=action.key, outcome="done", detail=detail)
    bench.ledger.finish_action(action.key, result.model_dump_json())
    return result

"""check_claims: every claim is re-computed from its evidence; what does not hold does not reach the report."""

from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.claim_checks import check_claim
from agent.narrative import supported_statements
from agent.state import Claim, Investigation, ModelUse, RemovedClaim, Verdict
from diagnosis.findings import FaultKind, Remediation


async def check_claims(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Keep what holds; a verdict whose own claims about the change fail loses the change."""
    kept: list[Claim] = []
    removed: list[RemovedClaim] = []
    for claim in state["claims"]:
        problem = check_claim(claim, state["evidence"], runtime.context.store)
        if problem:
            removed.append(RemovedClaim(sentence=claim.sentence, reason=problem))
        else:
            kept.append(claim)
    statements, unsupported = supported_statements(state.get("statements", []), kept)
    use = state.get("model_use", ModelUse())
    return {
        "claims": kept,
        "removed_claims": removed,
        "statements": statements,
        "model_use": use.model_copy(update={"dropped": use.dropped + unsupported}),
        "verdict": supported(state["verdict"], state["claims"], kept),
    }


def supported(verdict: Verdict, drafted: list[Claim], kept: list[Claim]) -> Verdict:
    """The verdict as far as its claims carry it: without a proven change it accuses none."""
    held = {claim.id for claim in kept}
    lost = [claim for claim in drafted if claim.role in ("change", "delivery") and claim.id not in held]
    if not verdict.change_id or not lost:
        return verdict
    return verdict.model_copy(
        update={
            "hypothesis": None,
            "change_id": "",
            "fault_kind": FaultKind.UNKNOWN,
            "remediation": Remediation.NONE,
            "prediction": None,
            "probability": 1.0 - verdict.probability,
        }
    )

"""conclude: the verdict, and every sentence that supports it as a claim to be checked."""

from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.claims import draft_claims
from agent.state import Alert, Investigation, Prediction, Verdict
from diagnosis.findings import Channel, Diagnosis, FaultKind, Hypothesis, Remediation
from diagnosis.symptoms import amount

# Below this a cause is a suspicion: it is shown as a hypothesis, and the verdict says that no cause was found.
_ENOUGH_TO_NAME_A_CHANGE = 0.40
_ENOUGH_TO_NAME_A_CAUSE = 0.30


async def conclude(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Decide between a cause, "no cause found" and "nothing is wrong"."""
    diagnosis = state["diagnosis"]
    verdict = decide(state["alert"], diagnosis)
    return {
        "verdict": verdict,
        "claims": draft_claims(state, verdict, runtime.context.store),
        "questions": [],
    }


def decide(alert: Alert, diagnosis: Diagnosis) -> Verdict:
    """The leading hypothesis if it leads by enough; a change needs more than a cause that accuses nobody's work."""
    top = diagnosis.hypotheses[0]
    nothing = diagnosis.onset is None and top.probability >= 0.5 and "deviates" in top.sentence
    floor = _ENOUGH_TO_NAME_A_CHANGE if top.change_id else _ENOUGH_TO_NAME_A_CAUSE
    named = top if top.fault_kind is not FaultKind.UNKNOWN and top.probability >= floor else None
    open_ends = [h.probability for h in diagnosis.hypotheses if h.fault_kind is FaultKind.UNKNOWN and not h.change_id]
    unseen = max(open_ends, default=0.0)
    return Verdict(
        nothing_wrong=nothing,
        hypothesis=named,
        probability=named.probability if named else top.probability if nothing else unseen,
        first_failing=diagnosis.first_failing,
        fault_kind=named.fault_kind if named else FaultKind.UNKNOWN,
        change_id=named.change_id if named else "",
        remediation=named.remediation if named else Remediation.NONE,
        path=diagnosis.path if not nothing else (),
        blast_radius=diagnosis.blast_radius,
        onset=diagnosis.onset,
        prediction=_prediction(alert, diagnosis, named),
    )


def _prediction(alert: Alert, diagnosis: Diagnosis, named: Hypothesis | None) -> Prediction | None:
    """What must happen to the alerted series once the cause is undone; if it does not, the verdict is wrong."""
    series = [
        f for f in diagnosis.findings if f.channel is Channel.METRICS and f.before is not None and f.after is not None
    ]
    own = [f for f in series if f.entity == alert.entity and f.subject == alert.metric] or [
        f for f in series if f.entity == diagnosis.first_failing
    ]
    if named is None or not own or own[0].before is None or own[0].after is None:
        return None
    finding, before, after = own[0], own[0].before, own[0].after
    half = (before + after) / 2.0
    undone = named.remediation.value.replace("_", " ")
    side = "below" if after > before else "above"
    return Prediction(
        sentence=f"within 15 minutes of the {undone}, {finding.entity} {finding.subject} is {side} {amount(half)} "
        f"again (it was {amount(before)} before and is {amount(after)} now)",
        entity=finding.entity,
        metric=finding.subject,
        below=half if after > before else None,
        above=half if after <= before else None,
    )

"""conclude: the verdict, and every sentence that supports it as a claim to be checked."""

from typing import assert_never

from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.claims import draft_claims
from agent.state import Alert, Investigation, ModelUse, Prediction, Verdict
from diagnosis.findings import Attribution, Channel, Diagnosis, FaultKind, Hypothesis, Remediation
from diagnosis.symptoms import amount

# Below this a cause is a suspicion: it is shown as a hypothesis, and the verdict says that no cause was found.
_ENOUGH_TO_NAME_A_CHANGE = 0.40
_ENOUGH_TO_NAME_A_CAUSE = 0.30


async def conclude(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Decide between a cause, "no cause found" and "nothing is wrong"."""
    diagnosis = state["diagnosis"]
    bench, alert = runtime.context, state["alert"]
    verdict = decide(alert, diagnosis)
    claims = draft_claims(state, verdict, bench.store)
    statements, use = await bench.reasoner.narrate(alert, verdict, claims, state.get("model_use", ModelUse()))
    return {"verdict": verdict, "claims": claims, "statements": statements, "model_use": use, "questions": []}


def decide(alert: Alert, diagnosis: Diagnosis) -> Verdict:
    """The leading hypothesis if it leads by enough; a change needs more than a cause that accuses nobody's work."""
    top, open_share = diagnosis.hypotheses[0], unattributed(diagnosis)
    unseen = max((h.probability for h in diagnosis.hypotheses if h.attribution is Attribution.UNSEEN), default=0.0)
    nothing = top.attribution is Attribution.NOTHING_WRONG and top.probability >= 0.5
    named = next((h for h in diagnosis.hypotheses if _stands(h, open_share, unseen)), None)
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


def unattributed(diagnosis: Diagnosis) -> float:
    """The probability that neither a known change nor a known case is the cause, wherever the fault may be."""
    open_ends = (Attribution.PLACE, Attribution.UNSEEN)
    return sum(h.probability for h in diagnosis.hypotheses if h.attribution in open_ends)


def _stands(hypothesis: Hypothesis, open_share: float, unseen: float) -> bool:
    """Whether it may be named: an accusation has to beat everything that accuses nobody."""
    match hypothesis.attribution:
        case Attribution.CHANGE:
            return hypothesis.probability >= max(_ENOUGH_TO_NAME_A_CHANGE, open_share)
        case Attribution.CASE:
            return hypothesis.probability >= max(_ENOUGH_TO_NAME_A_CAUSE, open_share)
        case Attribution.PLACE:
            return hypothesis.probability >= max(_ENOUGH_TO_NAME_A_CAUSE, unseen)
        case Attribution.UNSEEN | Attribution.NOTHING_WRONG:
            return False
        case _:
            assert_never(hypothesis.attribution)


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
    mended = named.remediation is not Remediation.NONE
    undone = named.remediation.value.replace("_", " ") if mended else "remedy, whatever it is"
    side = "below" if after > before else "above"
    return Prediction(
        sentence=f"within 15 minutes of the {undone}, {finding.entity} {finding.subject} is {side} {amount(half)} "
        f"again (it was {amount(before)} before and is {amount(after)} now)",
        entity=finding.entity,
        metric=finding.subject,
        below=half if after > before else None,
        above=half if after <= before else None,
    )

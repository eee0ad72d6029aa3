"""diagnose: evidence to findings to hypotheses, and the next questions if they could change the order."""

from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.reasoners import Case
from agent.state import CeilingHit, Evidence, Investigation, ModelUse, Question
from agent.steering import told
from agent.steering_rows import Steering, exclusions
from diagnosis.findings import Attribution, Diagnosis, FaultKind, Hypothesis, Remediation, RuledOut

_NONE_OF_THEM = Hypothesis(
    id="H1", entity="", fault_kind=FaultKind.UNKNOWN, remediation=Remediation.NONE, probability=1.0,
    sentence="the cause is none of those that the telemetry suggests", attribution=Attribution.UNSEEN, supports=(),
)  # fmt: skip


async def diagnose(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Let the reasoner weigh everything so far; its wishes become the questions of the next round."""
    bench = runtime.context
    use = state.get("model_use", ModelUse())
    case = Case(state["alert"], state["scope"], state["evidence"], bench.store, use)
    opinion = await bench.reasoner.diagnose(case)
    steerings = told(bench.home, bench.investigation_id)
    diagnosis = without(opinion.diagnosis, steerings)
    asked = {(item.tool, item.arguments) for item in state["evidence"]}
    fresh = [wish for wish in opinion.wishes if (wish.tool, wish.arguments) not in asked]
    questions = [Question(id="", tool=wish.tool, arguments=wish.arguments, reason=wish.reason) for wish in fresh]
    return {
        "diagnosis": diagnosis,
        "questions": questions,
        "ceiling": ceiling_of(state["evidence"]),
        "model_use": opinion.use,
        "heard": exclusions(steerings),
    }


def without(diagnosis: Diagnosis, steerings: tuple[Steering, ...]) -> Diagnosis:
    """The diagnosis without what people say is wrong; what is left shares its probability, and its name is kept."""
    said = {identity: steering for steering in steerings for identity in steering.excluded}
    kept = [h for h in diagnosis.hypotheses if h.identity not in said]
    share = sum(h.probability for h in kept)
    if len(kept) == len(diagnosis.hypotheses):
        return diagnosis
    dropped = [
        RuledOut(subject=h.sentence, reason=f"{said[h.identity].by} says so: {said[h.identity].text}".rstrip(": "))
        for h in diagnosis.hypotheses
        if h.identity in said
    ]
    left = tuple(
        h.model_copy(
            update={"id": f"H{place}", "probability": h.probability / share if share > 0 else 1 / max(len(kept), 1)}
        )
        for place, h in enumerate(kept or [_NONE_OF_THEM], 1)
    )
    return diagnosis.model_copy(update={"hypotheses": left, "ruled_out": (*dropped, *diagnosis.ruled_out)})


def ceiling_of(evidence: list[Evidence]) -> CeilingHit | None:
    """The ceiling that was met first, with everything that was left unasked."""
    refused = [item for item in evidence if item.refusal is not None]
    if not refused or refused[0].refusal is None:
        return None
    first = refused[0].refusal
    unasked = tuple(f"{item.tool} {item.summary}" for item in refused)
    return CeilingHit(resource=first.resource, limit=first.limit, spent=first.spent, unasked=unasked)


def wants_more(state: Investigation, max_rounds: int) -> bool:
    """True when there are new questions, rounds left, and no ceiling was met."""
    return bool(state.get("questions")) and state["round"] < max_rounds and state.get("ceiling") is None

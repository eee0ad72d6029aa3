"""diagnose: evidence to findings to hypotheses, and the next questions if they could change the order."""

from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.reasoners import Case
from agent.state import CeilingHit, Evidence, Investigation, ModelUse, Question


async def diagnose(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Let the reasoner weigh everything so far; its wishes become the questions of the next round."""
    bench = runtime.context
    use = state.get("model_use", ModelUse())
    case = Case(state["alert"], state["scope"], state["evidence"], bench.store, use)
    opinion = await bench.reasoner.diagnose(case)
    asked = {(item.tool, item.arguments) for item in state["evidence"]}
    fresh = [wish for wish in opinion.wishes if (wish.tool, wish.arguments) not in asked]
    questions = [Question(id="", tool=wish.tool, arguments=wish.arguments, reason=wish.reason) for wish in fresh]
    return {
        "diagnosis": opinion.diagnosis,
        "questions": questions,
        "ceiling": ceiling_of(state["evidence"]),
        "model_use": opinion.use,
    }


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

"""scope: the questions of this round: the standard ones first, then what the diagnosis wishes to know."""

import json

from langgraph.runtime import Runtime

from agent.bench import Bench
from agent.state import Investigation, Outcome, Question
from diagnosis.telemetry import Topology
from tools.spec import ToolName

_CHANGES_SECONDS = 7 * 86_400.0  # a leak or a flag may wait for days before it shows
_NEIGHBOURHOOD = 200  # entities; a smaller system is looked at whole


async def scope(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Turn the window and the wishes into numbered questions; numbering makes evidence ids reproducible."""
    current, round_number = state["scope"], state["round"] + 1
    if round_number == 1:
        entities = _neighbourhood(state, runtime.context)
        span = {"start": current.start, "end": current.end}
        about = {**span, "entities": list(entities) if len(entities) > 1 else []}
        wanted = [
            (ToolName.QUERY_METRICS, about, "which series left their baseline, and when?"),
            (ToolName.LOG_PATTERNS, about, "which log patterns are new, risen or gone?"),
            (ToolName.GET_TRACES, about, "where do calls fail or slow down?"),
            (
                ToolName.LIST_CHANGES,
                {"start": current.end - _CHANGES_SECONDS, "end": current.end},
                "what changed before?",
            ),
        ]
        asked = [(tool.value, json.dumps(arguments, sort_keys=True), why) for tool, arguments, why in wanted]
        current = current.model_copy(update={"entities": entities})
    else:
        asked = [(q.tool, q.arguments, q.reason) for q in state.get("questions", [])]
    questions = tuple(
        Question(id=f"Q{round_number}{place:02d}", tool=tool, arguments=arguments, reason=why)
        for place, (tool, arguments, why) in enumerate(asked, 1)
    )
    return {
        "scope": current.model_copy(update={"questions": questions}),
        "round": round_number,
        "questions": [],
    }


def _neighbourhood(state: Investigation, bench: Bench) -> tuple[str, ...]:
    """All entities of a small system; of a large one those within reach of the alerted entity, either way."""
    graph = next((e for e in state["evidence"] if e.tool == ToolName.GET_TOPOLOGY and e.outcome is Outcome.ROWS), None)
    body = bench.store.get(graph.digest) if graph else None
    entity = state["alert"].entity
    if not isinstance(body, Topology) or len(body.nodes) <= _NEIGHBOURHOOD:
        return ()
    near = {entity, *body.reach(entity), *body.dependants(entity)}
    return tuple(sorted(near))[:_NEIGHBOURHOOD]

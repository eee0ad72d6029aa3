"""gather: ask, one branch a source. A branch that fails is evidence of a blind spot, never the end."""

from typing import TypedDict

from langgraph.runtime import Runtime
from langgraph.types import Send

from agent.bench import Bench
from agent.ledger import CeilingReached
from agent.state import CeilingHit, Evidence, Investigation, Outcome, Question
from tools.spec import ToolName

_SOURCES = {
    ToolName.QUERY_METRICS: "metrics",
    ToolName.LIST_METRICS: "metrics",
    ToolName.SEARCH_LOGS: "logs",
    ToolName.LOG_PATTERNS: "logs",
    ToolName.GET_TRACES: "traces",
    ToolName.GET_TOPOLOGY: "topology",
    ToolName.LIST_CHANGES: "changes",
    ToolName.READ_CHANGE: "changes",
}


class Branch(TypedDict):
    """What one branch gets: its source's name and its questions."""

    source: str
    asked: tuple[Question, ...]


def branches(state: Investigation) -> list[Send]:
    """One ``Send`` for each source that has a question in this round."""
    by_source: dict[str, list[Question]] = {}
    for question in state["scope"].questions:
        source = _SOURCES.get(ToolName(question.tool), "other") if question.tool in set(ToolName) else "other"
        by_source.setdefault(source, []).append(question)
    return [Send("gather", Branch(source=name, asked=tuple(asked))) for name, asked in sorted(by_source.items())]


async def gather(state: Branch, runtime: Runtime[Bench]) -> Investigation:
    """Ask this branch's questions in order; at a ceiling the rest is left unasked and recorded as such."""
    evidence: list[Evidence] = []
    for place, question in enumerate(state["asked"]):
        try:
            evidence.append(await runtime.context.toolbelt.ask(question))
        except CeilingReached as reached:
            evidence += [refused(left, reached) for left in state["asked"][place:]]
            break
    return {"evidence": evidence}


def refused(question: Question, reached: CeilingReached) -> Evidence:
    """The record of a question that a ceiling forbade."""
    return Evidence(
        id=f"E-{question.id}",
        tool=question.tool,
        arguments=question.arguments,
        outcome=Outcome.REFUSED,
        summary=f"not asked ({question.reason}): ceiling {reached.resource} of {reached.limit} is met",
    )


def ceiling_of(evidence: list[Evidence], reached: CeilingReached | None = None) -> CeilingHit | None:
    """The ceiling that refused evidence speaks of, with all that was left unasked."""
    unasked = tuple(item.summary for item in evidence if item.outcome is Outcome.REFUSED and "ceiling " in item.summary)
    if not unasked:
        return None
    words = unasked[0].rsplit("ceiling ", 1)[1].split()
    return CeilingHit(resource=words[0], limit=words[2], spent="", unasked=unasked)

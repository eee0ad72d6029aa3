"""gather: ask, one branch a source. A branch that fails is evidence of a blind spot, never the end."""

from typing import TypedDict

from langgraph.runtime import Runtime
from langgraph.types import Send

from agent.bench import Bench
from agent.state import Investigation, Question
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
    """Ask this branch's questions in order; what a ceiling forbids comes back as refused."""
    return {"evidence": [await runtime.context.toolbelt.ask(question) for question in state["asked"]]}

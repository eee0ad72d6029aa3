"""LangGraph's task stream as our events."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig

from agent.bench import Bench
from agent.events import Event, EvidenceFound, Performed, Ranked, StageFinished, StageStarted, Verified
from agent.graph import Machine


async def graph_events(
    machine: Machine,
    state: Any,  # noqa: ANN401 - what LangGraph takes as input
    config: RunnableConfig,
    bench: Bench,
    done: frozenset[str],
) -> AsyncGenerator[Event, None]:
    """LangGraph's task stream as our events."""
    names: dict[str, str] = {}
    stream = machine.astream(state, config, context=bench, stream_mode="tasks", durability="sync", version="v2")
    async for part in stream:
        task: Any = part["data"]  # of a task, by stream_mode
        if task["id"] in done:
            continue
        branch = _branch(task)
        if "result" not in task:
            names |= {action.key: action.name for action in _input(task).get("actions") or []}
            yield StageStarted(task["name"], branch)
            continue
        result = task["result"] if isinstance(task["result"], dict) else dict(task["result"] or ())
        for item in result.get("evidence", []):
            yield EvidenceFound(item)
        if "diagnosis" in result:
            yield Ranked(result["diagnosis"].hypotheses)
        for outcome in result.get("action_results", []):
            yield Performed(names.get(outcome.action_key, ""), outcome)
        if task["name"] == "verify" and result.get("verification") is not None:
            yield Verified(result["verification"])
        yield StageFinished(task["name"], branch)


def _branch(task: Mapping[str, Any]) -> str:
    return str(_input(task).get("source", "")) if task["name"] == "gather" else ""


def _input(task: Mapping[str, Any]) -> Mapping[str, Any]:
    given = task.get("input")
    return given if isinstance(given, dict) else {}

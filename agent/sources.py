"""Where an investigation's telemetry comes from, as stored in the ledger, and the tools that read it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.backends import Backends
from agent.evidence import EvidenceStore
from agent.ledger import Ledger
from agent.state import Evidence, Outcome
from diagnosis.findings import Model
from tools.recording import recording_tools
from tools.spec import Absent, Answer, Empty, Failed, Rows, Tool


class Source(Model):
    """``kind`` is live (the systems of the settings), recording (``place`` is a folder) or replay (``place`` is the id
    of an investigation)."""

    kind: str
    place: str = ""


def tools_of(source: Source, ledger: Ledger, store: EvidenceStore, backends: Backends) -> Mapping[str, Tool[Any]]:
    """The tools of a source, by name."""
    match source.kind:
        case "live":
            return {**backends.tools, **backends.runbooks.tools}
        case "recording":
            return {**recording_tools(Path(source.place)), **backends.runbooks.tools}
        case "replay":
            original = Source.model_validate_json(ledger.investigation(source.place).source)
            tools = tools_of(original, ledger, store, backends)
            return _recorded_answers(source.place, tools, backends.runbooks.declared, ledger, store)
        case kind:
            raise ValueError(f"unknown source {kind!r}: use live or a recording")


def _recorded_answers(
    id: str, tools: Mapping[str, Tool[Any]], runbooks: Mapping[str, Tool[Any]], ledger: Ledger, store: EvidenceStore
) -> Mapping[str, Tool[Any]]:
    """The same tools, answering from what was answered before; no backend is touched.

    Of ``runbooks`` those that were asked: whether there is an index today changes nothing of what was known then.
    """
    answers: dict[tuple[str, str], Evidence] = {}
    for call in ledger.calls(id):
        if call.evidence:
            item = Evidence.model_validate_json(call.evidence)
            answers[(item.tool, item.arguments)] = item

    def replayed(tool: Tool[Any]) -> Tool[Any]:
        def run(arguments: Any) -> Answer:  # noqa: ANN401 - any tool's arguments
            known = {
                tool.arguments.model_validate_json(key[1]): item for key, item in answers.items() if key[0] == tool.name
            }
            item = known.get(arguments)
            if item is None:
                return Failed("this question was not asked in the recorded investigation")
            return _answer(item, store)

        return Tool(tool.name, tool.summary, tool.arguments, tool.risk, lambda _: 0, run)

    asked = {tool for tool, _ in answers}
    then = {name: tool for name, tool in tools.items() if name not in runbooks}
    then |= {name: tool for name, tool in runbooks.items() if name in asked}
    return {name: replayed(tool) for name, tool in then.items()}


def _answer(item: Evidence, store: EvidenceStore) -> Answer:
    match item.outcome:
        case Outcome.ROWS:
            return Rows(store.get(item.digest), item.points, item.note)
        case Outcome.EMPTY:
            return Empty(item.points)
        case Outcome.ABSENT:
            return Absent(item.summary)
        case _:
            return Failed(item.summary)

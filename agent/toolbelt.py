"""The one choke point for every tool call: validate, refuse what is not reading, weigh, reserve, run, cut secrets, store, settle."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agent.budget import Budget
from agent.evidence import EvidenceStore
from agent.ledger import CeilingReached
from agent.redacted_bodies import redacted
from agent.redaction import cut_secrets
from agent.state import Evidence, Outcome, Question, Refusal
from diagnosis.telemetry import Change, PatternTable, SeriesMatrix, Topology
from diagnosis.words import short_id
from tools.spec import (
    Absent,
    Answer,
    Body,
    ChangeList,
    Empty,
    Failed,
    FoundRunbooks,
    LogBatch,
    MetricCatalogue,
    Risk,
    Rows,
    SpanBatch,
    Table,
    Tool,
    ToolError,
)

_log = logging.getLogger(__name__)

_LONGEST_CALL_SECONDS = 60.0


class Toolbelt:
    """``tools`` by name. Nobody else calls them."""

    def __init__(self, tools: Mapping[str, Tool[Any]], budget: Budget, store: EvidenceStore) -> None:
        self._tools, self.budget, self._store = tools, budget, store

    def has(self, name: str) -> bool:
        """Whether this source has such a tool."""
        return name in self._tools

    async def ask(self, question: Question) -> Evidence:
        """Answer one question, once: a question that was answered before a crash is not run again.

        Whatever goes wrong is evidence with an outcome; at a ceiling it is REFUSED and nothing is called.
        """
        tool = self._tools.get(question.tool)
        if tool is None:
            return _evidence(question, Outcome.FAILED, f"there is no tool {question.tool!r}")
        try:
            arguments = tool.arguments.model_validate_json(question.arguments)
        except ValidationError as error:
            return _evidence(question, Outcome.FAILED, f"the arguments do not fit: {error.errors()[0]['msg']}")
        if tool.risk is not Risk.READ:
            return _evidence(
                question, Outcome.REFUSED, f"{tool.name} is {tool.risk}: only reading runs without a person"
            )
        try:
            known = self.budget.reserve(question.id, tool.name, question.arguments, tool.weigh(arguments))
        except CeilingReached as reached:
            refusal = Refusal(resource=reached.resource, limit=reached.limit, spent=reached.spent)
            summary = f"not asked ({question.reason}): {reached}"
            return _evidence(question, Outcome.REFUSED, summary).model_copy(update={"refusal": refusal})
        if known is not None:
            return Evidence.model_validate_json(known.evidence)
        begun = time.monotonic()
        answer = await self._run(tool, arguments)
        evidence = self._record(question, answer)
        seconds = time.monotonic() - begun
        if isinstance(answer, Failed):
            # What failed read nothing; the call stays in the ledger, since asking again would cost again.
            self.budget.settle(question.id, 0, seconds, evidence.model_dump_json())
        else:
            self.budget.settle(question.id, evidence.points, seconds, evidence.model_dump_json())
        return evidence

    async def _run(self, tool: Tool[Any], arguments: Any) -> Answer:  # noqa: ANN401 - the tool's own arguments type
        limit = max(min(_LONGEST_CALL_SECONDS, self.budget.seconds_left()), 0.1)
        try:
            return await asyncio.wait_for(asyncio.to_thread(tool.run, arguments), limit)
        except TimeoutError:
            return Failed(f"no answer within {limit:.0f} s")
        except (ToolError, OSError, ValueError) as error:
            return Failed(str(error) or type(error).__name__)
        except Exception as error:  # a defect of the tool, which must cost no more than its answer
            _log.exception("%s broke", tool.name)
            return Failed(f"{tool.name} broke: {type(error).__name__}: {error}")

    def _record(self, question: Question, answer: Answer) -> Evidence:
        match answer:
            case Rows(body, points, raw_note):
                body, note = redacted(body), cut_secrets(raw_note)
                digest = self._store.put(body)
                summary = describe(body) + (f"; {note}" if note else "")
                return Evidence(
                    id=f"E-{question.id}", tool=question.tool, arguments=question.arguments, outcome=Outcome.ROWS,
                    summary=summary, points=points, digest=digest, note=note,
                )  # fmt: skip
            case Empty(points):
                return _evidence(question, Outcome.EMPTY, "asked, and there is nothing", points)
            case Absent(reason):
                return _evidence(question, Outcome.ABSENT, cut_secrets(reason))
            case Failed(reason):
                return _evidence(question, Outcome.FAILED, cut_secrets(reason))


def _evidence(question: Question, outcome: Outcome, summary: str, points: int = 0) -> Evidence:
    return Evidence(
        id=f"E-{question.id}",
        tool=question.tool,
        arguments=question.arguments,
        outcome=outcome,
        summary=summary,
        points=points,
    )


def describe(body: Body) -> str:
    """One plain sentence about what came back."""
    match body:
        case SeriesMatrix():
            return f"{len(body.keys):,} series x {body.times.size:,} times"
        case MetricCatalogue():
            return f"{sum(len(names) for _, names in body.metrics):,} metrics of {len(body.metrics):,} entities"
        case PatternTable():
            sampled = f" (sampled from {body.lines_seen:,})" if body.lines_read < body.lines_seen else ""
            return f"{len(body.patterns):,} patterns of {body.lines_read:,} lines{sampled}"
        case LogBatch():
            return f"{len(body.records):,} of {body.matched:,} lines"
        case SpanBatch():
            return f"{len(body.spans):,} of {body.matched:,} spans"
        case Table():
            return f"{body.title}: {len(body.rows):,} rows"
        case Topology():
            return f"{len(body.nodes):,} entities, {len(body.edges):,} call edges"
        case ChangeList():
            return f"{len(body.changes):,} changes"
        case FoundRunbooks():
            return f"{len(body.runbooks):,} runbooks, the first {body.runbooks[0].path if body.runbooks else 'none'}"
        case Change():
            return f"{body.kind.value} {short_id(body.id)}, {len((body.diff or '').splitlines()):,} lines of diff"

"""The core: investigate an alert, resume what stopped, replay what ended. One loop drives the graph for all three."""

import logging
import time
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from agent.backends import Backends
from agent.begun import Begun
from agent.bench import Bench
from agent.budget import Budget
from agent.checkpoints import open_checkpoints
from agent.events import (
    ApprovalNeeded,
    Compared,
    Event,
    EvidenceFound,
    Finished,
    Ranked,
    StageFinished,
    StageStarted,
    Started,
)
from agent.evidence import EvidenceStore
from agent.graph import Machine, build_graph
from agent.ledger import CallRow, Ledger, LedgerError
from agent.reasoners import Reasoner
from agent.reasoners.choice import choose
from agent.report.failure import report_of_failure
from agent.report.model import Report
from agent.settings import DayCeilings, MonthCeilings, Periods, Settings
from agent.sources import Source, tools_of
from agent.state import STATE_VERSION, Action, Alert, Approval, Investigation
from agent.storage_trouble import is_storage_trouble
from agent.toolbelt import Toolbelt
from tools.actions import ActionSpec

_log = logging.getLogger(__name__)

_NO_PERIODS = Periods(day=DayCeilings(usd=None), month=MonthCeilings(usd=None))
_STEPS = 100  # of the graph; the longest way through four rounds is under thirty


class NotResumable(Exception):  # noqa: N818 - a state, named as one reads it
    """The investigation has nothing left to do, or waits for a decision that was not given."""


async def investigate(
    alert: Alert, source: Source, settings: Settings, *, id: str = "", backends: Backends | None = None,
    actions: Mapping[str, ActionSpec] | None = None, reasoner: Reasoner | None = None,
) -> AsyncGenerator[Event, None]:  # fmt: skip
    """Run a new investigation to its end (or to a question for a person), telling what happens as it happens.

    ``backends`` is shared by a process that runs more than one; ``id`` is for whoever must know it beforehand.
    """
    id = id or new_id()
    ledger = Ledger(settings.home)
    begun = Begun.of(settings)
    ledger.create_investigation(id, alert.model_dump_json(), source.model_dump_json(), begun.model_dump_json())
    state = Investigation(version=STATE_VERSION, id=id, alert=alert, reasoner="statistical", round=0)
    yield Started(id, alert)
    async with aclosing(_run(id, state, source, settings, ledger, backends, actions or {}, reasoner)) as events:
        async for event in events:
            yield event


async def resume(
    id: str, settings: Settings, *, decisions: Sequence[Approval] | None = None, backends: Backends | None = None,
    actions: Mapping[str, ActionSpec] | None = None, reasoner: Reasoner | None = None,
) -> AsyncGenerator[Event, None]:  # fmt: skip
    """Go on where it stopped: after a crash with no argument, after a question with the decisions. What it was begun
    with counts, not what ``settings`` say of it now.

    Raises ``NotResumable`` when it has ended, or when it waits and no decision is given; ``UnknownInvestigation``.
    """
    ledger = Ledger(settings.home)
    row = ledger.investigation(id)
    if row.status == "done":
        raise NotResumable(f"investigation {row.id} has ended; see it with: pcause show {row.id}")
    alert = Alert.model_validate_json(row.alert)
    source = Source.model_validate_json(row.source)
    settings = Begun.read(row.settings).over(settings)
    yield Started(row.id, alert, resumed=True)
    async with aclosing(_run(row.id, decisions, source, settings, ledger, backends, actions or {}, reasoner)) as events:
        async for event in events:
            yield event


async def replay(id: str, settings: Settings, *, reasoner: Reasoner | None = None) -> AsyncGenerator[Event, None]:
    """Run an ended investigation again over its recorded answers, with what it was begun with, and compare the reports;
    no backend is touched and no model asked."""
    ledger = Ledger(settings.home)
    row = ledger.investigation(id)
    if not row.report:
        raise NotResumable(
            f"investigation {row.id} has no report to compare with; finish it with: pcause resume {row.id}"
        )
    before = Report.model_validate_json(row.report)
    again = Begun.read(row.settings).over(settings)
    source = Source(kind="replay", place=row.id)
    alert = Alert.model_validate_json(row.alert)
    async with aclosing(investigate(alert, source, again, reasoner=reasoner)) as events:
        async for event in events:
            yield event
            if isinstance(event, Finished):
                changed = differences(before, event.report)
                yield Compared(not changed, changed)


def new_id() -> str:
    """A fresh investigation id."""
    return uuid.uuid4().hex[:12]


def comparable(report: Report) -> dict[str, Any]:
    """A report without its ids, its times, and what models cost: equal for equal input."""
    kept = report.model_dump(mode="json", exclude={"investigation_id", "created_at", "model_use"})
    kept["spend"] = {name: kept["spend"][name] for name in ("tool_calls", "points")}
    return dict(kept)


def differences(before: Report, after: Report) -> tuple[str, ...]:
    """Names of the report's fields that differ."""
    old, new = comparable(before), comparable(after)
    return tuple(sorted(name for name in old if old[name] != new[name]))


@contextmanager
def _alone(home: Path, id: str) -> Iterator[None]:
    """Only one process runs an investigation; the system frees the lock of one that dies."""
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{id}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise NotResumable(f"investigation {id} is being run by another process") from None
    try:
        yield
    finally:
        lock.release()


async def _run(
    id: str, given: Investigation | Sequence[Approval] | None, source: Source, settings: Settings, ledger: Ledger,
    backends: Backends | None, actions: Mapping[str, ActionSpec], reasoner: Reasoner | None,
) -> AsyncGenerator[Event, None]:  # fmt: skip
    """The only loop. Whatever goes wrong in a stage ends in a report that says so, but for what a disk does not take:
    that is raised, and what was begun can be resumed when there is room."""
    store = EvidenceStore(settings.home / "evidence")
    with _alone(settings.home, id), open_checkpoints(settings.home) as saver:
        machine = build_graph(saver, settings.max_rounds)
        config: RunnableConfig = {
            "configurable": {"thread_id": id, "__pregel_strict_resume": True},
            "recursion_limit": _STEPS,
        }
        last_stage = "triage"
        try:
            tools = tools_of(source, ledger, store, backends or Backends(settings))
            alerted = Alert.model_validate_json(ledger.investigation(id).alert)
            recorded = _recorded(source, ledger)
            # What was spent today must not change what a replay says: it pays for nothing.
            periods = settings.periods if recorded is None else _NO_PERIODS
            budget = Budget(ledger, id, settings.ceilings, source=alerted.source, periods=periods)
            weighs = reasoner or choose(settings, budget, tools, recorded)
            belt = Toolbelt(tools, budget, store)
            bench = Bench(id, belt, store, ledger, weighs, actions, settings.max_rounds, time.time)
            state, done = await _entry(machine, config, id, given, ledger)
            ledger.set_status(id, "running")
            async with aclosing(_events(machine, state, config, bench, done)) as events:
                async for event in events:
                    if isinstance(event, StageStarted):
                        last_stage = event.stage
                        ledger.stage_started(id, event.stage, event.branch)
                    yield event
        except NotResumable:
            raise
        except Exception as error:
            if is_storage_trouble(error):
                _interrupt(ledger, id)
                raise
            snapshot = await machine.aget_state(config)
            report = report_of_failure(id, dict(snapshot.values), ledger, last_stage, error, time.time())
            ledger.save_report(id, report.headline, report.probability, report.model_dump_json())
            ledger.set_status(id, "failed")
            yield Finished(report)
            return
        except BaseException:  # cancelled or interrupted: it can be resumed
            _interrupt(ledger, id)
            raise
        snapshot = await machine.aget_state(config)
        if snapshot.interrupts:
            ledger.set_status(id, "waiting")
            asked = tuple(Action.model_validate(item) for item in snapshot.interrupts[0].value)
            yield ApprovalNeeded(id, asked)
            return
    ledger.set_status(id, "done")
    yield Finished(Report.model_validate_json(ledger.investigation(id).report))


def _recorded(source: Source, ledger: Ledger) -> dict[str, CallRow] | None:
    """The calls that a replay answers a model's questions from; None where the source is no replay.

    A replay asks no model and has no such calls of its own, so those of a replay's replay are the first investigation's.
    """
    first = ""
    while source.kind == "replay":
        first, source = source.place, Source.model_validate_json(ledger.investigation(source.place).source)
    return {row.call_id: row for row in ledger.calls(first)} if first else None


def _interrupt(ledger: Ledger, id: str) -> None:
    try:
        ledger.set_status(id, "interrupted")
    except LedgerError as error:  # "running" can be resumed as well, and what happened matters more
        _log.error("cannot note that investigation %s was interrupted: %s", id, error)


async def _entry(
    machine: Machine,
    config: RunnableConfig,
    id: str,
    given: Investigation | Sequence[Approval] | None,
    ledger: Ledger,
) -> tuple[Any, frozenset[str]]:
    """What to hand to the graph (the first state, the answer to the pending question, or None to go on), and the
    tasks of its next step that had finished already: LangGraph announces them again without running them."""
    if isinstance(given, dict):
        return given, frozenset()
    snapshot = await machine.aget_state(config)
    done = frozenset(task.id for task in snapshot.tasks if task.result is not None)
    if snapshot.interrupts:
        if not given:
            raise NotResumable(f"investigation {id} waits for a decision about an action")
        question = snapshot.interrupts[0]
        return Command(resume={question.id: [approval.model_dump() for approval in given]}), done
    if snapshot.values:
        return None, done
    # Killed before the first checkpoint: nothing was done yet, so begin.
    alert = Alert.model_validate_json(ledger.investigation(id).alert)
    return Investigation(version=STATE_VERSION, id=id, alert=alert, reasoner="statistical", round=0), done


async def _events(
    machine: Machine,
    state: Any,  # noqa: ANN401 - what LangGraph takes as input
    config: RunnableConfig,
    bench: Bench,
    done: frozenset[str],
) -> AsyncGenerator[Event, None]:
    """LangGraph's task stream as our events."""
    stream = machine.astream(state, config, context=bench, stream_mode="tasks", durability="sync", version="v2")
    async for part in stream:
        task: Any = part["data"]  # of a task, by stream_mode
        if task["id"] in done:
            continue
        branch = _branch(task)
        if "result" not in task:
            yield StageStarted(task["name"], branch)
            continue
        result = task["result"] if isinstance(task["result"], dict) else dict(task["result"] or ())
        for item in result.get("evidence", []):
            yield EvidenceFound(item)
        if "diagnosis" in result:
            yield Ranked(result["diagnosis"].hypotheses)
        yield StageFinished(task["name"], branch)


def _branch(task: Mapping[str, Any]) -> str:
    given = task.get("input")
    return str(given.get("source", "")) if isinstance(given, dict) and task["name"] == "gather" else ""


def investigation_ids(settings: Settings) -> list[str]:
    """Ids in the ledger, newest first (for shell completion)."""
    return [row.id for row in Ledger(settings.home).investigations(50)]


__all__ = ["NotResumable", "comparable", "differences", "investigate", "new_id", "replay", "resume"]

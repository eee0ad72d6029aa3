"""The core: investigate an alert, resume what stopped, replay what ended. One loop drives the graph for all three."""

import logging
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from agent.acting import Acting
from agent.alone import NotResumable, alone
from agent.approvals import Approvals
from agent.asking import asked_since, with_asked
from agent.audit import Audit
from agent.backends import Backends
from agent.begun import Begun
from agent.bench import Bench
from agent.budget import Budget
from agent.checkpoints import open_checkpoints
from agent.comparing import differences
from agent.event_log import EventLog, told_to
from agent.events import (
    ApprovalNeeded,
    Compared,
    Event,
    Finished,
    StageStarted,
    Started,
)
from agent.evidence import EvidenceStore
from agent.graph import Machine, build_graph
from agent.graph_events import graph_events
from agent.ledger import CallRow, Ledger, LedgerError
from agent.reasoners import Reasoner
from agent.reasoners.choice import choose
from agent.report.failure import report_of_failure
from agent.report.model import Report
from agent.settings import DayCeilings, MonthCeilings, Periods, Settings
from agent.sources import Source, tools_of
from agent.state import STATE_VERSION, Action, Alert, Approval, Investigation
from agent.steering import exclusions, told
from agent.storage_trouble import is_storage_trouble
from agent.toolbelt import Toolbelt
from tools.actions.spec import ActionSpec

_log = logging.getLogger(__name__)

_NO_PERIODS = Periods(day=DayCeilings(usd=None), month=MonthCeilings(usd=None))
_STEPS = 200  # of the graph; the longest way through four rounds is under thirty, and a wrong cause begins it anew


async def investigate(
    alert: Alert, source: Source, settings: Settings, *, id: str = "", backends: Backends | None = None,
    actions: Mapping[str, ActionSpec[Any]] | None = None, reasoner: Reasoner | None = None, requested_by: str = "",
) -> AsyncGenerator[Event, None]:  # fmt: skip
    """Run a new investigation to its end (or to a question for a person), telling what happens as it happens.

    ``backends`` is shared by a process that runs more than one; ``id`` is for whoever must know it beforehand;
    ``actions`` are by default those of the settings, over live systems only; ``requested_by`` is ``door:identity``.
    """
    id = id or new_id()
    ledger = Ledger(settings.home)
    begun = Begun.of(settings)
    told = (alert.model_dump_json(), source.model_dump_json(), begun.model_dump_json())
    ledger.create_investigation(id, *told, requested_by)
    state = Investigation(version=STATE_VERSION, id=id, alert=alert, reasoner="statistical", round=0)
    yield Started(id, alert)
    async with aclosing(_run(id, state, source, settings, ledger, backends, actions, reasoner)) as events:
        async for event in events:
            yield event


async def resume(
    id: str, settings: Settings, *, backends: Backends | None = None,
    actions: Mapping[str, ActionSpec[Any]] | None = None, reasoner: Reasoner | None = None,
) -> AsyncGenerator[Event, None]:  # fmt: skip
    """Go on where it stopped: after a crash, or after a question with what was decided (in the ledger). What it was
    begun with counts, not what ``settings`` say of it now.

    Raises ``NotResumable`` when it has ended, or when it waits for a decision; ``UnknownInvestigation``.
    """
    ledger = Ledger(settings.home)
    row = ledger.investigation(id)
    if row.status == "done":
        raise NotResumable(f"investigation {row.id} has ended; see it with: pcause show {row.id}")
    alert = Alert.model_validate_json(row.alert)
    source = Source.model_validate_json(row.source)
    settings = Begun.read(row.settings).over(settings)
    yield Started(row.id, alert, resumed=True)
    async with aclosing(_run(row.id, None, source, settings, ledger, backends, actions, reasoner)) as events:
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


async def _run(
    id: str, given: Investigation | None, source: Source, settings: Settings, ledger: Ledger,
    backends: Backends | None, actions: Mapping[str, ActionSpec[Any]] | None, reasoner: Reasoner | None,
) -> AsyncGenerator[Event, None]:  # fmt: skip
    """The only loop. Whatever goes wrong in a stage ends in a report that says so, but for what a disk does not take:
    that is raised, and what was begun can be resumed when there is room."""
    store = EvidenceStore(settings.home / "evidence")
    log, approvals = EventLog(settings.home), Approvals(settings)
    with alone(settings.home, id), open_checkpoints(settings.home) as saver:
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
            specs = _actions(settings, source) if actions is None else actions
            bench = _bench(
                id,
                belt,
                ledger,
                weighs,
                Acting(specs, approvals, ledger, Audit(settings.home), time.time),
                settings,
                source,
            )
            state, done = await _entry(machine, config, bench, given, approvals)
            ledger.set_status(id, "running")
            async with aclosing(told_to(log, id, graph_events(machine, state, config, bench, done))) as events:
                async for event in events:
                    last_stage = event.stage if isinstance(event, StageStarted) else last_stage
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
            log.tell(id, [Finished(report)])
            ledger.set_status(id, "failed")
            yield Finished(report)
            return
        except BaseException:  # cancelled or interrupted: it can be resumed
            _interrupt(ledger, id)
            raise
        snapshot = await machine.aget_state(config)
        if snapshot.interrupts:
            asked = tuple(Action.model_validate(item) for item in snapshot.interrupts[0].value)
            needed = ApprovalNeeded(id, asked, Report.model_validate_json(ledger.investigation(id).report))
            log.tell(id, [needed])
            approvals.wait(id)
            yield needed
            return
        finished = Finished(Report.model_validate_json(ledger.investigation(id).report))
        log.tell(id, [finished])
        # What was said since the last weighing is for whoever goes on.
        ledger.set_status(id, "decided" if _unheard(settings.home, id, snapshot.values) else "done")
    yield finished


def _bench(
    id: str, belt: Toolbelt, ledger: Ledger, weighs: Reasoner, acting: Acting, settings: Settings, source: Source
) -> Bench:
    watched = settings.verify_seconds if source.kind == "live" else 0.0
    store = EvidenceStore(settings.home / "evidence")
    return Bench(id, belt, store, ledger, weighs, acting, settings.home, settings.max_rounds, time.time, watched)


def _actions(settings: Settings, source: Source) -> Mapping[str, ActionSpec[Any]]:
    """What can be done to live systems; what was recorded is not acted on."""
    if source.kind != "live":
        return {}
    from agent.actions import build_actions

    return build_actions(settings)


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
    machine: Machine, config: RunnableConfig, bench: Bench, given: Investigation | None, approvals: Approvals
) -> tuple[Any, frozenset[str]]:
    """What to hand to the graph (the first state, the answer to the pending question, or None to go on), and the
    tasks of its next step that had finished already: LangGraph announces them again without running them."""
    if given is not None:
        return given, frozenset()
    id, snapshot = bench.investigation_id, await machine.aget_state(config)
    done = frozenset(task.id for task in snapshot.tasks if task.result is not None)
    stands = bool(snapshot.values) and (not snapshot.next or bool(snapshot.interrupts))
    if stands and (asked := asked_since(snapshot.values, approvals.requests(id))):
        await machine.aupdate_state(config, with_asked(snapshot.values, asked, _decided(id, approvals)), "ask_approval")
        return None, frozenset()
    if snapshot.interrupts:
        question = snapshot.interrupts[0]
        keys = {item["key"] for item in question.value}
        answers = [approval.model_dump() for approval in _decided(id, approvals) if approval.action_key in keys]
        return Command(resume={question.id: answers}), done
    if snapshot.values and not snapshot.next and _unheard(bench.home, id, snapshot.values):
        await machine.aupdate_state(config, {}, "gather")  # its telemetry stands; it is weighed again
        return None, frozenset()
    if snapshot.values:
        return None, done
    # Killed before the first checkpoint: nothing was done yet, so begin.
    alert = Alert.model_validate_json(bench.ledger.investigation(id).alert)
    return Investigation(version=STATE_VERSION, id=id, alert=alert, reasoner="statistical", round=0), done


def _unheard(home: Path, id: str, values: Mapping[str, Any]) -> bool:
    """Whether somebody said that a cause is wrong after it was weighed last."""
    heard: int = values.get("heard", 0)
    return exclusions(told(home, id)) > heard


def _decided(id: str, approvals: Approvals) -> tuple[Approval, ...]:
    """Raises ``NotResumable`` while somebody has to decide."""
    approvals.expire()
    decided = approvals.decisions(id)
    if decided is None:
        raise NotResumable(
            f"investigation {id} waits for a decision about an action; pcause approve {id} or pcause reject {id}"
        )
    return decided


def investigation_ids(settings: Settings) -> list[str]:
    """Ids in the ledger, newest first (for shell completion)."""
    return [row.id for row in Ledger(settings.home).investigations(50)]


__all__ = ["NotResumable", "investigate", "new_id", "replay", "resume"]

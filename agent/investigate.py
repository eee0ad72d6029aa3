"""The core: investigate an alert, resume what stopped, replay what ended. One loop drives the graph for all three."""

import logging
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from agent.acting import Acting
from agent.alone import NotResumable, WaitsForDecision, alone
from agent.approvals import Approvals
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
from agent.past_incidents import is_confirmed, unconfirm
from agent.reasoners import Reasoner
from agent.reasoners.choice import choose
from agent.report.failure import report_of_failure, with_trouble
from agent.report.model import Report
from agent.settings import DayCeilings, MonthCeilings, Periods, Settings
from agent.sources import Source, tools_of
from agent.standing import asked_since, status_after, unheard, with_asked
from agent.state import STATE_VERSION, Action, Alert, Investigation
from agent.steering import repeat_steering, told
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
            if isinstance(event, Started):  # what people said to it is said to its replay, too
                repeat_steering(settings.home, row.id, event.investigation_id)
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
    log, approvals = EventLog(settings.home), Approvals(settings)
    with alone(settings.home, id), open_checkpoints(settings.home) as saver:
        machine = build_graph(saver, settings.max_rounds)
        config: RunnableConfig = {
            "configurable": {"thread_id": id, "__pregel_strict_resume": True},
            "recursion_limit": _STEPS,
        }
        last_stage, before = "triage", ledger.investigation(id).report
        try:
            bench = _bench(id, source, settings, ledger, approvals, backends, actions, reasoner)
            state, done = await _entry(machine, config, bench, given, approvals)
            ledger.set_status(id, "running")
            async with aclosing(told_to(log, id, graph_events(machine, state, config, bench, done))) as events:
                async for event in events:
                    last_stage = event.stage if isinstance(event, StageStarted) else last_stage
                    yield event
        except WaitsForDecision:
            ledger.set_status(id, "waiting")
            raise
        except NotResumable:
            raise
        except Exception as error:
            if is_storage_trouble(error):
                _interrupt(ledger, id)
                raise
            snapshot = await machine.aget_state(config)
            report = _broken(id, snapshot.values, ledger, last_stage, error)
            ledger.save_report(id, report.headline, report.probability, report.model_dump_json())
            log.tell(id, [Finished(report)])
            ledger.set_status(id, "failed")
            yield Finished(report)
            return
        except BaseException:  # cancelled or interrupted: it can be resumed
            _interrupt(ledger, id)
            raise
        snapshot = await machine.aget_state(config)
        asked = tuple(Action.model_validate(item) for one in snapshot.interrupts for item in one.value)
        report = Report.model_validate_json(ledger.investigation(id).report)
        last: Event = ApprovalNeeded(id, asked, report) if asked else Finished(report)
        log.tell(id, [last])
        _forget_if_other(before, report, settings)
        keys = frozenset(action.key for action in asked)
        approvals.put_down(id, lambda requests, said: status_after(snapshot.values, keys, requests, said))
    yield last


def _broken(id: str, values: Mapping[str, Any], ledger: Ledger, stage: str, error: Exception) -> Report:
    """A report that says so; one that stood before keeps its verdict."""
    standing = ledger.investigation(id).report
    if not standing:
        return report_of_failure(id, dict(values), ledger, stage, error, time.time())
    _log.error("investigation %s broke in %s, after its report", id, stage, exc_info=error)
    return with_trouble(Report.model_validate_json(standing), stage, error)


def _forget_if_other(before: str, report: Report, settings: Settings) -> None:
    """What was confirmed under another verdict teaches no more."""
    if not before or not is_confirmed(report.investigation_id, settings):
        return
    if _verdict_of(Report.model_validate_json(before)) == _verdict_of(report):
        return
    try:
        unconfirm(report.investigation_id, settings)
    except (OSError, RuntimeError, ValueError) as error:
        _log.error("investigation %s is still kept as confirmed: %s", report.investigation_id, error)


def _verdict_of(report: Report) -> tuple[str, ...]:
    return report.fault_kind.value, report.first_failing, report.change.id if report.change else ""


def _bench(
    id: str, source: Source, settings: Settings, ledger: Ledger, approvals: Approvals, backends: Backends | None,
    actions: Mapping[str, ActionSpec[Any]] | None, reasoner: Reasoner | None,
) -> Bench:  # fmt: skip
    """All that the stages work with."""
    store = EvidenceStore(settings.home / "evidence")
    tools = tools_of(source, ledger, store, backends or Backends(settings))
    alerted = Alert.model_validate_json(ledger.investigation(id).alert)
    recorded = _recorded(source, ledger)
    # What was spent today must not change what a replay says: it pays for nothing.
    periods = settings.periods if recorded is None else _NO_PERIODS
    budget = Budget(ledger, id, settings.ceilings, source=alerted.source, periods=periods)
    weighs = reasoner or choose(settings, budget, tools, recorded)
    specs = _actions(settings, source) if actions is None else actions
    acting = Acting(specs, approvals, ledger, Audit(settings.home), time.time)
    watched = settings.verify_seconds if source.kind == "live" else 0.0
    belt = Toolbelt(tools, budget, store)
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
    values, done = snapshot.values, frozenset(task.id for task in snapshot.tasks if task.result is not None)
    approvals.expire()
    requests = approvals.requests(id)
    stands = bool(values) and (not snapshot.next or bool(snapshot.interrupts))
    asked = asked_since(values, requests) if stands else ()
    if decided := [request for request in asked if request.is_decided]:
        await machine.aupdate_state(config, with_asked(values, decided, requests), "ask_approval")
        return None, frozenset()
    if snapshot.interrupts:
        question = snapshot.interrupts[0]
        keys = {item["key"] for item in question.value}
        answers = [r for r in requests if r.action_key in keys]
        if not all(request.is_decided for request in answers):
            raise _waits(id)
        return Command(resume={question.id: [request.as_approval.model_dump() for request in answers]}), done
    if stands and unheard(values, told(bench.home, id)):
        await machine.aupdate_state(config, {}, "gather")  # its telemetry stands; it is weighed again
        return None, frozenset()
    if asked:
        raise _waits(id)
    if values:
        return None, done
    # Killed before the first checkpoint: nothing was done yet, so begin.
    alert = Alert.model_validate_json(bench.ledger.investigation(id).alert)
    return Investigation(version=STATE_VERSION, id=id, alert=alert, reasoner="statistical", round=0), done


def _waits(id: str) -> WaitsForDecision:
    return WaitsForDecision(
        f"investigation {id} waits for a decision about an action; pcause approve {id} or pcause reject {id}"
    )


def investigation_ids(settings: Settings) -> list[str]:
    """Ids in the ledger, newest first (for shell completion)."""
    return [row.id for row in Ledger(settings.home).investigations(50)]


__all__ = ["NotResumable", "investigate", "new_id", "replay", "resume"]

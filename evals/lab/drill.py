"""One fault from beginning to end in a world of its own: baseline, injection, alert, report, undo."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.ledger import LedgerError
from agent.recorder import RecorderError, record_investigation
from agent.settings import Settings
from evals.lab.agent_server import AgentServer
from evals.lab.assembly import WorldOptions, assemble
from evals.lab.fault import Fault
from evals.lab.innocent import innocent_steps
from evals.lab.mending import Desk, LedgerDesk, Mended, MendError, Mending
from evals.lab.steps import PlannedStep, describe
from evals.lab.world import World
from tools.recording_files import RecordingError

WARM_UP_SECONDS = 8.0
AFTER_REPORT_SECONDS = 10.0
_REPORT_SECONDS = 150.0  # a report is due within the agent's own ceiling of 120 s
_LOOK_SECONDS = 0.5
_UNDONE_SECONDS = 50.0  # gauges over the last requests need that long to forget
Say = Callable[[str], None]
DeskOf = Callable[[AgentServer, str], Desk]


@dataclass
class Outcome:
    """What came of one drill. Times are epoch seconds; ``change_id`` is the true change, "" where none is to
    blame; ``change_names`` are all ids under which a report may name it.
    """

    fault: Fault
    happened: bool = False
    undone: bool = False
    injected_at: float | None = None
    alerted_at: float | None = None
    reported_at: float | None = None
    report: dict[str, Any] | None = None
    change_id: str = ""
    change_names: frozenset[str] = field(default_factory=frozenset)
    mended: Mended | None = None
    recording: str = ""
    error: str = ""


class Drill:
    """Runs one fault. ``say`` is told what happens; ``keep`` is the folder for its recording, if it is wanted.

    Where the options let the product act, ``desk_of`` gives whoever answers it, for an investigation's id.
    """

    def __init__(
        self,
        fault: Fault,
        options: WorldOptions,
        say: Say,
        keep: Path | None = None,
        warm_up_seconds: float = WARM_UP_SECONDS,
        desk_of: DeskOf = lambda server, _: LedgerDesk(server.settings),
    ) -> None:
        self._fault = fault
        self._warm_up_seconds = warm_up_seconds
        self._options = options
        self._desk_of = desk_of
        self._keep = keep
        self._begun = time.monotonic()
        self._tell = say
        self._accepted = ""  # the investigation's id
        self.outcome = Outcome(fault)

    def run(self) -> Outcome:
        """Everything, in order. What a part of the world complains of becomes the outcome's ``error``."""
        self._say("starting a world")
        try:
            with assemble(self._options, self._fault.load, self._say) as world:
                self._rehearse(world)
        except Exception as error:  # whatever breaks one drill, the other faults still have theirs
            self.outcome.error = f"{type(error).__name__}: {error}"
            self._say(self.outcome.error)
        return self.outcome

    def _say(self, text: str) -> None:
        self._tell(f"{time.monotonic() - self._begun:6.1f} s  {self._fault.name}: {text}")

    def _rehearse(self, world: World) -> None:
        before, after = innocent_steps(self._fault.name, self._fault.truth.service)
        self._say("warming up")
        time.sleep(self._warm_up_seconds)
        self._live_through(world, (*before, *self._fault.before))
        self._check_quiet(world)
        with self._injected(world) as begun:
            self._watch(world, begun, _Plan(begun, (*after, *self._fault.after)))
            if self._options.act and self.outcome.report is not None:
                self._mend(world)
            elif self._options.investigate and self.outcome.report is not None:
                time.sleep(AFTER_REPORT_SECONDS)
        self.outcome.undone = self._is_undone(world)
        if world.shipper.failed_beats:
            self._say(
                f"logs and spans came late: {world.shipper.failed_beats} bulk requests to {world.search.name} failed"
            )
        self._record(world)

    def _live_through(self, world: World, steps: tuple[PlannedStep, ...]) -> None:
        begun = time.time()
        plan = _Plan(begun, steps)
        while time.time() < begun + self._fault.baseline_seconds:
            self._take_due(world, plan)
            time.sleep(_LOOK_SECONDS)

    def _check_quiet(self, world: World) -> None:
        if self._fault.effect.holds(value := world.measure(self._fault.effect.query)):
            raise RuntimeError(f"the effect is there before the fault (it is {value:.4g}); is this machine busy?")
        if world.responder.accepted():
            raise RuntimeError("an alert fired before the fault; is this machine busy?")

    @contextmanager
    def _injected(self, world: World) -> Iterator[float]:
        begun = self.outcome.injected_at = time.time()
        self._say(f"injecting: {self._fault.summary}")
        try:
            self._fault.inject(world)
            if self._fault.truth.change is not None:
                self.outcome.change_id = world.maker.id_of(self._fault.truth.change)
                self.outcome.change_names = world.maker.names_of(self._fault.truth.change)
            yield begun
        finally:
            self._say("undoing it")
            self._fault.undo(world)

    def _watch(self, world: World, begun: float, plan: "_Plan") -> None:
        """Until there is a report (or, with a mere listener, an alert) and the effect was seen, or patience ends."""
        patience = begun + self._fault.patience_seconds
        while time.time() < (self.outcome.alerted_at + _REPORT_SECONDS if self.outcome.alerted_at else patience):
            self._take_due(world, plan)
            try:
                self._look(world)
            except OSError as error:  # a machine under a surge answers late: the next look may be luckier
                self._say(f"no answer: {error}")
            answered = self.outcome.report is not None if self._options.investigate else bool(self._accepted)
            if answered and (self.outcome.happened or time.time() > patience):
                return
            time.sleep(_LOOK_SECONDS)
        self._say("no report came" if self._accepted else "nobody was alerted")

    def _mend(self, world: World) -> None:
        """Answer what the product asks, and see that the effect goes without the lab's own undo."""
        if not isinstance(server := world.responder, AgentServer):
            raise MendError("nobody investigates, so nobody can act")
        desk = self._desk_of(server, self._accepted)
        mending = Mending(world, self._fault, self._accepted, server.settings, desk, self._say)
        self.outcome.mended = mending.mended
        try:
            mending.run()
        except MendError as error:  # whether the lab's own undo helps is still worth knowing
            self.outcome.error = str(error)
            self._say(self.outcome.error)

    def _look(self, world: World) -> None:
        self._look_for_effect(world)
        if not self._accepted:
            self._look_for_alert(world)
        elif self.outcome.report is None and self._options.investigate:
            self._look_for_report(world, self._accepted)

    def _look_for_effect(self, world: World) -> None:
        if not self.outcome.happened and self._fault.effect.holds(value := world.measure(self._fault.effect.query)):
            self.outcome.happened = True
            self._say(f"the effect is there: {value:.4g}")

    def _look_for_alert(self, world: World) -> None:
        first = next(iter(world.responder.accepted()), None)
        if first is not None:
            self._accepted, self.outcome.alerted_at = first.id, first.time
            self._say("alerted")

    def _look_for_report(self, world: World, id: str) -> None:
        self.outcome.report = world.responder.report(id)
        if self.outcome.report is not None:
            self.outcome.reported_at = time.time()
            self._say(f"reported: {self.outcome.report.get('headline', '')}")

    def _take_due(self, world: World, plan: "_Plan") -> None:
        for step in plan.due():
            self._say(describe(step.step))
            world.take(step.step)

    def _is_undone(self, world: World) -> bool:
        deadline = time.time() + _UNDONE_SECONDS
        while time.time() < deadline:
            if not self._fault.effect.holds(world.measure(self._fault.effect.query)):
                return True
            time.sleep(_LOOK_SECONDS)
        return False

    def _record(self, world: World) -> None:
        report, folder = self.outcome.report, self._keep
        if report is None or folder is None or not isinstance(world.responder, AgentServer):
            return
        place = folder / self._fault.name
        (place / "truth.json").unlink(missing_ok=True)
        try:
            record_investigation(report["investigation_id"], place, Settings(home=world.responder.home))
        except (RecorderError, RecordingError, LedgerError) as error:
            self._say(f"not recorded: {error}")
            return
        (place / "truth.json").write_text(json.dumps(truth_record(self.outcome), indent=2) + "\n")
        self.outcome.recording = str(place)


class _Plan:
    """Steps that are still to be taken, in order of time."""

    def __init__(self, begun: float, steps: tuple[PlannedStep, ...]) -> None:
        self._begun = begun
        self._steps = sorted(steps, key=lambda step: step.at_seconds)

    def due(self) -> Iterator[PlannedStep]:
        while self._steps and time.time() >= self._begun + self._steps[0].at_seconds:
            yield self._steps.pop(0)


def truth_record(outcome: Outcome) -> dict[str, object]:
    """The content of ``truth.json``; ``change`` is "" where no change is to blame."""
    truth = outcome.fault.truth
    return {
        "fault": outcome.fault.name,
        "service": truth.service,
        "fault_kind": truth.kind.value,
        "remediation": truth.remediation.value,
        "change": outcome.change_id,
        "change_names": sorted(outcome.change_names),
        "injected_at": outcome.injected_at,
    }

"""The end of an incident in the lab: the product asks, a person answers, and the shop is measured until it is well again.

The person is somebody at a door (``Desk``): the same steps, whether they answer in the ledger, on a page or in Slack.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from agent.approvals import Approvals, Request
from agent.audit import Audit
from agent.event_log import EventLog
from agent.ledger import Ledger
from agent.settings import Settings
from diagnosis.findings import Remediation
from evals.lab.acting import APPROVER, FLAG_BACK, ROLL_BACK, VERIFY_SECONDS
from evals.lab.fault import Fault
from evals.lab.world import World

_ASKED_SECONDS = 30.0
_ACTED_SECONDS = 90.0
_GONE_SECONDS = 60.0  # rates over 10 s, gauges over the last requests
_GONE_FOR_SECONDS = 6.0
_ENDED_SECONDS = VERIFY_SECONDS + 60.0
_LOOK_SECONDS = 0.5
_REMEDIES = {Remediation.ROLLBACK: ROLL_BACK, Remediation.FLAG_OFF: FLAG_BACK}
Found = TypeVar("Found")
Say = Callable[[str], None]


class MendError(RuntimeError):
    """The incident did not end as it should; the message says at which step."""


class Desk(Protocol):
    """Somebody at a door of the product. Raises ``MendError`` where the door does not let them."""

    def waits(self, requests: tuple[Request, ...]) -> None:
        """The product asks, and the report is there to be read."""

    def answer(self, request: Request, approved: bool, reason: str) -> None:
        """Answer one request."""

    def ended(self) -> None:
        """The investigation has ended."""


@dataclass
class Mended:
    """What came of it. Times are epoch seconds; ``report`` is the amended one, ``seen_gone_at`` when Prometheus last
    began to show that the effect is gone."""

    action: str = ""
    detail: str = ""
    asked_at: float | None = None
    approved_at: float | None = None
    acted_at: float | None = None
    seen_gone_at: float | None = None
    verified_at: float | None = None
    verification: str = ""
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LedgerDesk:
    """The approver of the lab, answering as a page of the product would for them, without a page."""

    settings: Settings

    def waits(self, requests: tuple[Request, ...]) -> None:
        """Nothing is to be shown."""

    def answer(self, request: Request, approved: bool, reason: str) -> None:
        """Take a ticket, and answer with it."""
        approvals = Approvals(self.settings)
        ticket = approvals.ticket(request.id, "web", APPROVER)
        approvals.decide(ticket, "web", APPROVER, approved, reason)

    def ended(self) -> None:
        """Nothing is to be shown."""


class Mending:
    """Sees one investigation through, from its question to its amended report."""

    def __init__(self, world: World, fault: Fault, id: str, settings: Settings, desk: Desk, say: Say) -> None:
        self._world, self._fault, self._id, self._desk, self._say = world, fault, id, desk, say
        self._approvals, self._log = Approvals(settings), EventLog(settings.home)
        self._ledger, self._audit = Ledger(settings.home), Audit(settings.home)
        self.mended = Mended()

    def run(self) -> Mended:
        """Every step in order. Raises ``MendError``."""
        remedy = remedy_of(self._fault)
        asked = _until(self._asked, _ASKED_SECONDS, "nobody was asked to approve anything", self._not_offered)
        self.mended.asked_at = time.time()
        self._say(f"asked: {', '.join(f'{request.action} of {request.target}' for request in asked)}")
        self._desk.waits(asked)
        self._answer(asked, remedy)
        acted = _until(lambda: self._acted(remedy), _ACTED_SECONDS, f"{remedy} was approved, but did not run")
        self.mended.acted_at, self.mended.detail = time.time(), str(acted.get("detail", ""))
        self._say(f"{remedy}: {acted.get('outcome')}: {self.mended.detail}")
        if acted.get("outcome") != "done":
            raise MendError(f"{remedy} ended as {acted.get('outcome')}: {self.mended.detail}")
        self.mended.seen_gone_at = self._gone()
        self._say("the effect is gone, by Prometheus")
        self.mended.report = _until(self._ended, _ENDED_SECONDS, "the investigation did not end after the action")
        self.mended.verified_at = time.time()
        verification = self.mended.report.get("verification") or {}
        self.mended.verification = str(verification.get("outcome", ""))
        self._say(f"the report is amended: {verification.get('sentence', 'it says nothing of it')}")
        self._check_once(remedy)
        self._desk.ended()
        return self.mended

    def _check_once(self, remedy: str) -> None:
        """What was approved once was done once, and the audit log holds."""
        done = [row for row in self._audit.of(self._id) if row.what == "done"]
        if len(done) != 1 or remedy not in done[0].detail:
            raise MendError(f"the audit log names {len(done)} actions that were done, not {remedy} alone")
        if broken := self._audit.verify():
            raise MendError(f"the audit log does not hold: {broken}")

    def _not_offered(self) -> str:
        """What the report says of actions that nobody is asked about."""
        report = json.loads(self._ledger.investigation(self._id).report or "{}")
        said = [step["sentence"] for step in report.get("next_steps", ()) if step.get("risk") == "forbidden"]
        return "; the report says: " + (" ".join(said) or "nothing of an action")

    def _asked(self) -> tuple[Request, ...] | None:
        return self._approvals.pending(self._id) if self._status() == "waiting" else None

    def _answer(self, asked: tuple[Request, ...], remedy: str) -> None:
        chosen = next((request for request in asked if request.action == remedy), None)
        if chosen is None:
            raise MendError(f"{remedy} was not offered, but {', '.join(request.action for request in asked)}")
        for request in asked:
            if request is not chosen:
                self._desk.answer(request, False, f"{remedy} is tried first")
        self._desk.answer(chosen, True, "the evidence fits")
        self.mended.action, self.mended.approved_at = remedy, time.time()
        self._say(f"approved: {remedy} {chosen.arguments}")

    def _acted(self, remedy: str) -> dict[str, Any] | None:
        told = (event.body for event in self._log.since(self._id) if event.kind == "acted")
        return next((dict(body) for body in told if body["action"] == remedy), None)

    def _gone(self) -> float:
        """When the effect ended that has been gone for a while now."""
        since, deadline = None, time.time() + _GONE_SECONDS
        while time.time() < deadline:
            if self._fault.effect.holds(self._world.measure(self._fault.effect.query)):
                since = None
            elif since is None:
                since = time.time()
            elif time.time() > since + _GONE_FOR_SECONDS:
                return since
            time.sleep(_LOOK_SECONDS)
        raise MendError("the action was done, and the effect is still there")

    def _ended(self) -> dict[str, Any] | None:
        if self._status() not in ("done", "failed"):
            return None
        report: dict[str, Any] = json.loads(self._ledger.investigation(self._id).report)
        return report

    def _status(self) -> str:
        return self._ledger.investigation(self._id).status


def remedy_of(fault: Fault) -> str:
    """The action of the lab that ends a fault. Raises ``MendError`` where there is none."""
    remedy = fault.remedy or _REMEDIES.get(fault.truth.remediation, "")
    if not remedy:
        raise MendError(f"no action of the lab ends {fault.name}: its remedy is {fault.truth.remediation.value}")
    return remedy


def _until(
    look: Callable[[], Found | None], seconds: float, otherwise: str, why: Callable[[], str] = lambda: ""
) -> Found:
    """What is found within that time, else ``MendError``. An empty answer is none."""
    deadline = time.time() + seconds
    while True:
        if found := look():
            return found
        if time.time() > deadline:
            raise MendError(f"{otherwise} within {seconds:.0f} s{why()}")
        time.sleep(_LOOK_SECONDS)

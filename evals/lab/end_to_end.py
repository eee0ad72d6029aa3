"""The whole way, by script: a bad deploy, Alertmanager, the page in Chromium, an approval, the rollback, and a report that
says so. ``pcause lab end-to-end`` runs it."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from agent.approvals import Request
from evals.lab.agent_server import AgentServer
from evals.lab.assembly import WorldOptions
from evals.lab.browser import Browser
from evals.lab.drill import Drill, Outcome
from evals.lab.faults import every_fault
from evals.lab.mending import Desk, MendError
from evals.lab.scoring import score

FAULT = "bad-deploy"
WAITING, RECOVERED = "end-to-end-waiting", "end-to-end-recovered"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """What was done or seen, and the seconds since the step before."""

    step: str
    seconds: float


@dataclass(frozen=True)
class Walked:
    """What came of it: ``ok`` only where Prometheus shows no symptom and the report says so. ``change_correct``: the
    change that it blamed is the one that was made to fail; a rollback may help where it is not."""

    ok: bool
    investigation: str
    door: str
    symptom_gone: bool
    verification: str
    change_correct: bool
    steps: tuple[Step, ...]
    pictures: tuple[str, ...]
    error: str

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


class Steps:
    """The steps so far. ``say`` is told each."""

    def __init__(self, say: Say) -> None:
        self._say, self._last = say, time.monotonic()
        self.taken: list[Step] = []

    def take(self, text: str) -> None:
        """Note a step that has just ended."""
        now = time.monotonic()
        step = Step(text, round(now - self._last, 1))
        self._last = now
        self.taken.append(step)
        self._say(f"{step.seconds:6.1f} s  {text}")


class Clerk:
    """Somebody who reads the page and then answers at another desk. Pictures are taken before and after."""

    def __init__(self, server: AgentServer, id: str, browser: Browser, desk: Desk, door: str, steps: Steps) -> None:
        self._url = f"{server.url}/investigations"
        self._id, self._browser, self._desk, self._door, self._steps = id, browser, desk, door, steps
        self.pictures: list[str] = []

    def waits(self, requests: tuple[Request, ...]) -> None:
        """Find the investigation in the list, and read what is asked."""
        self._browser.open(self._url)
        self._browser.open(f"{self._url}/{self._id}")
        self._browser.see(*(request.action for request in requests))
        self._picture(WAITING, "An action waits for a decision")
        self._steps.take(f"its page in Chromium shows the report and asks for {requests[0].action}")
        self._desk.waits(requests)

    def answer(self, request: Request, approved: bool, reason: str) -> None:
        """Answer at the other desk."""
        self._desk.answer(request, approved, reason)
        self._steps.take(f"{'approved' if approved else 'rejected'} {self._door}: {request.action} {request.arguments}")

    def ended(self) -> None:
        """Read the amended report."""
        self._desk.ended()
        self._browser.open(f"{self._url}/{self._id}")
        self._browser.see("recovered")
        self._picture(RECOVERED, "Actions")
        self._steps.take("its page in Chromium says that the symptom is gone")
        if self._browser.complaints:
            raise MendError(f"the page's script complained: {self._browser.complaints[0]}")

    def _picture(self, name: str, at: str) -> None:
        if (path := self._browser.picture(name, at)) is not None:
            self.pictures.append(str(path))


@dataclass(frozen=True)
class Door:
    """Where the approval is given. ``open`` gives the desk, for the server and the id of the investigation; ``options``
    hold what the product must be told for it."""

    name: str
    open: Callable[[AgentServer, str, Browser], Desk]
    options: WorldOptions


class EndToEnd:
    """Runs the script once. ``baseline_seconds`` is how long the shop is well before the deploy."""

    def __init__(
        self, door: Door, browser: Browser, say: Say, keep: Path | None = None, baseline_seconds: float = 60.0
    ) -> None:
        self._door, self._browser, self._keep = door, browser, keep
        self._fault = replace(every_fault()[FAULT], baseline_seconds=baseline_seconds)
        self._steps, self._say = Steps(say), say
        self._clerk: Clerk | None = None
        self._id = ""

    def run(self) -> Walked:
        """Everything in order; what goes wrong is told, not raised."""
        drill = Drill(self._fault, self._door.options, self._note, self._keep, desk_of=self._desk)
        return self._walked(drill.run())

    def _desk(self, server: AgentServer, id: str) -> Desk:
        self._id = id
        desk = self._door.open(server, id, self._browser)
        self._clerk = Clerk(server, id, self._browser, desk, self._door.name, self._steps)
        return self._clerk

    def _note(self, line: str) -> None:
        """Each thing that the drill tells is a step, without its clock and the fault's name."""
        self._steps.take(line.partition(f"{FAULT}: ")[2] or line.strip())

    def _walked(self, outcome: Outcome) -> Walked:
        mended = outcome.mended
        gone = mended is not None and mended.seen_gone_at is not None
        verification = mended.verification if mended else ""
        error = outcome.error or ("" if mended else "no report came, so nobody was asked")
        return Walked(
            ok=gone and verification == "recovered" and not error,
            investigation=self._id,
            door=self._door.name,
            symptom_gone=gone,
            verification=verification,
            change_correct=score(outcome).change_correct,
            steps=tuple(self._steps.taken),
            pictures=tuple(self._clerk.pictures) if self._clerk else (),
            error=error,
        )

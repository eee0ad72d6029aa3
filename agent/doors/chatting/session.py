"""One conversation: what is open, what is asked, what runs. It draws on a console and reads from nobody."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console

from agent.backends import Backends
from agent.doors.chatting.drawing import as_json, draw, draw_verdict
from agent.doors.watching import Telling
from agent.handover import handover
from agent.ledger import InvestigationRow, Ledger
from agent.questions.answering import Answerer, Asked
from agent.questions.reply import Reply
from agent.report.model import Report
from agent.report.text import inert
from agent.settings import Settings
from agent.sources import Source
from agent.state import Alert

if TYPE_CHECKING:
    from agent.events import Event
    from tools.actions.spec import ActionSpec


async def _nobody(question: str) -> str:
    return ""


@dataclass
class Session:
    """``id`` is the open investigation, "" for none; ``user`` is who this process runs as. ``confirm`` asks a person
    and gives what they typed, "" where there is nobody. ``actions`` None are those of the settings."""

    settings: Settings
    source: Source
    console: Console
    user: str
    progress: Console
    id: str = ""
    json: bool = False
    confirm: Callable[[str], Awaitable[str]] = _nobody
    actions: "Mapping[str, ActionSpec[Any]] | None" = None
    backends: Backends = field(init=False)
    answerer: Answerer = field(init=False)
    _work: "asyncio.Task[None] | None" = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.backends = Backends(self.settings)
        self.answerer = Answerer(self.settings, self.backends, self.source)

    @property
    def by(self) -> str:
        """As the ledger knows who asks."""
        return f"terminal:{self.user}"

    @property
    def row(self) -> InvestigationRow | None:
        """The open investigation as the ledger has it now."""
        return Ledger(self.settings.home).investigation(self.id) if self.id else None

    @property
    def report(self) -> Report | None:
        """Of the open investigation, when there is one."""
        row = self.row
        return Report.model_validate_json(row.report) if row and row.report else None

    def nothing_open(self) -> bool:
        """Whether no investigation is open; then it is said."""
        if not self.id:
            self.say("No investigation is open; /list shows them, /open ID opens one.")
        return not self.id

    def asked(self, text: str) -> Asked:
        """A text as a question about what is open."""
        return Asked(text, self.id, self.by)

    def say(self, text: str, style: str = "") -> None:
        """A line of ours."""
        self.console.print(text, style=style or None, markup=False, highlight=False, soft_wrap=False)

    async def ask(self, text: str) -> None:
        """Answer a question in words; one about a symptom begins an investigation."""
        from agent.doors.chatting.steering import steer_it
        from agent.steering import wrong_hypotheses

        if self.id and wrong_hypotheses(text):
            await steer_it(self, text)
            return
        reply = await self.answerer.answer(self.asked(text))
        if reply.alert is None:
            self.show(text, reply)
            return
        source = self.source
        row = self.row
        if row is not None:
            from agent.questions.desk import original

            source = original(Source.model_validate_json(row.source), self.settings)
        await self.begin(reply.alert, source, text)

    def show(self, text: str, reply: Reply) -> None:
        """Draw a reply, or write it as JSON."""
        if self.json:
            print(as_json(text, reply))
            return
        draw(reply, self.console, self.when)

    def when(self, at: float) -> str:
        """The local time of day of an epoch time."""
        from datetime import UTC, datetime

        return f"{datetime.fromtimestamp(at, UTC).astimezone():%H:%M:%S}"

    async def begin(self, alert: Alert, source: Source, text: str = "") -> None:
        """Start an investigation and stream it."""
        from agent.investigate import investigate

        if source.kind == "live" and self.settings.prometheus is None and self.settings.opensearch is None:
            self.say("No telemetry to read: start with --recording DIR, or set PROMETHEUS_URL and OPENSEARCH_URL.")
            return
        events = investigate(
            alert, source, self.settings, backends=self.backends, actions=self.actions, requested_by=self.by
        )
        await self.run(events, text)

    async def go_on(self) -> None:
        """Resume what is open; where another process runs it, follow that."""
        from agent.alone import NotResumable, RunElsewhere
        from agent.doors.chatting.following import follow_other
        from agent.investigate import resume

        try:
            await self.run(resume(self.id, self.settings, backends=self.backends, actions=self.actions))
        except RunElsewhere:
            self.say("Another process runs it already; this is what it tells.")
            await follow_other(self)
        except NotResumable as error:
            self.say(str(error))

    async def run(self, events: "AsyncGenerator[Event, None]", text: str = "") -> None:
        """Stream a run of ours to its end, or to a question; what is open is what runs."""
        from agent.events import ApprovalNeeded, Finished, Started

        report: Report | None = None
        with Telling(self.progress) as telling:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Started):
                        self.id = event.investigation_id
                    telling.show(event)
                    if isinstance(event, Finished | ApprovalNeeded):
                        report = event.report
        if report is not None:
            self.show_report(report, text)
            self.say_what_waits()

    def say_what_waits(self) -> None:
        """What a person can decide about the open investigation, if anything."""
        from agent.approvals import Approvals

        waiting = ", ".join(f"{r.action} of {r.target}" for r in Approvals(self.settings).pending(self.id))
        if waiting and not self.json:
            self.say(
                inert(f"Waits for approval: {waiting}. /approve shows exactly what would run, /reject turns it down.")
            )

    def show_report(self, report: Report, text: str = "") -> None:
        """The verdict, and where to go on."""
        if self.json:
            told = {"investigation_id": report.investigation_id, "probability": report.probability}
            print(as_json(text, Reply((report.headline,)), told))
            return
        draw_verdict(report, self.console)
        for line in handover(
            report.investigation_id, self.settings.server.public_url, bool(self.settings.slack.members)
        ):
            self.say(line, "dim")

    async def stoppable(self, work: Coroutine[Any, Any, None]) -> bool:
        """Await; False where Ctrl+C stopped it. The session goes on."""
        self._work = asyncio.ensure_future(work)
        try:
            await self._work
        except asyncio.CancelledError:
            if not self._work.cancelled():  # we are cancelled, not the work
                raise
            return False
        finally:
            self._work = None
        return True

    def listen_for_stops(self) -> None:
        """Ctrl+C stops what runs, for as long as the loop runs."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._stop)

    def _stop(self) -> None:
        if self._work is not None:
            self._work.cancel()

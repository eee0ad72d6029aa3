"""What becomes of what was heard: an investigation, an answer in its thread, a word about a verdict, or a refusal."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent.alerts import AlertError
from agent.backends import Backends
from agent.doors.slacking.asking import ask_in_thread
from agent.doors.slacking.blocks import said
from agent.doors.slacking.events import Heard, HeardKind
from agent.doors.slacking.inbox import Inbox
from agent.doors.slacking.outbox import Outbox
from agent.doors.slacking.pictures import show_series
from agent.doors.slacking.threads import Thread, Threads
from agent.doors.slacking.words import (
    alert_of_message,
    alert_of_question,
    named_investigation,
    plain,
    says_when,
    seconds,
    wanted_action,
    wants_investigation,
)
from agent.feedback import give_feedback, keep_as_said, take_back
from agent.firings import Overloaded
from agent.intake import Intake
from agent.ledger import Ledger, UnknownInvestigation
from agent.report.slack import neutral
from agent.settings import Settings
from agent.slack_settings import SlackSettings
from agent.state import Alert
from agent.steering import steer, wrong_hypotheses

if TYPE_CHECKING:
    from agent.questions.answering import Answerer, Reply

_log = logging.getLogger(__name__)

TAKEN, DONE, BROKEN = "eyes", "white_check_mark", "x"
_USAGE = (
    "Tell me what is wrong, such as: investigate checkout is slow since 14:00. Or reply “investigate this” to an alert."
)


class Hearing:
    """One thing at a time; each may be handled again after a crash, since all that it leaves behind has a key."""

    def __init__(
        self, settings: Settings, slack: SlackSettings, backends: Backends, intake: Intake, inbox: Inbox, threads: Threads,
        outbox: Outbox, changed: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._settings, self._backends, self._intake, self._changed = settings, backends, intake, changed
        self._members, self._charts = frozenset(slack.members), slack.charts
        self._inbox, self._threads, self._outbox = inbox, threads, outbox
        self._answerer: Answerer | None = None
        self._words = asyncio.Lock()

    def may(self, member: str) -> bool:
        """Whether they are on the list. An empty list is nobody."""
        return member in self._members

    async def handle(self, heard: Heard) -> None:
        """Raises what the outbox and the ledger raise."""
        if not self.may(heard.user):
            await self._refuse(heard)
            return
        match heard.kind:
            case HeardKind.MENTION | HeardKind.REPLY:
                thread = await asyncio.to_thread(self._threads.at, heard.channel, heard.thread_ts)
                if thread is not None:
                    await self._converse(heard, thread)
                elif heard.kind is HeardKind.MENTION:
                    await self._begin(heard)
            case HeardKind.COMMAND:
                await self._begin(heard)
            case HeardKind.REACTION | HeardKind.REACTION_GONE:
                await self._word_about(heard)

    async def give_up(self, heard: Heard) -> None:
        """It failed again and again: say so where it was said."""
        if heard.ts and heard.kind in (HeardKind.MENTION, HeardKind.REPLY):
            await self._outbox.react(heard.channel, heard.ts, BROKEN, TAKEN)

    async def _refuse(self, heard: Heard) -> None:
        """Once a day, and only to who spoke to us."""
        if heard.kind is HeardKind.MENTION and await asyncio.to_thread(self._inbox.first_time, f"refused:{heard.user}"):
            said = f"You may not ask here: somebody has to add {heard.user} to slack.members in pcause.yaml."
            await self._outbox.whisper(heard.channel, heard.user, said, heard.thread_ts)

    async def _begin(self, heard: Heard) -> None:
        text = plain(heard.text).strip()
        what, named = wants_investigation(text), named_investigation(text)
        try:
            if named:
                await self._show(heard, named)
            elif heard.thread_ts and (what is not None or not text):
                root = await self._outbox.replies(heard.channel, heard.thread_ts)
                alert = alert_of_message(root[0] if root else {}, what or "")
                await self._investigate(heard, alert, f"slack:{heard.channel}:{heard.thread_ts}")
            elif what:
                await self._investigate(heard, await self._own_words(heard, text, what), self._key(heard))
            elif what is not None or not text:
                await self._say(heard, [_USAGE])
            else:
                await self._sign(heard, TAKEN)
                if not await self._answer(heard, text, ""):
                    await self._sign(heard, DONE, TAKEN)
        except AlertError as error:
            await self._say(heard, [str(error)])

    async def _show(self, heard: Heard, id: str) -> None:
        """An investigation that was begun elsewhere goes on here too."""
        try:
            row = await asyncio.to_thread(Ledger(self._settings.home).investigation, id)
        except UnknownInvestigation as error:
            await self._say(heard, [str(error)])
            return
        await self._follow(heard, row.id)

    async def _follow(self, heard: Heard, id: str) -> None:
        place = (heard.channel, heard.root, heard.ts)
        await asyncio.to_thread(self._threads.open, self._key(heard), *place, id, heard.user)
        self._changed(id)

    async def _own_words(self, heard: Heard, text: str, what: str) -> Alert:
        """An alert of what was said; about when it was said, unless it names a time that is understood."""
        if says_when(what):
            try:
                understood = (await self._ask(heard, text)).alert
            except Exception as error:  # what can be investigated is, understood or not
                _log.warning("a question is not understood: %s: %s", type(error).__name__, error)
                understood = None
            if understood is not None:
                return understood
        return alert_of_question(what, seconds(heard.ts) if heard.ts else time.time())

    async def _investigate(self, heard: Heard, alert: Alert, key: str) -> None:
        await self._sign(heard, TAKEN)
        try:
            receipt = await asyncio.to_thread(self._intake.ask, alert, key, f"slack:{heard.user}")
        except Overloaded as error:
            await self._say(heard, [f"{error}; nothing was taken, ask again later."])
            await self._sign(heard, BROKEN, TAKEN)
            return
        await self._follow(heard, receipt.id)

    async def _converse(self, heard: Heard, thread: Thread) -> None:
        """A reply in a thread of ours: a cause that is said to be wrong, or a question."""
        text = plain(heard.text).strip()
        if not text:
            return
        await self._sign(heard, TAKEN)
        began = False
        try:
            wrong, wanted = wrong_hypotheses(text), wanted_action(text)
            if wants_investigation(text) == "":
                await self._say(
                    heard, [f"This thread is about investigation {thread.investigation_id}, which is {thread.status}."]
                )
            elif wanted is not None:
                await self._say(
                    heard, await ask_in_thread(self._settings, thread.investigation_id, heard.user, *wanted)
                )
                self._changed(thread.investigation_id)
            elif wrong:
                sentences = await asyncio.to_thread(self._steer, thread, heard.user, text, wrong)
                await self._say(heard, ["Noted; it is weighed again without:", *sentences])
            else:
                began = await self._answer(heard, text, thread.investigation_id)
        except (ValueError, LookupError) as error:  # a hypothesis that was not shown
            await self._say(heard, [str(error)])
        if not began:  # else it has its sign when that investigation has ended
            await self._sign(heard, DONE, TAKEN)

    def _steer(self, thread: Thread, member: str, text: str, wrong: tuple[str, ...]) -> tuple[str, ...]:
        return steer(self._settings.home, thread.investigation_id, f"slack:{member}", text, wrong)

    async def _answer(self, heard: Heard, text: str, investigation_id: str) -> bool:
        """Answer a question; one that is about a symptom becomes an investigation, and then it is true."""
        reply = await self._ask(heard, text, investigation_id)
        if reply.alert is not None:
            await self._investigate(heard, reply.alert, self._key(heard))
        elif reply.paragraphs or reply.tables:
            await self._say(heard, reply.paragraphs, reply.tables)
        if reply.series and heard.root:
            series = reply.series[: self._charts]
            await show_series(self._outbox, self._key(heard), heard.channel, heard.root, series)
        return reply.alert is not None

    async def _ask(self, heard: Heard, text: str, investigation_id: str = "") -> "Reply":
        from agent.questions.answering import Answerer, Asked

        if self._answerer is None:
            self._answerer = Answerer(self._settings, self._backends)
        return await self._answerer.answer(Asked(text, investigation_id, f"slack:{heard.user}"))

    async def _word_about(self, heard: Heard) -> None:
        """A thumb up or down on a verdict of ours."""
        thread = await asyncio.to_thread(self._threads.of_message, heard.channel, heard.ts)
        if thread is None or thread.status not in ("done", "failed", "waiting"):
            return
        gone = heard.kind is HeardKind.REACTION_GONE
        told = (self._settings.home, thread.investigation_id, "slack", heard.user, heard.text == "right")
        async with self._words:  # what is kept is what the words say together
            try:
                await asyncio.to_thread(keep_as_said, self._settings, *told[1:], gone=gone)
            except Exception as error:  # the word is noted; that it cannot be kept as an example is no failure of it
                _log.warning("investigation %s is not kept as it was said: %s", thread.investigation_id, error)
            await asyncio.to_thread(take_back if gone else give_feedback, *told)

    async def _sign(self, heard: Heard, add: str, remove: str = "") -> None:
        if heard.ts:
            await self._outbox.react(heard.channel, heard.ts, add, remove)

    async def _say(self, heard: Heard, paragraphs: Any, tables: Any = ()) -> None:  # noqa: ANN401 - sequences
        blocks = said("", paragraphs, tables)[:45]
        text = neutral(" ".join(paragraphs), 280) or "An answer"
        await self._outbox.post(f"{self._key(heard)}:answer", heard.channel, heard.root, text, blocks)

    def _key(self, heard: Heard) -> str:
        return f"slack:{heard.channel}:{heard.ts}" if heard.ts else f"slack:{heard.keys[0]}"


__all__ = ["BROKEN", "DONE", "TAKEN", "Hearing"]

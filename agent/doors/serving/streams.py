"""What happens, as it happens: server-sent events. One look at the ledger each half second an investigation, however many
watch it; who reads too slowly is let go, and comes again with the number of the last event that it has."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from agent.event_log import EventLog, LoggedEvent
from agent.ledger import Ledger, LedgerError
from agent.report.page_html import ENDED

MOST_STREAMS = 64
_LOOK_AGAIN_SECONDS = 0.5
_BEAT_SECONDS = 15.0
_SLOWEST_SECONDS = 20.0  # for one event to be taken
_LONGEST_SECONDS = 1_800.0  # a browser reconnects by itself
_LARGEST_NUMBER = 2**63 - 1  # of a row


class Streams:
    """The event streams of a server over the ledger of ``home``."""

    def __init__(self, home: Path, most: int = MOST_STREAMS, beat_seconds: float = _BEAT_SECONDS) -> None:
        self._log, self._ledger = EventLog(home), Ledger(home)
        self._most, self._beat = most, beat_seconds
        self._looks: dict[str, _Look] = {}
        self._open = 0

    @property
    def full(self) -> bool:
        """Whether no more can be opened now."""
        return self._open >= self._most

    async def is_over(self, id: str, after: int) -> bool:
        """Whether there is nothing to tell after a number, now and ever. Raises ``LedgerError``."""
        ended = (await asyncio.to_thread(self._ledger.investigation, id)).status in ENDED
        return ended and not await asyncio.to_thread(self._log.since, id, after, 1)

    async def frames(self, id: str, after: int) -> AsyncGenerator[bytes, None]:
        """Everything after ``after`` as it comes, with a comment where nothing comes for long."""
        yield b"retry: 2000\n\n"
        until = asyncio.get_running_loop().time() + _LONGEST_SECONDS
        with self._looking(id) as look:
            while asyncio.get_running_loop().time() < until:
                ended, seen = look.ended, look.rounds  # before the events: what is told between the two is told next
                for event in (events := await asyncio.to_thread(self._log.since, id, after)):
                    after = event.seq
                    yield _frame(event)
                if events:
                    continue
                if ended:
                    yield b"event: ended\ndata: {}\n\n"
                    return
                if not await look.changed(seen, self._beat):
                    yield b": nothing new\n\n"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Counts a stream while it is open."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    @contextmanager
    def _looking(self, id: str) -> "Iterator[_Look]":
        """The look that all streams of an investigation share, while there is one."""
        look = self._looks.get(id)
        if look is None:
            look = self._looks[id] = _Look()
            look.task = asyncio.create_task(self._look(id, look))
        look.readers += 1
        try:
            yield look
        finally:
            look.readers -= 1
            if not look.readers:
                self._looks.pop(id, None)
                if look.task is not None:
                    look.task.cancel()

    async def _look(self, id: str, look: "_Look") -> None:
        """Tell the readers when something is new; a ledger that fails now is looked at again."""
        newest, first = 0, True
        while not look.ended:
            with suppress(LedgerError):
                ended = (await asyncio.to_thread(self._ledger.investigation, id)).status in ENDED
                events = await asyncio.to_thread(self._log.since, id, newest)
                newest = events[-1].seq if events else newest
                if events or ended or first:
                    first = False
                    look.tell(ended)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


@dataclass(slots=True)
class _Look:
    """``rounds`` counts the news."""

    readers: int = 0
    rounds: int = 0
    ended: bool = False
    task: asyncio.Task[None] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, ended: bool) -> None:
        self.ended, self.rounds = ended, self.rounds + 1
        self.news.set()
        self.news = asyncio.Event()

    async def changed(self, seen: int, seconds: float) -> bool:
        """Wait for news after the rounds that were seen; False where none came in time."""
        if self.rounds != seen:
            return True
        news = self.news
        try:
            # Not ``wait_for``, which in Python 3.11 loses a cancellation that comes together with the event.
            async with asyncio.timeout(seconds):
                await news.wait()
        except TimeoutError:
            return False
        return True


class EventStream(Response):
    """Sends the frames until they end, the reader is gone or takes too long."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, id: str, after: int) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._streams, self._id, self._after = streams, id, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with self._streams.opened():
            tasks = [asyncio.create_task(self._send(send)), asyncio.create_task(_gone(receive))]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async with aclosing(self._streams.frames(self._id, self._after)) as frames:
            with suppress(LedgerError, TimeoutError, OSError):
                async for frame in frames:
                    await _within(send, {"type": "http.response.body", "body": frame, "more_body": True})
        with suppress(TimeoutError, OSError):
            await _within(send, {"type": "http.response.body", "body": b"", "more_body": False})


async def _within(send: Send, message: Message) -> None:
    async with asyncio.timeout(_SLOWEST_SECONDS):
        await send(message)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def number(text: str | None) -> int:
    """The number of an event that somebody says is their last; 0 for what is none."""
    return min(int(text[:20]), _LARGEST_NUMBER) if text and text.isascii() and text.isdigit() else 0


def _frame(event: LoggedEvent) -> bytes:
    """One event. JSON in ASCII holds no line break, so that no text can end a frame."""
    told = {"seq": event.seq, "at": event.at, "kind": event.kind, **event.body}
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {json.dumps(told)}\n\n".encode("ascii")

"""Who speaks: of all processes that hear Slack over one ledger, one works off the inbox and keeps the messages up to date.

The system frees the lock of a process that dies, and the next one goes on where it stopped.
"""

import asyncio
import contextlib
import logging
from pathlib import Path

from filelock import FileLock, Timeout

from agent.doors.slacking.events import Heard
from agent.doors.slacking.following import Follower
from agent.doors.slacking.hearing import Hearing
from agent.doors.slacking.inbox import Inbox
from agent.doors.slacking.outbox import SlackSaidNo
from agent.ledger import LedgerError

_log = logging.getLogger(__name__)

_LOOK_AGAIN_SECONDS = 0.5
_AT_ONCE = 8
_SET_ASIDE_SECONDS = 5.0


class Speaker:
    """Runs in the loop of its process."""

    def __init__(self, home: Path, inbox: Inbox, hearing: Hearing, follower: Follower) -> None:
        (home / "locks").mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(home / "locks" / "slack.lock", thread_local=False)
        self._inbox, self._hearing, self._follower = inbox, hearing, follower
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that there is work."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                self._woken.clear()
                if not self._inbox.pressed and self._speaks():
                    await self._round()
                # Not ``wait_for``, which in Python 3.11 loses a cancellation that comes together with the event.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                        await self._woken.wait()
        finally:
            tasks = list(self._busy.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._follower.stop()
            self._lock.release()

    def _speaks(self) -> bool:
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    async def _round(self) -> None:
        try:
            for seq, heard in await asyncio.to_thread(self._inbox.next, list(self._busy), _AT_ONCE - len(self._busy)):
                self._busy[seq] = asyncio.create_task(self._work(seq, heard))
            await self._follower.tick()
        except LedgerError as error:
            _log.error("nothing can be told in Slack: %s", error)
            await asyncio.sleep(_SET_ASIDE_SECONDS)

    async def _work(self, seq: int, heard: Heard) -> None:
        try:
            await self._hearing.handle(heard)
            await asyncio.to_thread(self._inbox.done, seq)
        except SlackSaidNo as no:
            _log.error(
                "no answer in %s: %s; is the app in the channel, with the scopes of its manifest?", heard.channel, no
            )
            await asyncio.to_thread(self._inbox.done, seq)
        except Exception as error:
            _log.warning("what %s said is tried again: %s: %s", heard.user, type(error).__name__, error)
            await asyncio.sleep(_SET_ASIDE_SECONDS)
            if await asyncio.to_thread(self._inbox.broke_off, seq):
                _log.exception("what %s said cannot be answered", heard.user)
                await self._hearing.give_up(heard)
        finally:
            self._busy.pop(seq, None)
            self._woken.set()

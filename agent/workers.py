"""Working off what was accepted: a bounded number of investigations at once, each in a thread with a loop of its own.

The ledger is the queue. Whoever starts takes up what another process left when it was killed, and several processes
share one queue: an investigation belongs to who holds its lock.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import aclosing

from agent.approvals import Approvals
from agent.backends import Backends
from agent.firings import Firings
from agent.investigate import NotResumable, resume
from agent.ledger import Ledger, LedgerError
from agent.report.model import Report
from agent.settings import Settings
from agent.storage_trouble import is_storage_trouble

_log = logging.getLogger(__name__)

_LOOK_AGAIN_SECONDS = 2.0  # for what another process left behind
_SET_ASIDE_SECONDS = 15.0  # what another process runs, or what went wrong
_MOST_TRIES = 3
_LONGEST_WAIT_SECONDS = 300.0  # for a disk that takes nothing


class Workers:
    """``at_once`` threads. ``on_end`` is told each end: the outcome and the seconds that it took."""

    def __init__(
        self, settings: Settings, backends: Backends, at_once: int, on_end: Callable[[str, float], None]
    ) -> None:
        self._settings, self._backends, self._on_end = settings, backends, on_end
        self._firings, self._ledger = Firings(settings.home), Ledger(settings.home)
        self._approvals = Approvals(settings)
        self._stopping, self._changed = threading.Event(), threading.Condition()
        self._running: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None] = {}
        self._aside: dict[str, float] = {}  # until when, by the monotonic clock
        self._tries: dict[str, int] = {}
        self._waits: dict[str, int] = {}  # how often the disk took nothing
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(at_once)]

    @property
    def running(self) -> int:
        """How many investigations run in this process."""
        return len(self._running)

    @property
    def alive(self) -> bool:
        """True while all workers can take work."""
        return not self._stopping.is_set() and all(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Begin, with what was left unfinished."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that there is work."""
        with self._changed:
            self._changed.notify()

    def stop(self, seconds: float) -> None:
        """Take no more work and leave what runs resumable; wait so long for it at most."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
            for running in self._running.values():
                if running is not None:
                    loop, task = running
                    loop.call_soon_threadsafe(task.cancel)
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))

    def _work(self) -> None:
        while not self._stopping.is_set():
            with self._changed:  # held from the look to the wait, so that no word of work or of a stop falls between
                id = self._take()
                if id is None:
                    if not self._stopping.is_set():
                        self._changed.wait(_LOOK_AGAIN_SECONDS)
                    continue
            began = time.monotonic()
            try:
                outcome = self._investigate(id)
            finally:
                with self._changed:
                    self._running.pop(id, None)
            if outcome:
                self._on_end(outcome, time.monotonic() - began)

    def _take(self) -> str | None:
        """Mark an unfinished investigation as ours; None where there is none."""
        if self._stopping.is_set():
            return None
        now = time.monotonic()
        self._aside = {id: until for id, until in self._aside.items() if until > now}
        try:
            self._approvals.expire()
            id = self._firings.unfinished({*self._running, *self._aside})
        except LedgerError as error:
            _log.error("no work can be taken: %s", error)
            return None
        if id is not None:
            self._running[id] = None
        return id

    def _investigate(self, id: str) -> str:
        """Run it to its end; the outcome, "" where it has not ended here."""
        try:
            asyncio.run(self._drain(id))
            outcome = self._outcome(id)
        except asyncio.CancelledError:
            return ""
        except NotResumable:  # another process runs it
            self._set_aside(id)
            return ""
        except Exception as error:  # one bad investigation must not take the worker from the others
            if is_storage_trouble(error):
                self._wait_for_room(id, error)
                return ""
            _log.exception("investigation %s broke off", id)
            return self._broke_off(id)
        self._tries.pop(id, None)
        self._waits.pop(id, None)
        return outcome

    async def _drain(self, id: str) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in one
        with self._changed:
            if self._stopping.is_set():
                return
            self._running[id] = (asyncio.get_running_loop(), task)
        try:
            async with aclosing(resume(id, self._settings, backends=self._backends)) as events:
                async for _ in events:
                    pass
        finally:
            with self._changed:  # the loop closes now, and nobody may call it any more
                self._running[id] = None

    def _outcome(self, id: str) -> str:
        row = self._ledger.investigation(id)
        if row.status != "done":
            return row.status if row.status in ("failed", "waiting") else ""
        report = Report.model_validate_json(row.report)
        return "cause_found" if report.cause_found else "nothing_wrong" if report.nothing_wrong else "no_cause"

    def _broke_off(self, id: str) -> str:
        """Try again later, a few times; then it has failed."""
        self._set_aside(id)
        self._tries[id] = self._tries.get(id, 0) + 1
        if self._tries[id] < _MOST_TRIES:
            return ""
        try:
            self._ledger.set_status(id, "failed")
        except LedgerError as error:
            _log.error("cannot note that investigation %s failed: %s", id, error)
            return ""
        return "failed"

    def _wait_for_room(self, id: str, error: Exception) -> None:
        """Try again, less and less often, for as long as it takes: no alert is lost to a full disk."""
        times = self._waits[id] = self._waits.get(id, 0) + 1
        seconds = min(_SET_ASIDE_SECONDS * 2.0 ** min(times - 1, 10), _LONGEST_WAIT_SECONDS)
        _log.error("investigation %s waits %.0f s, since nothing can be written: %s", id, seconds, error)
        self._set_aside(id, seconds)

    def _set_aside(self, id: str, seconds: float = _SET_ASIDE_SECONDS) -> None:
        with self._changed:
            self._aside[id] = time.monotonic() + seconds

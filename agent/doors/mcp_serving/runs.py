"""Investigations that another agent asked for: a few at once, each in a thread with a loop of its own.

None takes up what others left, and what one leaves unfinished is resumable: this door works nothing off but its own.
"""

import asyncio
import logging
import threading
from contextlib import aclosing

from agent.backends import Backends
from agent.investigate import investigate, new_id
from agent.settings import Settings
from agent.sources import Source
from agent.state import Alert

_log = logging.getLogger(__name__)
_BEGIN_SECONDS = 30.0


class Busy(Exception):  # noqa: N818 - a state, named as one reads it
    """As many investigations run as may; the message names them."""


class _Run(threading.Thread):
    """One investigation. ``begun`` is set once it is in the ledger, or cannot be (``error``)."""

    def __init__(self, id: str, alert: Alert, source: Source, settings: Settings, backends: Backends, by: str) -> None:
        super().__init__(name=f"mcp-{id}", daemon=True)
        self.id, self.alert, self.begun = id, alert, threading.Event()
        self.error: Exception | None = None
        self._given = (source, settings, backends, by)
        self._stop_by: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._drain())
        except asyncio.CancelledError:
            pass
        except Exception as error:  # it is told to whoever waits, and must not end the door
            if self.begun.is_set():
                _log.exception("investigation %s broke off", self.id)
            self.error = error
        finally:
            self.begun.set()

    async def _drain(self) -> None:
        source, settings, backends, by = self._given
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in one
        self._stop_by = (asyncio.get_running_loop(), task)
        events = investigate(self.alert, source, settings, id=self.id, backends=backends, requested_by=by)
        try:
            async with aclosing(events):
                async for _ in events:
                    self.begun.set()
        finally:
            self._stop_by = None

    def cancel(self) -> None:
        if self._stop_by is not None:
            loop, task = self._stop_by
            loop.call_soon_threadsafe(task.cancel)


class Runs:
    """``at_once`` investigations over ``source``."""

    def __init__(self, settings: Settings, source: Source, backends: Backends, at_once: int) -> None:
        self._settings, self._source, self._backends, self._at_once = settings, source, backends, at_once
        self._lock, self._runs = threading.Lock(), list[_Run]()

    def start(self, alert: Alert, by: str) -> str:
        """The id of the investigation, which goes on by itself; asked again while it runs, it is the same one.

        Raises ``Busy``, ``LedgerError``.
        """
        with self._lock:
            self._runs = [run for run in self._runs if run.is_alive()]
            same = next((run for run in self._runs if run.alert.id == alert.id), None)
            if same is None and len(self._runs) >= self._at_once:
                raise Busy(
                    f"{len(self._runs)} investigations run already ({', '.join(run.id for run in self._runs)}): wait for "
                    "one with get_report, or raise server.at_once in pcause.yaml"
                )
            run = same or _Run(new_id(), alert, self._source, self._settings, self._backends, by)
            if same is None:
                self._runs.append(run)
                run.start()
        run.begun.wait(_BEGIN_SECONDS)
        if run.error is not None:
            raise run.error
        return run.id

    def runs(self, id: str) -> bool:
        """Whether it runs here, now."""
        with self._lock:
            return any(run.id == id and run.is_alive() for run in self._runs)

    def stop(self, seconds: float) -> None:
        """Leave what runs resumable; wait so long for each at most."""
        with self._lock:
            for run in self._runs:
                run.cancel()
            for run in self._runs:
                run.join(seconds)

"""The guard of a backend: so many calls at once, patient retries, and a circuit breaker that leaves a sick one alone.

A circuit breaker as in Nygard, "Release It!" (2007), chapter 5: closed → open after strikes → one probe → closed.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tools.http.errors import BackendError, CircuitOpen, NoAnswer, Refusal

_STRIKES = 3
_OPEN_SECONDS = 30.0
_RETRIES = 2
_FIRST_PAUSE_SECONDS = 0.25
_SLOW_SHARE = 0.4  # of the time-out: an answer that takes longer comes from a system in trouble
_STRAINED_SECONDS = 180.0  # for which trouble is taken into account, unless so many quick answers come before
_QUICK_ANSWERS = 30

T = TypeVar("T")


class Guard:
    """Shared by all that ask one backend. Thread-safe; ``clock`` and ``sleep`` are arguments for tests."""

    def __init__(
        self, name: str, at_once: int, timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.name, self._timeout = name, timeout_seconds
        self._clock, self._sleep = clock, sleep
        self._places = threading.BoundedSemaphore(at_once)
        self._one_by_one = threading.Lock()
        self._state = threading.Lock()
        self._strikes = 0
        self._opened_at: float | None = None
        self._last_problem = ""
        self._strained_until: float | None = None
        self._quick = 0

    @property
    def strained(self) -> bool:
        """Whether it had trouble to answer of late: then it is asked one by one, and only for what matters."""
        return self._strained_until is not None and self._clock() < self._strained_until

    @strained.setter
    def strained(self, strained: bool) -> None:
        self._strained_until = self._clock() + _STRAINED_SECONDS if strained else None
        self._quick = 0

    def run(self, call: Callable[[], T]) -> T:
        """Make the call, again where that may help. Raises ``BackendError`` (``CircuitOpen`` where it was not made)."""
        begun = self._clock()
        for attempt in range(_RETRIES + 1):
            self._refuse_while_open(probing=False)
            try:
                with self._place():
                    self._refuse_while_open(probing=True)  # it may have opened while we waited for the place
                    answer = self._timed(call)
            except CircuitOpen:
                raise
            except Refusal as refusal:
                if self._opened:  # this was the probe: it is as sick as before, though perhaps in another way
                    self._open(str(refusal))
                    raise
                pause = self._pause(refusal, attempt)
                # Waiting longer than one answer may take would only move the time-out to the caller.
                if attempt == _RETRIES or self._clock() + pause - begun > self._timeout:
                    self._strike(str(refusal))
                    raise
                self._sleep(pause)
            except NoAnswer as error:
                self._open(str(error))  # every further call would hang as long
                raise
            except BackendError as error:
                self._strike(str(error))
                raise
            else:
                self._recover()
                return answer
        raise AssertionError("the loop returns or raises")

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=4 * self._timeout):
            raise NoAnswer(f"{self.name}: no free place for a call within {4 * self._timeout:.0f} s")
        try:
            if self.strained:
                with self._one_by_one:
                    yield
            else:
                yield
        finally:
            self._places.release()

    def _timed(self, call: Callable[[], T]) -> T:
        begun = self._clock()
        try:
            answer = call()
        except BackendError as error:
            self._felt(begun, good=False, refused=isinstance(error, Refusal))
            raise
        self._felt(begun, good=True, refused=False)
        return answer

    def _felt(self, begun: float, good: bool, refused: bool) -> None:
        if refused or self._clock() - begun > _SLOW_SHARE * self._timeout:
            self.strained = True
        elif good:
            self._quick += 1
            if self._quick >= _QUICK_ANSWERS:
                self.strained = False

    @property
    def _opened(self) -> bool:
        with self._state:
            return self._opened_at is not None

    @staticmethod
    def _pause(refusal: Refusal, attempt: int) -> float:
        return max(refusal.retry_after_seconds, _FIRST_PAUSE_SECONDS * float(2**attempt))

    def _refuse_while_open(self, probing: bool) -> None:
        with self._state:
            if self._opened_at is None:
                return
            waited = self._clock() - self._opened_at
            if waited < _OPEN_SECONDS:
                raise CircuitOpen(
                    f"{self.name} is left alone for {_OPEN_SECONDS - waited:.0f} s more after: {self._last_problem}"
                )
            if probing:
                self._opened_at = self._clock()  # this call is the probe; the others are refused until it is back

    def strike(self, problem: str) -> None:
        """Count an answer that came and was of no use (no JSON, wrong shape)."""
        self._strike(problem)

    def _strike(self, problem: str) -> None:
        with self._state:
            self._strikes += 1
            self._last_problem = problem
            if self._strikes >= _STRIKES:
                self._opened_at = self._clock()

    def _open(self, problem: str) -> None:
        with self._state:
            self._strikes, self._last_problem, self._opened_at = _STRIKES, problem, self._clock()

    def _recover(self) -> None:
        with self._state:
            self._strikes, self._opened_at = 0, None

"""How many deliveries a sender may send: a token bucket in memory."""

import threading
import time
from collections.abc import Callable


class TooFast(Exception):  # noqa: N818 - a state, named as one reads it
    """A sender sent more than it may; after ``seconds`` there is room again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__("this sender sends faster than it may (per_second and burst in its settings)")


class Pace:
    """Holds ``burst`` deliveries and wins ``per_second`` back each second."""

    def __init__(self, per_second: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._now = per_second, float(burst), now
        self._room, self._at = self._burst, now()
        self._lock = threading.Lock()

    def take(self) -> None:
        """Take one. Raises ``TooFast``."""
        with self._lock:
            now = self._now()
            self._room = min(self._room + (now - self._at) * self._per_second, self._burst)
            self._at = now
            if self._room < 1.0:
                raise TooFast((1.0 - self._room) / self._per_second)
            self._room -= 1.0

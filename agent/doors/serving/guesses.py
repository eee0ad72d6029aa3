"""Wrong tokens, counted: who tries many is asked to come again, and it is said in the log. A right token always passes."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable

_log = logging.getLogger(__name__)

_MOST = 10
_WITHIN_SECONDS = 60.0


class Guesses:
    """Of all who ask one server, in its loop: behind a proxy all come from one address."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._at = now, deque[float](maxlen=_MOST)

    def wrong(self) -> int:
        """Note one; in how many whole seconds to come again, 0 while they were few."""
        now = self._now()
        while self._at and now - self._at[0] >= _WITHIN_SECONDS:
            self._at.popleft()
        if len(self._at) < _MOST:
            self._at.append(now)
            if len(self._at) == _MOST:
                _log.warning("%d wrong tokens within %.0f s: somebody may be guessing", _MOST, _WITHIN_SECONDS)
            return 0
        return math.ceil(self._at[0] + _WITHIN_SECONDS - now)

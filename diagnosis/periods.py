"""Which times count as normal and which are looked at: every method compares the same two periods."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnosis.telemetry import Floats, Window

_BASELINE_SHARE = 0.4  # of the time before the alert: what is surely normal when nobody says what is


@dataclass(frozen=True, slots=True)
class Periods:
    """``normal`` windows against one ``recent`` window, all half-open and in epoch seconds."""

    normal: tuple[Window, ...]
    recent: Window

    def is_normal(self, times: Floats) -> NDArray[np.bool_]:
        """Mask of the shape of ``times``."""
        found = np.zeros(np.shape(times), dtype=bool)
        for window in self.normal:
            found |= (times >= window.start) & (times < window.end)
        return found

    def is_recent(self, times: Floats) -> NDArray[np.bool_]:
        """Mask of the shape of ``times``."""
        return np.asarray((times >= self.recent.start) & (times < self.recent.end))

    @property
    def normal_seconds(self) -> float:
        return sum(window.seconds for window in self.normal)

    def from_onset(self, onset: float, known_normal: bool) -> "Periods":
        """The same end, beginning at ``onset``; what came before it is normal too unless the normal is known."""
        recent = Window(onset, self.recent.end)
        if known_normal:
            return Periods(self.normal, recent)
        start = min((window.start for window in self.normal), default=onset)
        return Periods((Window(start, onset),), recent)


def periods(window: Window, fired_at: float, normal: tuple[Window, ...] = ()) -> Periods:
    """To find an onset with: the known normal, or the first part of the time before the alert, against the rest."""
    if normal:
        before = [part.end for part in normal if window.start < part.end <= fired_at]
        return Periods(normal, Window(max([window.start, *before]), window.end))
    base = window.start + _BASELINE_SHARE * max(fired_at - window.start, 0.0)
    return Periods((Window(window.start, base),), Window(base, window.end))

"""The times at which series are asked for: one grid for all, cut into pieces that a server answers."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from diagnosis.telemetry import Floats, Window
from tools.metrics.weighing import Span

_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True, slots=True)
class Grid:
    """Multiples of ``step`` (whole seconds) from ``start`` to before ``end`` (epoch seconds); so every query of a
    window, whenever it is made, asks at the same moments."""

    start: float
    end: float
    step: int

    @property
    def first(self) -> float:
        return math.ceil(self.start / self.step) * float(self.step)

    @property
    def size(self) -> int:
        return max(math.ceil((self.end - self.first) / self.step), 0)

    @property
    def times(self) -> Floats:
        return self.first + self.step * np.arange(self.size, dtype=np.float64)

    def spans(self, most_points: int) -> Iterator[Span]:
        """The grid in spans of at most ``most_points``."""
        for begin in range(0, self.size, most_points):
            count = min(most_points, self.size - begin)
            start = self.first + begin * self.step
            yield Span(start, start + (count - 1) * self.step, self.step)

    def places(self, times: Floats) -> tuple[np.ndarray, np.ndarray]:
        """For times of an answer: their places in the grid, and which of them are in it."""
        places = np.rint((times - self.first) / self.step).astype(np.int64)
        return places, (places >= 0) & (places < self.size)


def grid_for(window: Window, interval: float, series: int, target_points: int, most_points: int) -> Grid:
    """The finest grid that samples every ``interval`` seconds deserve, ``target_points`` a series and ``most_points``
    in all allow."""
    finest = max(interval, window.seconds / target_points, window.seconds * series / most_points, 1.0)
    return Grid(window.start, window.end, next((step for step in _STEPS if step >= finest), math.ceil(finest)))


def common_interval(intervals: Iterable[tuple[float, int]]) -> float:
    """The smallest distance of samples that a tenth of the series has, from (seconds, series) pairs; 15 of none."""
    by_length = sorted(intervals)
    total = sum(series for _, series in by_length)
    so_far = 0
    for seconds, series in by_length:
        so_far += series
        if so_far * 10 >= total:
            return seconds
    return 15.0

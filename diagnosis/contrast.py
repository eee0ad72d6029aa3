"""Do durations of many groups differ between two periods? All groups at once.

Welch's test (Welch 1947) on logarithms: durations are skewed, and a factor matters where milliseconds do not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnosis.telemetry import Floats

_RESOLUTION = 1e-4  # seconds: below a tenth of a millisecond durations are noise of the clock
_LEAST = 4  # observations in each period; fewer prove nothing


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """One entry a group. ``before`` and ``after`` are means in seconds, ``factor`` is the log of the ratio of
    geometric means, ``z`` its number of standard errors; both are 0 where a period has too few observations."""

    count: NDArray[np.int64]
    before: Floats
    after: Floats
    factor: Floats
    z: Floats

    @property
    def excess_seconds(self) -> Floats:
        """What the group cost beyond its baseline in the recent period, in total."""
        return np.maximum(self.after - self.before, 0.0) * self.count

    def strength(self) -> Floats:
        """In [0, 1]: how sure and how large a rise is. A factor of two that is beyond doubt gives 0.63.

        Small factors count by their square: with thousands of observations every drift is beyond doubt.
        """
        sure = 1.0 - np.exp(-np.maximum(self.z - 2.0, 0.0) / 3.0)
        large = 1.0 - np.exp(-np.square(np.maximum(self.factor, 0.0) / np.log(2.0)))
        return np.asarray(sure * large)


def contrast(
    seconds: Floats, group: NDArray[np.int64], groups: int, old: NDArray[np.bool_], new: NDArray[np.bool_]
) -> Contrast:
    """``seconds``, ``group`` (codes below ``groups``) and both masks have shape (observations,)."""
    logs = np.log(seconds + _RESOLUTION)
    sides = []
    for mask in (old, new):
        codes, values, log = group[mask], seconds[mask], logs[mask]
        count = np.bincount(codes, minlength=groups)
        some = np.maximum(count, 1)
        mean = np.bincount(codes, log, groups) / some
        variance = np.maximum(np.bincount(codes, log * log, groups) / some - mean * mean, 0.0) / some
        sides.append((count, np.bincount(codes, values, groups) / some, mean, variance))
    (n0, m0, l0, v0), (n1, m1, l1, v1) = sides
    enough = (n0 >= _LEAST) & (n1 >= _LEAST)
    factor = np.where(enough, l1 - l0, 0.0)
    z = np.where(enough, factor / np.sqrt(v0 + v1 + 1e-6), 0.0)
    return Contrast(n1.astype(np.int64), m0, m1, factor, z)

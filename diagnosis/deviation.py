"""How far each series left its own baseline, and when: robust, two-sided, whole matrices at a time.

Level and spread are the median and the median absolute deviation of the baseline (Hampel 1974). The onset is the
first time from which the deviation persists (a run rule as in Shewhart control charts, Western Electric 1956), so
that a slow ramp is dated at its foot and not at its middle, where a least-squares split would put it.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from diagnosis.measures import is_ratio
from diagnosis.periods import Periods
from diagnosis.telemetry import Floats, SeriesKey, SeriesMatrix

_THRESHOLD = 5.0  # robust standard deviations: with 200 series of 100 samples about one false exceedance
_PERSISTENCE = 4  # samples looked at for a run; three of them must exceed
_MAD_TO_SIGMA = 1.4826
_MIN_BASELINE = 5
_DRIFT = 0.5  # of the range that the level has in normal time: ten times that range, halved, is the threshold
_QUARTER = 3  # samples that make a median worth having
_SILENT = 3  # samples at the end, or a fifth of the recent period: so much must be missing
_STEADY = 0.8  # share of the baseline that a series must have to be missed when it stops


@dataclass(frozen=True, slots=True)
class Deviations:
    """One row a series: all arrays have shape (series,). NaN where a series has no baseline.

    ``before`` and ``after`` are levels (medians); ``score`` is the signed deviation of the level after the onset in
    robust standard deviations; ``onset`` is epoch seconds, NaN where nothing persists. ``usual`` is the share of the
    baseline's own samples that lie as far out on the same side: a series that often jumps says little by jumping again.
    """

    keys: tuple[SeriesKey, ...]
    before: Floats
    after: Floats
    score: Floats
    onset: Floats
    peak: Floats
    gone: NDArray[np.bool_]
    usual: Floats

    def shifted(self) -> NDArray[np.bool_]:
        return np.isfinite(self.onset)


def as_rates(matrix: SeriesMatrix) -> SeriesMatrix:
    """Replace counters (never falling but at a reset, and named so) by their increase per second."""
    counters = np.array([key.metric.endswith(("_total", "_count", ".total", "_bucket")) for key in matrix.keys])
    if not counters.any() or matrix.times.size < 3:
        return matrix
    values = matrix.values.copy()
    rows = values[counters]
    steps = np.diff(rows, axis=1)
    falls = (steps < 0) & np.isfinite(steps)
    mostly_rising = (~falls).mean(axis=1) >= 0.9
    rates = np.where(falls, rows[:, 1:], steps) / np.maximum(np.diff(matrix.times), 1e-9)
    rates = np.concatenate([rates[:, :1], rates], axis=1)
    rows[mostly_rising] = rates[mostly_rising]
    values[counters] = rows
    return SeriesMatrix(matrix.keys, matrix.times, values)


def spread_floor(keys: tuple[SeriesKey, ...], level: Floats, samples: Floats) -> Floats:
    """Least spread worth believing: 3 % of the level, for shares also half a point in a hundred of full scale.

    Without a floor a constant series (a limit, a zero error rate) would deviate by infinity at its first move;
    ``samples`` (series, time) gives the resolution: a gauge of whole numbers moves by at least one.
    """
    ratio = np.array([is_ratio(key.metric) for key in keys], dtype=bool)
    small = np.abs(level) <= 1.5
    floor = 0.03 * np.abs(level)
    floor = np.where(ratio & small, np.maximum(floor, 0.004), floor)
    floor = np.where(ratio & ~small & (np.abs(level) <= 100), np.maximum(floor, 0.4), floor)
    with np.errstate(invalid="ignore"):
        whole = np.nanmax(np.abs(samples - np.round(samples)), axis=1, initial=0.0) == 0
        top = np.nanmax(np.abs(samples), axis=1, initial=0.0)
    floor = np.where(whole & ~ratio, np.maximum(floor, 0.34), floor)
    return np.asarray(np.maximum(floor, np.maximum(1e-3 * top, 1e-12)))


def deviations(matrix: SeriesMatrix, periods: Periods, block_rows: int = 512) -> Deviations:
    """Compare every series in the recent period with its samples in the normal ones, ``block_rows`` series at a time.

    The search for the onset begins where the recent period does; a series whose samples stop there is ``gone``.
    """
    parts = [_deviations(block, periods) for block in matrix.blocks(block_rows)]
    columns = [field.name for field in fields(Deviations) if field.name != "keys"]
    return Deviations(matrix.keys, *(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def _deviations(matrix: SeriesMatrix, periods: Periods) -> Deviations:
    matrix = as_rates(matrix)
    count = len(matrix.keys)
    base, look = periods.is_normal(matrix.times), periods.is_recent(matrix.times)
    nothing = np.full(count, np.nan)
    if count == 0 or base.sum() < 2 or not look.any():
        return Deviations(
            matrix.keys, nothing, nothing, nothing * 0, nothing, nothing, np.zeros(count, dtype=bool), nothing
        )
    with np.errstate(invalid="ignore", divide="ignore"), _no_empty_slice_warning():
        samples = matrix.values[:, base]
        recent = matrix.values[:, look]
        known = np.isfinite(samples).sum(axis=1)
        before = row_medians(samples)
        mad = row_medians(np.abs(samples - before[:, None])) * _MAD_TO_SIGMA
        sigma = np.maximum(np.where(np.isfinite(mad), mad, 0.0), spread_floor(matrix.keys, before, samples))
        sigma = np.maximum(sigma, _DRIFT * _wander(samples))
        scores = (recent - before[:, None]) / sigma[:, None]
        first = _first_persistent(scores)
        found = (first >= 0) & (known >= min(_MIN_BASELINE, int(base.sum())))
        onset = np.where(found, matrix.times[look][np.maximum(first, 0)], np.nan)
        after = _level_after(recent, np.maximum(first, 0))
        peak_at = np.nanargmax(np.where(np.isfinite(scores), np.abs(scores), -1.0), axis=1)
        peak = recent[np.arange(count), peak_at]
        far = np.where(after >= before, 1.0, -1.0)[:, None]
        silent = recent[:, -max(_SILENT, recent.shape[1] // 5) :]
        gone = ~np.isfinite(silent).any(axis=1) & (known >= np.maximum(_MIN_BASELINE, _STEADY * base.sum()))
        usual = (far * (samples - after[:, None]) >= 0.0).sum(axis=1) / np.maximum(known, 1)
    score = np.where(found, (after - before) / sigma, 0.0)
    return Deviations(matrix.keys, before, after, np.nan_to_num(score), onset, peak, gone, usual)


def _wander(samples: Floats) -> Floats:
    """How far the level of each series moves within normal time: the range of the medians of its four quarters.

    Series are not independent samples: one that wanders anyway may go on doing so.
    """
    quarters = [row_medians(part) for part in np.array_split(samples, 4, axis=1) if part.shape[1] >= _QUARTER]
    if len(quarters) < 4:
        return np.zeros(samples.shape[0])
    levels = np.stack(quarters)
    return np.asarray(np.nan_to_num(levels.max(axis=0) - levels.min(axis=0)))


def _first_persistent(scores: Floats) -> NDArray[np.int64]:
    """Index of the first exceedance (same sign) that holds in three of the four samples from it on; -1 if none."""
    width = min(_PERSISTENCE, scores.shape[1])
    need = max(1, width - 1)
    first = np.full(scores.shape[0], -1, dtype=np.int64)
    for beyond in (scores > _THRESHOLD, scores < -_THRESHOLD):
        padded = np.concatenate([beyond, np.repeat(beyond[:, -1:], width - 1, axis=1)], axis=1).view(np.int8)
        held = sum(padded[:, place : place + scores.shape[1]] for place in range(width))
        run = beyond & (held >= need)
        any_run = run.any(axis=1)
        at = run.argmax(axis=1)
        better = any_run & ((first < 0) | (at < first))
        first = np.where(better, at, first)
    return first


def _level_after(recent: Floats, first: NDArray[np.int64]) -> Floats:
    """Median of the second half of what follows the onset: a ramp is judged by where it leads."""
    length = recent.shape[1]
    columns = np.arange(length)[None, :]
    begin = first + (length - first) // 2
    return row_medians(np.where(columns >= begin[:, None], recent, np.nan))


def row_medians(values: Floats) -> Floats:
    """Median of each row without its missing samples, NaN where all are missing; shape (series,).

    By sorting, which puts NaN last: several times as fast as ``np.nanmedian``.
    """
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    ordered = np.sort(values, axis=1)
    known = values.shape[1] - np.isnan(values).sum(axis=1)
    rows = np.arange(len(values))
    return np.asarray((ordered[rows, np.maximum(known - 1, 0) // 2] + ordered[rows, known // 2]) / 2.0)


class _no_empty_slice_warning:  # noqa: N801 - reads as a statement
    """numpy warns on an all-NaN row; here that row is an answer (no baseline), not an accident."""

    def __enter__(self) -> None:
        import warnings

        self._context = warnings.catch_warnings()
        self._context.__enter__()
        warnings.simplefilter("ignore", RuntimeWarning)

    def __exit__(self, *exc: object) -> None:
        self._context.__exit__(None, None, None)

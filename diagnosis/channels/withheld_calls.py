"""Calls that are no longer made: a service whose callees hear less from it while it is asked as often as before.

Conservation of requests along the calls, the twin of ``conservation`` (which is about time and failures): what a
service was asked and what it asks of others keep their proportion as long as its code takes the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from diagnosis.channels.clue import Clue, Observation
from diagnosis.channels.conservation import is_client_side
from diagnosis.deviation import as_rates, row_medians
from diagnosis.findings import Channel, FaultKind
from diagnosis.measures import Measure, measure_of
from diagnosis.symptoms import Symptom, amount

NAME = "withheld_calls"
_KINDS = {FaultKind.ERROR_REGRESSION: 0.9, FaultKind.BAD_CONFIG: 0.4, FaultKind.SCHEMA_MISMATCH: 0.3}
_LOST = 0.5  # of the proportion between calls made and requests taken
_STEADY = 0.6  # a service whose own traffic fell below this share of normal simply has less to do
_LEAST_SAMPLES = 5
_USUAL_COSTS = 4.0  # a level that a quarter of the normal samples reached is no loss


def withheld_calls(seen: Observation) -> list[Clue]:
    """One clue for each service that stopped to call something which, as far as is known, only it calls."""
    traffic = _traffic(seen)
    clues = []
    for name in sorted(traffic):
        own = traffic[name].kept
        if own < _STEADY:
            continue
        lost = {
            callee: traffic[callee]
            for callee in sorted(seen.topology.callees(name) & traffic.keys())
            if traffic[callee].kept < _LOST * own and _only_caller(seen, name, callee, traffic)
        }
        if not lost:
            continue
        callee, worst = min(lost.items(), key=lambda item: (item[1].kept, item[0]))
        rare = max(0.0, 1.0 - _USUAL_COSTS * min(one.usual for one in lost.values()))
        strength = (1.0 - worst.kept / own) * (1.0 - 0.5 ** len(lost)) * rare
        clues.append(_clue(seen, name, callee, worst, len(lost) - 1, strength))
    return clues


def _clue(seen: Observation, name: str, callee: str, worst: "_Traffic", more: int, strength: float) -> Clue:
    others = f" (and {more} more)" if more else ""
    symptom = Symptom(
        Channel.METRICS, name, f"calls to {callee}", frozenset({"calls-"}), f"{name} {callee}",
        strength=strength, bad=True,
        sentence=f"{name} is asked as before, but {callee}{others} gets {amount(worst.after)} calls instead of "
        f"{amount(worst.before)}",
        onset=seen.periods.recent.start, before=worst.before, after=worst.after, deviation=-10.0 * strength,
    )  # fmt: skip
    return Clue(NAME, name, strength, _KINDS, symptom)


def _only_caller(seen: Observation, name: str, callee: str, traffic: Mapping[str, "_Traffic"]) -> bool:
    """No other caller is known whose own traffic went on: it would have gone on calling."""
    others = seen.topology.callers(callee) - {name, callee}
    return all(other in traffic and traffic[other].kept < _STEADY for other in others)


@dataclass(frozen=True, slots=True)
class _Traffic:
    """Median request rates; ``usual`` is the share of normal samples that are as low as the rate is now."""

    before: float
    after: float
    usual: float

    @property
    def kept(self) -> float:
        return self.after / self.before


def _traffic(seen: Observation) -> dict[str, _Traffic]:
    """Of each entity with steady traffic: one that is sometimes not called at all proves nothing by its silence."""
    matrix = seen.metrics
    old, new = seen.periods.is_normal(matrix.times), seen.periods.is_recent(matrix.times)
    found: dict[str, _Traffic] = {}
    if old.sum() < _LEAST_SAMPLES or not new.any():
        return found
    rows = [
        row for row, key in enumerate(matrix.keys)
        if measure_of(key.metric) is Measure.TRAFFIC and not is_client_side(key.metric)
    ]  # fmt: skip
    values = as_rates(matrix.pick(rows)).values
    values = np.where(np.isfinite(values), values, np.nan)
    was, now = np.sort(values[:, old], axis=1), values[:, new]  # NaN comes last
    had, has = np.isfinite(was).sum(axis=1), np.isfinite(now)
    later = np.cumsum(has, axis=1) > (has.sum(axis=1) // 3)[:, None]
    before, after = row_medians(was), row_medians(np.where(later, now, np.nan))
    usual = (was <= after[:, None]).sum(axis=1) / np.maximum(had, 1)
    # The lowest tenth of the samples may be zero, no more: the quantile between two samples, as numpy has it.
    tenth = 0.1 * np.maximum(had - 1, 0)
    each = np.arange(len(rows))
    low, high = was[each, np.floor(tenth).astype(int)], was[each, np.ceil(tenth).astype(int)]
    steady = (had >= _LEAST_SAMPLES) & has.any(axis=1) & (low + (high - low) * (tenth % 1.0) > 0)
    for place in np.flatnonzero(steady).tolist():
        one = _Traffic(float(before[place]), float(after[place]), float(usual[place]))
        found.setdefault(matrix.keys[rows[place]].entity, one)
    return found

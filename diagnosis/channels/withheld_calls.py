"""Calls that are no longer made: a service whose callees hear less from it while it is asked as often as before.

Conservation of requests along the calls, the twin of ``conservation`` (which is about time and failures): what a
service was asked and what it asks of others keep their proportion as long as its code takes the same way.
"""

import numpy as np

from diagnosis.channels.clue import Clue, Observation
from diagnosis.channels.conservation import is_client_side
from diagnosis.findings import Channel, FaultKind
from diagnosis.measures import Measure, measure_of
from diagnosis.symptoms import Symptom, amount

NAME = "withheld_calls"
_KINDS = {FaultKind.ERROR_REGRESSION: 0.9, FaultKind.BAD_CONFIG: 0.4, FaultKind.SCHEMA_MISMATCH: 0.3}
_LOST = 0.5  # of the proportion between calls made and requests taken
_STEADY = 0.6  # a service whose own traffic fell below this share of normal simply has less to do
_LEAST_SAMPLES = 5


def withheld_calls(seen: Observation) -> list[Clue]:
    """One clue for each service that stopped to call something which, as far as is known, only it calls."""
    traffic = _traffic(seen)
    clues = []
    for name in sorted(traffic):
        before, after = traffic[name]
        own = after / before
        if own < _STEADY:
            continue
        lost = {
            callee: traffic[callee]
            for callee in sorted(seen.topology.callees(name) & traffic.keys())
            if traffic[callee][1] / traffic[callee][0] < _LOST * own and _only_caller(seen, name, callee, traffic)
        }
        if not lost:
            continue
        callee, (was, now) = min(lost.items(), key=lambda item: (item[1][1] / item[1][0], item[0]))
        strength = (1.0 - now / was / own) * (1.0 - 0.5 ** len(lost))
        others = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        symptom = Symptom(
            Channel.METRICS, name, f"calls to {callee}", frozenset({"calls-"}), f"{name} {callee}",
            strength=strength, bad=True,
            sentence=f"{name} is asked as before, but {callee}{others} gets {amount(now)} calls instead of {amount(was)}",
            onset=seen.periods.recent.start, before=was, after=now, deviation=-10.0 * strength,
        )  # fmt: skip
        clues.append(Clue(NAME, name, strength, _KINDS, symptom))
    return clues


def _only_caller(seen: Observation, name: str, callee: str, traffic: dict[str, tuple[float, float]]) -> bool:
    """No other caller is known whose own traffic went on: it would have gone on calling."""
    others = seen.topology.callers(callee) - {name, callee}
    return all(other in traffic and traffic[other][1] < _STEADY * traffic[other][0] for other in others)


def _traffic(seen: Observation) -> dict[str, tuple[float, float]]:
    """Median request rate of each entity before and, the later part, after; those with too little traffic are left out."""
    matrix = seen.metrics
    old, new = seen.periods.is_normal(matrix.times), seen.periods.is_recent(matrix.times)
    found: dict[str, tuple[float, float]] = {}
    if old.sum() < _LEAST_SAMPLES or not new.any():
        return found
    for key, row in zip(matrix.keys, matrix.values, strict=True):
        if measure_of(key.metric) is not Measure.TRAFFIC or key.entity in found or is_client_side(key.metric):
            continue
        was, now = row[old & np.isfinite(row)], row[new & np.isfinite(row)]
        # A series that is sometimes zero in normal times proves nothing when it is zero now.
        if was.size >= _LEAST_SAMPLES and now.size and np.quantile(was, 0.1) > 0:
            found[key.entity] = (float(np.median(was)), float(np.median(now[now.size // 3 :])))
    return found

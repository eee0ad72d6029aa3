"""Conservation along calls: time lost (or errors made) in a service is its own or comes from its callees.

A service's excess is its requests times the rise of latency (or of the error share) over the baseline. What its
callees lost is part of it; the rest is its own. A callee's excess is split among its callers in proportion to theirs,
since series rarely say who called. A callee that nobody called before is not to blame: its caller changed.
Means are conserved, quantiles are not: an excess read from a quantile counts for less.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from diagnosis.channels.clue import Clue, Observation
from diagnosis.deviation import as_rates
from diagnosis.findings import Channel, FaultKind
from diagnosis.measures import Measure, good_when_high, measure_of, words_of
from diagnosis.symptoms import Symptom, amount

NAME = "conservation"
_LATENCY_KINDS = {
    FaultKind.SLOW_CODE: 0.7,
    FaultKind.CPU_SATURATION: 0.5,
    FaultKind.NETWORK_DELAY: 0.4,
    FaultKind.LOCK_CONTENTION: 0.4,
    FaultKind.POOL_EXHAUSTION: 0.4,
}
_ERROR_KINDS = {
    FaultKind.ERROR_REGRESSION: 0.9,
    FaultKind.BAD_CONFIG: 0.5,
    FaultKind.DEPENDENCY_OUTAGE: 0.4,
}
_ORDER_STATISTIC = re.compile(r"p\d{2}|quantile|percentile|median|max", re.I)
_DRIFT = {Measure.LATENCY: 0.6, Measure.ERRORS: 0.2}  # of the floor: 3 % of a latency, 0.1 points of an error share
_SURE = 3.0  # standard deviations of an entity's excess
_SURE_ALERTED = 2.0  # where somebody was woken by this very loss, so that there is one
_RARE = 0.2  # share of normal samples with any call, below which a callee was not in use
_LEAST_SHARE = 0.02  # of the largest excess
_SIDE_SHOW = 0.3
_QUANTILE = 0.15
_TRACED = 0.3
_USED = 5.0  # calls that make a new dependency more than a stray


@dataclass(frozen=True, slots=True, eq=False)
class _Load:
    """One entity: mean requests, level before and after, excess (requests times change) and its standard score."""

    requests: float
    before: float
    after: float
    excess: float
    score: float
    is_new: bool
    metric: str


def conservation(seen: Observation) -> list[Clue]:
    """Clues from latency and from errors, each an entity's own excess as a share of what the alerted entity lost.

    Where the alert is about one of the two, the other is a side show and counts less.
    """
    alerted = measure_of(seen.metric) if seen.metric else None
    both = (Measure.LATENCY, Measure.ERRORS)
    return [
        clue
        for measure in both
        for clue in _of(seen, measure, 1.0 if alerted not in both or alerted is measure else _SIDE_SHOW)
    ]


def _of(seen: Observation, measure: Measure, relevance: float) -> list[Clue]:
    loads = _loads(seen, measure)
    least = _SURE_ALERTED if seen.metric and measure_of(seen.metric) is measure else _SURE
    excess = {name: load.excess if load.score >= least and not load.is_new else 0.0 for name, load in loads.items()}
    most = excess.get(seen.entity, 0.0) or max(excess.values(), default=0.0)
    if most <= 0.0:
        return []
    clues = []
    for name, load in sorted(loads.items()):
        if load.is_new or name in seen.aliases:
            continue
        below = _callees(seen, name)
        taken = sum(_share(seen, excess, name, callee) for callee in below)
        own = max(excess[name] - taken, 0.0)
        fresh = [callee for callee in below if callee in loads and loads[callee].is_new]
        sure = 1.0 - math.exp(-max(load.score, 0.0) / _SURE)
        share = relevance * sure * min(own / most + 0.5 * bool(fresh and excess[name] > 0.0), 1.0)
        share *= _QUANTILE if is_quantile(load.metric) else 1.0
        # Where spans of the entity are at hand they split its time better: work of its own, waiting for others.
        share *= _TRACED if measure is Measure.LATENCY and name in seen.spans.entities else 1.0
        if share >= _LEAST_SHARE:
            clues.append(_clue(seen, name, load, measure, own, excess[name], share, fresh))
    return clues


def _callees(seen: Observation, name: str) -> frozenset[str]:
    """What an entity calls; a client's view of a service calls that service."""
    target = {seen.aliases[name]} if name in seen.aliases else set()
    return seen.topology.callees(name) | target


def _share(seen: Observation, excess: Mapping[str, float], caller: str, callee: str) -> float:
    """The part of the callee's excess that this caller waited for."""
    views = {view for view, target in seen.aliases.items() if target == callee}
    callers = seen.topology.callers(callee) | views
    total = sum(excess.get(name, 0.0) for name in callers)
    return excess.get(callee, 0.0) * excess.get(caller, 0.0) / total if total > 0.0 else 0.0


def _clue(
    seen: Observation, name: str, load: _Load, measure: Measure, own: float, excess: float, share: float,
    fresh: list[str],
) -> Clue:  # fmt: skip
    slow = measure is Measure.LATENCY
    what = "time" if slow else "failures"
    text = f"{name} accounts by itself for {own / max(excess, 1e-12):.0%} of its lost {what}"
    text += f" ({load.metric} {amount(load.before)} to {amount(load.after)})"
    if fresh:
        text = f"{name} calls {', '.join(fresh)}, which it did not before; {text}"
    symptom = Symptom(
        Channel.METRICS, name, load.metric, frozenset({"latency+" if slow else "errors+", "own_excess+"}), load.metric,
        strength=share, bad=True, sentence=text, onset=seen.periods.recent.start, before=load.before, after=load.after,
        deviation=load.score,
    )  # fmt: skip
    return Clue(NAME, name, share, _LATENCY_KINDS if slow else _ERROR_KINDS, symptom)


def _loads(seen: Observation, measure: Measure) -> dict[str, _Load]:
    """Of each entity that has both traffic and this measure; all at once, one row an entity."""
    matrix = seen.metrics
    old, new = seen.periods.is_normal(matrix.times), seen.periods.is_recent(matrix.times)
    traffic, level = _rows(seen, Measure.TRAFFIC), _rows(seen, measure)
    names = sorted(traffic.keys() & level.keys())
    metrics = [matrix.keys[level[name]].metric for name in names]
    requests = np.nan_to_num(as_rates(matrix.pick([traffic[name] for name in names])).values)
    values = as_rates(matrix.pick([level[name] for name in names])).values
    fine_when_high = np.array([good_when_high(metric) for metric in metrics], dtype=bool)
    whole = np.where(np.nanmax(values, axis=1, initial=0.0) > 1.5, 100.0, 1.0)
    usual = np.where(fine_when_high, whole, 0.0)
    known = np.where(np.isfinite(values) & old, values, np.nan)
    count = np.isfinite(known).sum(axis=1)
    # Means, since those are conserved, and the plain standard deviation: what is skewed or jumps in normal time too
    # must not look like lost time.
    some = np.maximum(count, 1)
    before = np.where(count > 0, np.nansum(known, axis=1) / some, usual)
    scatter = np.where(count > 3, np.sqrt(np.nansum((known - before[:, None]) ** 2, axis=1) / some), 0.0)
    floor = 0.05 * np.abs(before) if measure is Measure.LATENCY else 0.005 * np.maximum(usual, 1.0)
    use = new & np.isfinite(values) & (requests > 0)
    calls, now = np.where(use, requests, 0.0), np.where(use, values, 0.0)
    change = np.where(use, values - before[:, None], 0.0) * np.where(fine_when_high, -1.0, 1.0)[:, None]
    used, total = use.sum(axis=1), calls.sum(axis=1)
    in_use = (requests[:, old] > 0).mean(axis=1) if old.any() else np.zeros(len(names))
    fresh = (in_use < _RARE) & (used * 2 > new.sum()) & (total > _USED)
    excess = (calls * change).sum(axis=1)
    spread = np.maximum(np.maximum(scatter, floor), 1e-12)
    # The baseline is an estimate too, and slow drifts of a level
    # are common: however many samples there are, a shift of less than that is none.
    unsure = np.maximum(scatter / np.sqrt(some), _DRIFT[measure] * floor)
    noise = np.sqrt(spread**2 * (calls * calls).sum(axis=1) + (unsure * total) ** 2)
    after = (now * calls).sum(axis=1) / np.maximum(total, 1e-300)
    return {
        names[i]: _Load(
            float(total[i] / used[i]), float(before[i]), float(after[i]), float(excess[i]),
            float(excess[i] / noise[i]), bool(fresh[i]), metrics[i],
        )
        for i in np.flatnonzero(used).tolist()
    }  # fmt: skip


def _rows(seen: Observation, measure: Measure) -> dict[str, int]:
    """The series that shows this measure best, by entity: a mean before a quantile, a low quantile before a high."""
    found: dict[str, tuple[tuple[int, str], int]] = {}
    for row, key in enumerate(seen.metrics.keys):
        if measure_of(key.metric) is not measure or is_client_side(key.metric):
            continue
        rank = (_preference(key.metric), key.metric)
        if key.entity not in found or rank < found[key.entity][0]:
            found[key.entity] = (rank, row)
    return {entity: row for entity, (_, row) in found.items()}


def _preference(metric: str) -> int:
    words = set(words_of(metric))
    if words & {"average", "avg", "mean", "sum"}:
        return 0
    return next((place for place, q in enumerate(("p50", "p75", "p90", "p95", "p99"), 1) if q in metric.lower()), 1)


def is_quantile(metric: str) -> bool:
    """True for series that show an order statistic and not a mean."""
    return bool(_ORDER_STATISTIC.search(metric))


def is_client_side(metric: str) -> bool:
    """True for what an entity measured of its own outgoing calls: that trouble is its callee's."""
    return bool({"client", "outbound", "upstream", "egress"} & set(words_of(metric)))

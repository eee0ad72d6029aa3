"""Deviation of single series: a resource that runs short is one's own trouble, latency and errors may be inherited.

Levels and spreads are robust (see ``diagnosis/deviation.py``). A series of the machine underneath says little about one
tenant; that is for ``tenants``.
"""

import numpy as np

from diagnosis.channels.clue import Clue, Observation, Source
from diagnosis.channels.conservation import is_client_side
from diagnosis.deviation import row_medians
from diagnosis.fault_kinds import kind_of_symptoms
from diagnosis.findings import Channel, FaultKind
from diagnosis.measures import Measure, is_ratio, measure_of, words_of
from diagnosis.symptoms import Symptom, amount

_FILLS = frozenset((Measure.CPU, Measure.MEMORY, Measure.DISK, Measure.POOL_USE))
_NO_LIMIT = 0.5
_NOT_FULL = 0.2
_POOL = frozenset(("pool", "connections", "connection", "hikaricp"))
_LIMIT = 0.95  # of the full scale: as good as full
_LEAST_NORMAL = 5  # samples to know what never was before
_HIDDEN = 0.4  # strength of a deviation that only the limit makes
_OUTGOING = 0.4  # what an entity waited for others is first of all their trouble

SATURATION, DEVIATION = "saturation", "deviation"
RESOURCES = frozenset(
    (Measure.CPU, Measure.MEMORY, Measure.GC, Measure.DISK, Measure.DISK_IO, Measure.POOL_USE, Measure.POOL_WAIT,
     Measure.LOCK_WAIT, Measure.THROTTLE, Measure.RESTARTS, Measure.EXPIRY, Measure.DRIFT, Measure.QUALITY,
     Measure.CACHE_MISSES, Measure.CACHE_HITS, Measure.LIMIT)
)  # fmt: skip


def saturation(seen: Observation) -> list[Clue]:
    """The strongest deviation of each resource of each entity, as far as the resource is used up.

    A share of a limit counts by how full it is; use in absolute units says nothing of a limit, and counts only where
    no share is measured.
    """
    own = [s for s in _series(seen) if measure_of(s.subject) in RESOURCES and s.bad]
    own += _at_limit(seen, {(s.entity, s.subject) for s in own})
    shared = {(key.entity, measure_of(key.metric)) for key in seen.metrics.keys if is_ratio(key.metric)}
    clues = []
    for s in own:
        place = (s.entity, measure_of(s.subject))
        if place[1] is Measure.POOL_WAIT and _had_room(seen, s.entity):
            clues.append((_NOT_FULL * s.strength, s))
        elif is_ratio(s.subject) or measure_of(s.subject) not in _FILLS:
            clues.append((max(s.strength, _headroom_lost(s)) * _fullness(s), s))
        elif place not in shared:
            clues.append((_NO_LIMIT * s.strength, s))
    best: dict[tuple[str, Measure], tuple[float, Symptom]] = {}
    for strength, s in clues:
        key = (s.entity, measure_of(s.subject))
        if strength > best.get(key, (0.0, s))[0]:
            best[key] = (strength, s)
    return [Clue(SATURATION, s.entity, w, {kind_of_symptoms([s]): 1.0}, s) for _, (w, s) in sorted(best.items())]


def _had_room(seen: Observation, entity: str) -> bool:
    """A pool that never lent all it has is not what was waited for: who is starved waits everywhere."""
    recent = seen.periods.is_recent(seen.metrics.times)
    highest = {Measure.POOL_USE: 0.0, Measure.LIMIT: 0.0}
    for row, key in enumerate(seen.metrics.keys):
        measure = measure_of(key.metric)
        of_pool = _POOL & set(words_of(key.metric)) and not is_ratio(key.metric)
        if key.entity == entity and measure in highest and of_pool:
            values = seen.metrics.pick([row]).values[0, recent]
            highest[measure] = max(highest[measure], float(np.nanmax(values, initial=0.0)))
    return 0.0 < highest[Measure.POOL_USE] < _LIMIT * highest[Measure.LIMIT]


def _at_limit(seen: Observation, known: set[tuple[str, str]]) -> list[Symptom]:
    """Shares of a limit that reach it as they never did in normal time, though their scatter hides the deviation."""
    matrix = seen.metrics
    old, new = seen.periods.is_normal(matrix.times), seen.periods.is_recent(matrix.times)
    rows = [
        row for row, key in enumerate(matrix.keys)
        if is_ratio(key.metric) and measure_of(key.metric) in _FILLS and not of_machine(key.metric)
        and (key.entity, key.metric) not in known
    ]  # fmt: skip
    if not rows or old.sum() < _LEAST_NORMAL or not new.any():
        return []
    values = matrix.pick(rows).values
    was, now = values[:, old], values[:, new]
    before, after = row_medians(was), row_medians(now[:, now.shape[1] // 3 :])
    highest = np.where(np.isfinite(was), was, -np.inf).max(axis=1)
    found = []
    for place in np.flatnonzero(np.isfinite(before) & np.isfinite(after) & (after > highest)).tolist():
        key = matrix.keys[rows[place]]
        s = Symptom(
            Channel.METRICS, key.entity, key.metric, frozenset({f"{measure_of(key.metric).value}+"}), key.metric,
            strength=_HIDDEN, bad=True, onset=seen.periods.recent.start,
            sentence=f"{key.entity} {key.metric} reached {amount(float(after[place]))}, never before; it was usually "
            f"{amount(float(before[place]))}",
            before=float(before[place]), after=float(after[place]), deviation=5.0,
        )  # fmt: skip
        if s.after is not None and s.after >= _LIMIT * _full_scale(s):
            found.append(s)
    return found


def _fullness(s: Symptom) -> float:
    """0 at a fifth of the limit, 1 from four fifths on; 1 for what has no limit."""
    if measure_of(s.subject) not in _FILLS or s.after is None:
        return 1.0
    return float(np.clip((s.after / _full_scale(s) - 0.2) / 0.6, 0.0, 1.0))


def _headroom_lost(s: Symptom) -> float:
    """The share of what was free that is now used: a busy service that reaches its limit need not deviate much."""
    if measure_of(s.subject) not in _FILLS or s.after is None or s.before is None:
        return 0.0
    free = _full_scale(s) - s.before
    return float(np.clip((s.after - s.before) / free, 0.0, 1.0)) if free > 0.0 else 0.0


def _full_scale(s: Symptom) -> float:
    percent = max(abs(s.after or 0.0), abs(s.before or 0.0)) > 1.5 or "percent" in s.subject or "%" in s.subject
    return 100.0 if percent else 1.0


def deviation(seen: Observation) -> list[Clue]:
    """Latency, errors, queues: they deviate at whoever waits, too."""
    felt = [s for s in _series(seen) if measure_of(s.subject) not in RESOURCES and s.bad]
    clues = []
    for s in _strongest(felt):
        kinds, strength = {kind_of_symptoms([s]): 0.5}, s.strength
        if is_client_side(s.subject) and measure_of(s.subject) is Measure.LATENCY:
            kinds = {FaultKind.NETWORK_DELAY: 0.6, FaultKind.DEPENDENCY_OUTAGE: 0.3}
            strength *= _OUTGOING
        clues.append(Clue(DEVIATION, s.entity, strength, kinds, s, Source.CALLEES))
    return clues


def of_machine(metric: str) -> bool:
    """True for what is measured of the host and not of the entity."""
    return bool({"node", "host", "machine"} & set(words_of(metric)[:2]))


def _series(seen: Observation) -> list[Symptom]:
    return [s for s in seen.symptoms if s.channel is Channel.METRICS and not of_machine(s.subject)]


def _strongest(symptoms: list[Symptom]) -> list[Symptom]:
    best: dict[tuple[str, Measure], Symptom] = {}
    for s in symptoms:
        key = (s.entity, measure_of(s.subject))
        if key not in best or (s.strength, s.subject) > (best[key].strength, best[key].subject):
            best[key] = s
    return [best[key] for key in sorted(best)]

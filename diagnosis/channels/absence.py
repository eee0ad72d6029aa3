"""Silence is a signal: series that stop, series that freeze, and services whose spans are gone."""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diagnosis.channels.clue import Clue, Observation
from diagnosis.deviation import as_rates
from diagnosis.findings import Channel, FaultKind
from diagnosis.measures import words_of
from diagnosis.symptoms import Symptom, amount
from diagnosis.telemetry import SeriesKey, SeriesMatrix

NAME = "absence"
_KINDS = {FaultKind.INFRASTRUCTURE: 0.5, FaultKind.DEPENDENCY_OUTAGE: 0.5, FaultKind.MEMORY_EXHAUSTION: 0.3}
_DOWN = {FaultKind.DEPENDENCY_OUTAGE: 0.8, FaultKind.INFRASTRUCTURE: 0.4, FaultKind.MEMORY_EXHAUSTION: 0.3}
_USUALLY_UP, _LAST = 0.9, 2  # share of normal samples above 0; samples at the end that are 0
_LEAST_FLAT = 5  # equal samples in a row of a series that used to move all the time


def absence(seen: Observation) -> list[Clue]:
    """One clue an entity whose telemetry stopped or froze while others' went on."""
    quiet = {**_frozen(seen), **_gone(seen), **_down(seen)}
    everyone = {key.entity for key in seen.metrics.keys} | set(seen.spans.entities)
    if len(quiet) > 0.3 * len(everyone):
        quiet = {}  # that many at once is the monitoring, not the services
    quiet |= seen.unanswered  # who calls them tells of it
    return [Clue(NAME, name, s.strength, _DOWN if s.has("down") else _KINDS, s) for name, s in sorted(quiet.items())]


def _gone(seen: Observation) -> dict[str, Symptom]:
    total = Counter(key.entity for key in seen.metrics.keys)
    gone = [s for s in seen.symptoms if any(signal.endswith("_gone") for signal in s.signals)]
    count = Counter(s.entity for s in gone)
    share = {name: count[name] / total[name] for name in count}
    return {s.entity: replace(s, strength=share[s.entity]) for s in gone if share[s.entity] >= 0.5}


def _down(seen: Observation) -> dict[str, Symptom]:
    """Who was up and, by the last samples, is not: by a health check, or by who collects its metrics."""
    matrix = seen.metrics
    rows = [row for row, key in enumerate(matrix.keys) if words_of(key.metric)[-1:] == ("up",)]
    old = seen.periods.is_normal(matrix.times)
    if not rows or not old.any():
        return {}
    found: dict[str, Symptom] = {}
    for row, values in zip(rows, matrix.pick(rows).values, strict=True):
        key, was = matrix.keys[row], values[old]
        told = values[np.isfinite(values)]
        if np.nanmean(was > 0) < _USUALLY_UP or told[-_LAST:].any() or told.size <= _LAST:
            continue
        fell = np.flatnonzero(np.isfinite(values) & (values > 0))[-1] + 1
        found[key.entity] = Symptom(
            Channel.METRICS, key.entity, key.metric, frozenset({"up-", "down"}), key.metric, strength=1.0, bad=True,
            sentence=f"{key.entity} {key.metric} was {amount(float(np.nanmedian(was)))} and is 0",
            onset=float(matrix.times[fell]), before=float(np.nanmedian(was)), after=0.0,
        )  # fmt: skip
    return found


def _frozen(seen: Observation) -> dict[str, Symptom]:
    new, old = seen.periods.is_recent(seen.metrics.times), seen.periods.is_normal(seen.metrics.times)
    if new.sum() < _LEAST_FLAT or old.sum() <= _LEAST_FLAT:
        return {}
    frozen = [key for block in seen.metrics.blocks() for key in _stopped_moving(as_rates(block), old, new)]
    total = Counter(key.entity for key in seen.metrics.keys)
    count = Counter(key.entity for key in frozen)
    return {
        key.entity: Symptom(
            Channel.METRICS, key.entity, key.metric, frozenset({"frozen"}), key.metric, strength=0.5, bad=False,
            sentence=f"{key.entity} {key.metric} used to move and now stays at one value",
            onset=seen.periods.recent.start,
        )
        for key in frozen
        if count[key.entity] >= 0.5 * total[key.entity]
    }  # fmt: skip


def _stopped_moving(matrix: SeriesMatrix, old: NDArray[np.bool_], new: NDArray[np.bool_]) -> list[SeriesKey]:
    """Series that moved at nearly every sample of the normal time, and at none of the recent one."""
    recent = matrix.values[:, new]
    still = np.flatnonzero((recent == recent[:, :1]).all(axis=1) & np.isfinite(recent[:, 0]))
    with np.errstate(invalid="ignore"):
        lively = (np.diff(matrix.values[still][:, old], axis=1) != 0).mean(axis=1) > 0.9
    return [matrix.keys[row] for row in still[lively]]

"""Symptoms: every way in which the telemetry left its normal, in one vocabulary for metrics, logs and spans.

A signal is a measure with a direction (``latency+``, ``cache_hits-``) or a failure family of a text
(``text:timeout``). The rest of the engine reasons over signals and never over raw telemetry.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from diagnosis.deviation import Deviations, deviations
from diagnosis.findings import Channel
from diagnosis.measures import Measure, good_when_high, measure_of
from diagnosis.periods import Periods
from diagnosis.telemetry import SeriesMatrix, Topology

_LEAST = 5.0  # robust standard deviations of anything that counts as shifted
_USUAL_COSTS = 4.0  # a level that a quarter of the baseline reached is no deviation


@dataclass(frozen=True, slots=True)
class Symptom:
    """One deviation. ``text`` is all its wording (names, template, example, attributes) for linking.

    ``numbers`` are values that it shows (levels, attribute values); ``strength`` is in (0, 1]; ``bad`` means that a
    user or an operator would mind it by itself.
    """

    channel: Channel
    entity: str
    subject: str
    signals: frozenset[str]
    text: str
    strength: float
    bad: bool
    sentence: str
    onset: float | None = None
    before: float | None = None
    after: float | None = None
    deviation: float = 0.0
    numbers: tuple[float, ...] = ()

    def has(self, *signals: str) -> bool:
        return any(signal in self.signals for signal in signals)


def amount(value: float) -> str:
    """A number for a sentence: three significant digits, no exponent for everyday sizes."""
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:.2e}"


# Measures whose rise (or fall, where good is high) is felt by users or eats the last reserve.
_FELT = frozenset(
    (Measure.LATENCY, Measure.ERRORS, Measure.TIMEOUTS, Measure.POOL_WAIT, Measure.QUEUE, Measure.LAG, Measure.CPU,
     Measure.MEMORY, Measure.GC, Measure.DISK, Measure.DISK_IO, Measure.LOCK_WAIT, Measure.RESTARTS, Measure.THROTTLE,
     Measure.POOL_USE, Measure.RETRIES, Measure.DRIFT, Measure.CACHE_MISSES)
)  # fmt: skip


def metric_symptoms(matrix: SeriesMatrix, periods: Periods) -> list[Symptom]:
    """Series that left their baseline for good, strongest first."""
    devs = deviations(matrix, periods)
    found = [_metric_symptom(devs, int(i)) for i in np.flatnonzero(devs.shifted())]
    found += [_vanished(devs, int(i)) for i in np.flatnonzero(devs.gone)]
    found += expiries(matrix, periods.recent.end)
    return sorted(found, key=lambda s: (-abs(s.deviation), s.entity, s.subject))


def _metric_symptom(devs: Deviations, i: int) -> Symptom:
    key = devs.keys[i]
    before, after, score = float(devs.before[i]), float(devs.after[i]), float(devs.score[i])
    if score == 0.0:  # it came back: the excursion itself is the deviation
        score = math.copysign(_LEAST, float(devs.peak[i]) - before)
    measure = measure_of(key.metric)
    up = score > 0
    worse = (not up) if good_when_high(key.metric) else up
    signal = f"{measure.value}{'+' if up else '-'}"
    if measure is Measure.ERRORS and good_when_high(key.metric):
        signal = f"{measure.value}{'-' if up else '+'}"
    verb = "rose" if up else "fell"
    return Symptom(
        channel=Channel.METRICS,
        entity=key.entity,
        subject=key.metric,
        signals=frozenset({signal}),
        text=key.metric,
        strength=min(1.0, 0.3 + abs(score) / 40.0) * max(0.1, 1.0 - _USUAL_COSTS * float(devs.usual[i])),
        bad=(measure in _FELT or good_when_high(key.metric)) and worse,
        sentence=f"{key.entity} {key.metric} {verb} from {amount(before)} to {amount(after)}",
        onset=float(devs.onset[i]),
        before=before,
        after=after,
        deviation=score,
        numbers=(after, float(devs.peak[i])),
    )


def _vanished(devs: Deviations, i: int) -> Symptom:
    key = devs.keys[i]
    return Symptom(
        channel=Channel.METRICS,
        entity=key.entity,
        subject=key.metric,
        signals=frozenset({f"{measure_of(key.metric).value}_gone"}),
        text=key.metric,
        strength=0.5,
        bad=False,
        sentence=f"{key.entity} {key.metric} stopped reporting",
        before=float(devs.before[i]),
    )


def expiries(matrix: SeriesMatrix, until: float) -> list[Symptom]:
    """Gauges that count down to zero at the speed of the clock and get there: something expired at that moment."""
    found = []
    for place, key in enumerate(matrix.keys):
        if measure_of(key.metric) is not Measure.EXPIRY:
            continue
        row = np.asarray(matrix.values[place])
        ok = np.isfinite(row) & (matrix.times < until)
        if ok.sum() < 4:
            continue
        times, values = matrix.times[ok], row[ok]
        if not (values[0] > 0 >= values[-1]):
            continue
        at = float(times[np.argmax(values <= 0)])
        found.append(
            Symptom(
                channel=Channel.METRICS,
                entity=key.entity,
                subject=key.metric,
                signals=frozenset({"expiry0"}),
                text=key.metric,
                strength=1.0,
                bad=True,
                sentence=f"{key.entity} {key.metric} counted down to zero",
                onset=at,
                before=float(values[0]),
                after=float(values[-1]),
                deviation=100.0,
            )
        )
    return found


def short(text: str, width: int = 140) -> str:
    """One line of a text, cut for a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def mentions(symptoms: Iterable[Symptom], entities: Iterable[str]) -> set[tuple[str, str]]:
    """(who, whom) pairs: an entity's failing text or span that names another entity blames it."""
    names = [(name, name.lower()) for name in entities if len(name) >= 3]
    return {
        (symptom.entity, name)
        for symptom in symptoms
        if symptom.channel is not Channel.METRICS and symptom.bad
        for text in (symptom.text.lower(),)
        for name, low in names
        if low in text and name != symptom.entity
    }


def with_mentions(topology: Topology, blamed: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Blame that the topology does not contradict: not from a callee to its own caller."""
    dependants = {who: topology.dependants(who) for who, _ in blamed}
    return {(who, whom) for who, whom in blamed if whom not in dependants[who]}

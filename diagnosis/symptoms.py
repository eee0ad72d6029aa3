"""Symptoms: every way in which the telemetry left its normal, in one vocabulary for metrics, logs and spans.

A signal is a measure with a direction (``latency+``, ``cache_hits-``) or a failure family of a text
(``text:timeout``). The rest of the engine reasons over signals and never over raw telemetry.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from diagnosis.deviation import Deviations, deviations
from diagnosis.failure_text import Failure, failures_in
from diagnosis.findings import Channel
from diagnosis.measures import Measure, good_when_high, measure_of
from diagnosis.periods import Periods
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Floats, LogPattern, PatternTable, SeriesMatrix, Topology
from diagnosis.traces import OperationStats, operations, self_time

_LEAST = 5.0  # robust standard deviations of anything that counts as shifted
_ENOUGH_LINES = 200  # of ordinary logs in each period, to measure traffic by
_USUAL_COSTS = 4.0  # a level that a quarter of the baseline reached is no deviation
_BAD_SEVERITIES = ("WARN", "WARNING", "ERROR", "ERR", "CRITICAL", "CRIT", "FATAL", "ALERT", "PANIC", "SEVERE")


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


def log_symptoms(table: PatternTable, periods: Periods) -> list[Symptom]:
    """Patterns that are new since the baseline, or came much more often, or stopped, strongest first."""
    found = []
    exposure = _exposure(table, periods)
    for pattern in table.patterns:
        symptom = _log_symptom(pattern, table, periods, exposure)
        if symptom is not None:
            found.append(symptom)
    return sorted(found, key=lambda s: (-s.strength, s.entity, s.subject))


def _bin_starts(table: PatternTable, bins: int) -> Floats:
    return np.asarray(table.window.start + table.bin_seconds * np.arange(bins), dtype=np.float64)


def _overdispersion(counts: np.ndarray) -> float:
    """Variance over mean of the counts a bin, at least 1: lines come in bursts, which Poisson does not expect."""
    seen = counts[counts > 0] if (counts > 0).sum() >= 3 else counts
    return max(1.0, float(np.var(seen) / np.mean(seen))) if seen.size >= 3 and seen.sum() else 1.0


def _exposure(table: PatternTable, periods: Periods) -> float:
    """How many lines are to be expected recently for one in the normal time, if nothing is wrong.

    Ordinary lines of all entities tell how busy the system is and how much of it was collected; where there are too
    few of them, time does.
    """
    starts = _bin_starts(table, max((len(p.counts) for p in table.patterns), default=0))
    old, new = periods.is_normal(starts), periods.is_recent(starts)
    calm = [p.counts for p in table.patterns if p.severity not in _BAD_SEVERITIES]
    total = (
        np.sum(np.asarray(calm, dtype=float).reshape(len(calm), starts.size), axis=0) if calm else np.zeros(starts.size)
    )
    if min(total[old].sum(), total[new].sum()) >= _ENOUGH_LINES:
        return float(total[new].sum() / total[old].sum())
    return float(new.sum()) / max(float(old.sum()), 1.0)


def _log_symptom(pattern: LogPattern, table: PatternTable, periods: Periods, exposure: float) -> Symptom | None:
    starts = _bin_starts(table, len(pattern.counts))
    counts = np.asarray(pattern.counts, dtype=float)
    baseline_end = periods.recent.start
    old, new = counts[periods.is_normal(starts)], counts[periods.is_recent(starts)]
    if not new.size or not new.sum():
        return None
    expected = (float(old.sum()) + 0.5) * exposure
    observed = float(new.sum())
    # Poisson log likelihood ratio of the observed against the expected count (G-test with one degree of freedom).
    surprise = observed * math.log(observed / expected) - (observed - expected) if observed > expected else 0.0
    surprise = float(surprise) / _overdispersion(old)
    novel = old.sum() == 0
    bad = pattern.severity in _BAD_SEVERITIES
    if surprise < 3.0 and not (novel and bad):
        return None  # most patterns: their text need not be read
    text = _pattern_text(pattern)
    families = failures_in(text)
    if surprise < 3.0 and not families:
        return None
    first = pattern.first_seen if novel else _rise(starts, counts, baseline_end, old, table.bin_seconds)
    signals = {f"text:{family.value}" for family in families} or {"text:other"}
    weight = 1.0 if bad else 0.35 if families - {Failure.OTHER} else 0.15
    minutes = max(new.size * table.bin_seconds / 60.0, 1e-9)
    per_minute = float(new.sum()) / minutes
    before = float(old.sum()) / max(old.size * table.bin_seconds / 60.0, 1e-9)
    times = f"{observed:,.0f} line" + ("s" if observed != 1 else "")
    verb = f"is new ({times})" if novel else f"rose from {amount(before)} to {amount(per_minute)} lines a minute"
    return Symptom(
        channel=Channel.LOGS,
        entity=pattern.entity,
        subject=pattern.template,
        signals=frozenset(signals),
        text=text,
        strength=weight * min(1.0, 0.35 + surprise / 60.0),
        bad=bad,
        sentence=f"{pattern.entity} log pattern “{_short(pattern.example)}” {verb}",
        onset=first,
        before=before,
        after=per_minute,
        deviation=math.sqrt(2.0 * surprise),
        numbers=_numbers(pattern),
    )


def _rise(starts: np.ndarray, counts: np.ndarray, baseline_end: float, old: np.ndarray, bin_seconds: float) -> float:
    """The first bin after the baseline whose count the baseline never reached."""
    ceiling = max(float(old.max(initial=0.0)), 1.0)
    later = (starts >= baseline_end) & (counts > ceiling)
    return float(starts[later.argmax()]) if later.any() else baseline_end


def _pattern_text(pattern: LogPattern) -> str:
    parts = [pattern.example]
    for name, values in sorted(pattern.attributes.items()):
        shown = " ".join(value for value in values if not value.replace(".", "").isdigit())
        parts.append(f"{name} {shown}")
    return "\n".join(parts)


def _numbers(pattern: LogPattern) -> tuple[float, ...]:
    """Attribute values that most lines of the pattern share: a constant like a limit, not a measurement."""
    shared = []
    for values in pattern.attributes.values():
        total = sum(values.values())
        for value, count in values.items():
            if count >= 0.6 * total and count >= 2:
                try:
                    shared.append(float(value))
                except ValueError:
                    continue
    return tuple(shared)


def _short(text: str, width: int = 140) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def span_symptoms(table: SpanTable, periods: Periods) -> list[Symptom]:
    """Operations that fail, take longer by themselves, or are called more often per parent, than in normal time."""
    seconds, onset = self_time(table), periods.recent.start
    before = operations(table, periods.is_normal(table.start), seconds)
    after = operations(table, periods.is_recent(table.start), seconds)
    found: list[Symptom] = []
    for operation in sorted(after):
        now, was = after[operation], before.get(operation)
        found += _span_errors(operation, now, was, onset)
        found += _span_slow(operation, now, was, onset)
        found += _span_fanout(operation, now, was, onset)
    return found


def _span_errors(op: tuple[str, str], now: OperationStats, was: OperationStats | None, onset: float) -> list[Symptom]:
    share, old = now.errors / now.calls, (was.errors / was.calls if was and was.calls else 0.0)
    if share < max(2 * old, 0.02) or now.errors == 0:
        return []
    origin = now.origin_errors > 0.5 * now.errors
    families = failures_in(now.message) if now.message else frozenset()
    signals = {f"text:{family.value}" for family in families} | {"errors+"}
    where = "starts here" if origin else "comes from a callee"
    text = f"{op[1]} {now.message}"
    return [
        Symptom(
            Channel.TRACES, op[0], op[1], frozenset(signals | ({"origin"} if origin else set())), text,
            strength=0.7 if origin else 0.4, bad=True,
            sentence=f"{op[0]} {op[1]} fails in {now.errors} of {now.calls} spans; the error {where}"
            + (f": “{_short(now.message)}”" if now.message else ""),
            onset=onset, before=old, after=share, deviation=10.0 * share,
        )
    ]  # fmt: skip


def _span_slow(op: tuple[str, str], now: OperationStats, was: OperationStats | None, onset: float) -> list[Symptom]:
    if was is None or now.self_seconds < 2.0 * was.self_seconds + 0.01:
        return []
    return [
        Symptom(
            Channel.TRACES, op[0], op[1], frozenset({"latency+", "self_time+"}), op[1],
            strength=0.6, bad=True,
            sentence=f"{op[0]} {op[1]} spends {amount(now.self_seconds * 1e3)} ms by itself, before "
            f"{amount(was.self_seconds * 1e3)} ms",
            onset=onset, before=was.self_seconds, after=now.self_seconds,
            deviation=min(50.0, now.self_seconds / max(was.self_seconds, 1e-3)),
        )
    ]  # fmt: skip


def _span_fanout(op: tuple[str, str], now: OperationStats, was: OperationStats | None, onset: float) -> list[Symptom]:
    old = was.calls_per_parent if was else 1.0
    if now.calls_per_parent < max(3.0, 2.0 * old):
        return []
    return [
        Symptom(
            Channel.TRACES, op[0], op[1], frozenset({"fanout+"}), op[1],
            strength=0.8, bad=False,
            sentence=f"{op[0]} {op[1]} is called {amount(now.calls_per_parent)} times by one parent span"
            + (f", before {amount(old)}" if was else ""),
            onset=onset, before=old, after=now.calls_per_parent, deviation=now.calls_per_parent,
        )
    ]  # fmt: skip


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

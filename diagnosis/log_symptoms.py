"""Log patterns that are new or more frequent than they were: judged by a Poisson likelihood ratio against their own
normal rate, for as many ordinary lines as there are now."""

import math

import numpy as np

from diagnosis.failure_text import Failure, failures_in
from diagnosis.findings import Channel
from diagnosis.periods import Periods
from diagnosis.symptoms import Symptom, amount, short
from diagnosis.telemetry import Floats, LogPattern, PatternTable

_ENOUGH_LINES = 200  # of ordinary logs in each period, to measure traffic by
_BAD_SEVERITIES = ("WARN", "WARNING", "ERROR", "ERR", "CRITICAL", "CRIT", "FATAL", "ALERT", "PANIC", "SEVERE")


def log_symptoms(table: PatternTable, periods: Periods) -> list[Symptom]:
    """Patterns that are new since the baseline, or came much more often, or stopped, strongest first."""
    found = []
    exposure = _exposure(table, periods)
    said = _said_before(table, periods)
    for pattern in table.patterns:
        symptom = _log_symptom(pattern, table, periods, exposure, said[pattern.entity, pattern.template])
        if symptom is not None:
            found.append(symptom)
    return sorted(found, key=lambda s: (-s.strength, s.entity, s.subject))


def _said_before(table: PatternTable, periods: Periods) -> dict[tuple[str, str], float]:
    """How often each entity wrote each text in normal time, at whatever severity: a text is not new for its level."""
    said: dict[tuple[str, str], float] = {}
    for pattern in table.patterns:
        old = periods.is_normal(_bin_starts(table, len(pattern.counts)))
        key = (pattern.entity, pattern.template)
        said[key] = said.get(key, 0.0) + float(np.asarray(pattern.counts, dtype=float)[old].sum())
    return said


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


def _log_symptom(
    pattern: LogPattern, table: PatternTable, periods: Periods, exposure: float, said: float
) -> Symptom | None:
    starts = _bin_starts(table, len(pattern.counts))
    counts = np.asarray(pattern.counts, dtype=float)
    baseline_end = periods.recent.start
    old, new = counts[periods.is_normal(starts)], counts[periods.is_recent(starts)]
    if not new.size or not new.sum():
        return None
    expected = (said + 0.5) * exposure
    observed = float(new.sum())
    # Poisson log likelihood ratio of the observed against the expected count (G-test with one degree of freedom).
    surprise = observed * math.log(observed / expected) - (observed - expected) if observed > expected else 0.0
    surprise = float(surprise) / _overdispersion(old)
    novel = said == 0
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
        sentence=f"{pattern.entity} log pattern “{short(pattern.example)}” {verb}",
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


# Attributes of who says it, not of what is said (OpenTelemetry's resource attributes).
_OF_EVERY_LINE = ("service.", "telemetry.", "host.", "process.", "k8s.", "container.", "deployment.", "os.", "cloud.")


def _pattern_text(pattern: LogPattern) -> str:
    parts = [pattern.example]
    for name, values in sorted(pattern.attributes.items()):
        if name.startswith(_OF_EVERY_LINE):
            continue
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

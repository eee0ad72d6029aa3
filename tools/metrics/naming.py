"""What comes out is named so that the engine reads the right measure from the name."""

import re
from collections.abc import Iterator, Sequence

from diagnosis.measures import Measure, good_when_high, is_ratio, measure_of

_WORDS: dict[Measure, str] = {
    Measure.LATENCY: "duration",
    Measure.ERRORS: "errors",
    Measure.TRAFFIC: "requests",
    Measure.CPU: "cpu",
    Measure.MEMORY: "memory",
    Measure.GC: "gc_pause_time",
    Measure.DISK: "disk",
    Measure.DISK_IO: "disk_io",
    Measure.NETWORK: "network",
    Measure.POOL_USE: "pool_used",
    Measure.POOL_WAIT: "pool_waiting",
    Measure.QUEUE: "queue",
    Measure.LAG: "consumer_lag",
    Measure.LOCK_WAIT: "lock_wait",
    Measure.RESTARTS: "restarts",
    Measure.THROTTLE: "throttled",
    Measure.CONNECTIONS: "connections",
    Measure.UP: "up",
    Measure.DRIFT: "drift",
    Measure.QUALITY: "quality",
    Measure.TIMEOUTS: "timeouts",
    Measure.RETRIES: "retries",
    Measure.CANCELLED: "cancelled",
    Measure.CACHE_HITS: "cache_hits",
    Measure.CACHE_MISSES: "cache_misses",
    Measure.LIMIT: "capacity",
    Measure.EXPIRY: "expiry_tls_seconds",
}
_UNITS = (("_milliseconds", 1e-3), ("_seconds", 1.0), ("_microseconds", 1e-6), ("_nanoseconds", 1e-9), ("_ms", 1e-3))
_SAFE = re.compile(r"[\w.:/@-]{1,60}")


def without_unit(stem: str) -> tuple[str, float, bool]:
    """The stem without its unit of time, the factor to seconds, and whether it had such a unit."""
    for unit, factor in _UNITS:
        if stem.endswith(unit):
            return stem.removesuffix(unit), factor, True
    return stem, 1.0, False


def named(stem: str, endings: Sequence[str], measure: Measure) -> str:
    """``stem`` with one of the endings, and with a word that tells the measure where they do not tell it.

    Empty when no such name is read as ``measure``.
    """
    return next((name for name in _candidates(stem, endings, measure) if measure_of(name) is measure), "")


def _candidates(stem: str, endings: Sequence[str], measure: Measure) -> Iterator[str]:
    word = _WORDS.get(measure, "")
    for middle in ("", f"_{word}") if word else ("",):
        for ending in endings:
            yield f"{stem}{middle}{ending}"


def located(metric: str, label: str, value: str) -> str:
    """The name of the part of a metric with this value of a label.

    Empty where the words of the value would change what the name means, or are no words at all.
    """
    if not _SAFE.fullmatch(value):
        return ""
    meaning = (measure_of(metric), is_ratio(metric), good_when_high(metric))
    for name in (f"{metric}[{label}={value}]", f"{metric}[{value}]"):
        if (measure_of(name), is_ratio(name), good_when_high(name)) == meaning:
            return name
    return ""

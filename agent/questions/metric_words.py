"""Words for what is measured, and which metrics of a service they mean. Names of the telemetry are taken as they are."""

import re
from collections.abc import Mapping, Sequence

from diagnosis.words import split_identifier

# A word that people say, and the words of which one stands in the names of the metrics that it means.
_MEANT: Mapping[str, tuple[str, ...]] = {
    "latency": ("duration", "latency", "wait", "response"),
    "errors": ("error", "errors", "failed", "failures", "timeouts", "5xx", "exceptions"),
    "requests": ("requests", "request", "rps", "calls", "queries", "flight"),
    "cpu": ("cpu",),
    "memory": ("memory", "heap", "rss", "mem"),
    "disk": ("disk", "filesystem", "volume"),
    "pool": ("pool", "connections", "connection"),
    "queue": ("queue", "lag", "backlog", "waiting", "depth"),
    "files": ("fds", "files"),
    "network": ("network", "receive", "transmit", "packets"),
    "restarts": ("restarts", "restart"),
    "cache": ("cache", "hit", "hits", "miss", "misses"),
}
_SAID: Mapping[str, str] = {
    "latency": "latency", "latencies": "latency", "duration": "latency", "durations": "latency", "slowness": "latency",
    "response time": "latency", "response times": "latency", "how slow": "latency", "how fast": "latency", "wait": "latency",
    "error rate": "errors", "error ratio": "errors", "error": "errors", "errors": "errors", "failures": "errors",
    "failure rate": "errors", "5xx": "errors", "timeouts": "errors",
    "requests": "requests", "request rate": "requests", "traffic": "requests", "rps": "requests", "qps": "requests",
    "throughput": "requests", "load": "requests", "in flight": "requests",
    "cpu": "cpu", "memory": "memory", "mem": "memory", "ram": "memory", "heap": "memory", "rss": "memory",
    "disk": "disk", "pool": "pool", "connections": "pool", "connection": "pool", "queue": "queue", "lag": "queue",
    "backlog": "queue", "open files": "files", "fds": "files", "network": "network", "restarts": "restarts",
    "cache": "cache", "hit rate": "cache",
}  # fmt: skip
_QUANTILES: Mapping[str, str] = {"median": "p50", "p50": "p50", "p75": "p75", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p999", "p99.9": "p999"}  # fmt: skip
_WORDS = re.compile("|".join(rf"\b{re.escape(w)}\b" for w in sorted((*_SAID, *_QUANTILES), key=len, reverse=True)))
PHRASES = (*_SAID, *_QUANTILES)
SAID = frozenset(word for phrase in PHRASES for word in phrase.split())


def measures_in(text: str, known: frozenset[str]) -> tuple[str, ...]:
    """Names of metrics and words for measures in a text in lower case, as ``metrics_for`` takes them."""
    exact = tuple(
        name
        for name in sorted(known)
        if name.lower() in text and re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", text)
    )
    if exact:
        return exact
    found = (match[0] for match in _WORDS.finditer(text))
    return tuple(dict.fromkeys(_QUANTILES.get(word) or _SAID[word] for word in found))


def metrics_for(measures: Sequence[str], metrics: Sequence[str]) -> tuple[str, ...]:
    """Those of a service's ``metrics`` that fit all that was said; none where none does."""
    return tuple(metric for metric in metrics if all(_fits(measure, metric) for measure in measures))


def _fits(measure: str, metric: str) -> bool:
    if measure == metric:
        return True
    parts = {*split_identifier(metric.replace(".", "_").replace(":", "_")), *re.findall(r"p\d+", metric.lower())}
    if measure in _QUANTILES.values():
        return measure in parts
    return any(word in parts for word in _MEANT.get(measure, ()))

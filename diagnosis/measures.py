"""What a metric measures, read from its name the way exporters write names (Prometheus and OpenTelemetry custom)."""

import re
from enum import StrEnum
from functools import lru_cache

from diagnosis.words import split_identifier


class Measure(StrEnum):
    """The quantity behind a metric name."""

    LATENCY = "latency"
    ERRORS = "errors"
    TIMEOUTS = "timeouts"
    CANCELLED = "cancelled"
    TRAFFIC = "traffic"
    FANOUT = "fanout"
    CPU = "cpu"
    MEMORY = "memory"
    GC = "gc"
    DISK = "disk"
    DISK_IO = "disk_io"
    NETWORK = "network"
    POOL_USE = "pool_use"
    POOL_WAIT = "pool_wait"
    QUEUE = "queue"
    LAG = "lag"
    LIMIT = "limit"
    CACHE_HITS = "cache_hits"
    CACHE_MISSES = "cache_misses"
    LOCK_WAIT = "lock_wait"
    RESTARTS = "restarts"
    THROTTLE = "throttle"
    EXPIRY = "expiry"
    RETRIES = "retries"
    DRIFT = "drift"
    QUALITY = "quality"
    CONNECTIONS = "connections"
    UP = "up"
    LOG_VOLUME = "log_volume"
    OTHER = "other"


# First match wins. A row matches when every group has a word in the name; order goes from the specific to the general.
_RULES: tuple[tuple[Measure, tuple[frozenset[str], ...]], ...] = tuple(
    (measure, tuple(frozenset(group.split()) for group in groups))
    for measure, groups in (
        (Measure.EXPIRY, ("expiry expire expires expiration notafter", "cert certificate tls ssl until seconds days token")),
        (Measure.CACHE_HITS, ("cache", "hit hits hitrate")),
        (Measure.LOG_VOLUME, ("log logs logging logged", "bytes lines volume size rate second")),
        (Measure.CACHE_MISSES, ("cache", "miss misses missrate eviction evictions evicted")),
        (Measure.THROTTLE, ("throttle throttled throttling throttles ratelimited 429 quota",)),
        (Measure.THROTTLE, ("rate", "limited limiter limiting rejections")),
        (Measure.CANCELLED, ("cancelled canceled cancel cancellations aborted",)),
        (Measure.TIMEOUTS, ("timeout timeouts deadline",)),
        (Measure.RETRIES, ("retry retries retried attempts",)),
        (Measure.RESTARTS, ("restart restarts oom oomkilled crashloop crashes kills",)),
        (Measure.GC, ("gc garbage", "pause pauses time seconds duration collection cpu ratio fraction count")),
        (Measure.LOCK_WAIT, ("lock locks mutex deadlock deadlocks latch contention semaphore",)),
        (Measure.POOL_WAIT, ("pool acquire checkout hikari hikaricp connection", "wait waiting waiters pending acquire acquisition")),
        (Measure.DRIFT, ("drift psi kl skew divergence wasserstein staleness freshness",)),
        (Measure.QUALITY, ("accuracy auc precision recall f1 conversion ctr click clicks clickthrough acceptance quality score calibration cosine similarity relevance ndcg mrr engagement completion",)),
        (Measure.LIMIT, ("max limit limits capacity maximum ceiling quota desired maxsize", "pool conns connections connection threads thread workers worker memory cpu heap size replicas queue open fds files limit concurrency goroutines rate bytes")),
        (Measure.LAG, ("lag behind backlog delay", "consumer replication replica group offset kafka lag seconds messages queue partition")),
        (Measure.QUEUE, ("queue queued backlog pending inflight waiting outstanding",)),
        (Measure.POOL_USE, ("pool hikari hikaricp pgbouncer", "use used active in busy size idle open utilization usage conns connections threads")),
        (Measure.ERRORS, ("error errors 5xx 500 503 502 4xx 401 403 fail failed failure failures exceptions exception panic panics rejected unsuccessful faults invalid dlq deadletter dropped availability success",)),
        (Measure.FANOUT, ("per", "request order call message job")),
        (Measure.LATENCY, ("duration latency p50 p75 p90 p95 p99 quantile rtt ttft ttfb elapsed response took", "ms seconds duration latency time us milliseconds p50 p75 p90 p95 p99 rtt ttft ttfb s")),
        (Measure.DISK_IO, ("disk io iops fsync volume device", "io iops read write reads writes await latency util utilization fsync wait iowait busy")),
        (Measure.DISK, ("disk filesystem volume inode inodes storage fs wal pvc partition",)),
        (Measure.CPU, ("cpu iowait steal load1 load5",)),
        (Measure.MEMORY, ("memory mem heap rss resident swap working",)),
        (Measure.CONNECTIONS, ("connections conns sockets fds fd files descriptors goroutines threads handles",)),
        (Measure.NETWORK, ("network packet packets retransmit retransmits retrans dropped rx tx bandwidth",)),
        (Measure.TRAFFIC, ("requests request rps qps queries calls messages orders throughput ops commands transactions tps hits events jobs lookups records rows bytes published consumed processed", "per rate sec second rps qps total throughput tps ops s m minute count")),
        (Measure.UP, ("up ready healthy alive replicas available instances",)),
        (Measure.LATENCY, ("latency duration",)),
        (Measure.TRAFFIC, ("rps qps tps throughput requests",)),
        (Measure.LIMIT, ("max limit capacity",)),
    )
)  # fmt: skip

_GOOD_WHEN_HIGH = frozenset({"success", "availability"})
_RATIO_WORDS = frozenset("ratio rate fraction percent pct percentage utilization utilisation share".split())


@lru_cache(maxsize=50_000)
def words_of(metric: str) -> tuple[str, ...]:
    """Words of a metric name, also of camelCase parts, lower case."""
    return tuple(word.lower() for part in re.split(r"[^A-Za-z0-9]+", metric) for word in _pieces(part))


def _pieces(part: str) -> tuple[str, ...]:
    return (part.lower(), *split_identifier(part)) if part else ()


@lru_cache(maxsize=50_000)
def measure_of(metric: str) -> Measure:
    """Measure of a metric by the words of its name; OTHER when none fits."""
    words = frozenset(words_of(metric))
    for measure, groups in _RULES:
        if all(words & group for group in groups):
            return measure
    return Measure.OTHER


@lru_cache(maxsize=50_000)
def is_ratio(metric: str) -> bool:
    """True for shares (0..1 or percent), whose noise does not scale with their level."""
    return bool(_RATIO_WORDS & frozenset(words_of(metric)))


@lru_cache(maxsize=50_000)
def good_when_high(metric: str) -> bool:
    """True where a fall is the fault: success ratios, availability, hit ratios, quality."""
    measure = measure_of(metric)
    words = frozenset(words_of(metric))
    return measure in (Measure.CACHE_HITS, Measure.QUALITY, Measure.UP) or bool(words & _GOOD_WHEN_HIGH)

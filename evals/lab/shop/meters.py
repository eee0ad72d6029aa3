"""The Prometheus instruments of one service, in a registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from .runtime import Runtime

# Steps of a half from 1 ms to 11 s: a quantile read from them is right to within that step.
SECONDS_BUCKETS = tuple(round(0.001 * 1.5**step, 6) for step in range(24))


class ServerMeters:
    """What every service tells about the requests that it serves, and about its process."""

    def __init__(self, registry: CollectorRegistry, runtime: Runtime) -> None:
        ProcessCollector(registry=registry)
        info = Gauge("service_info", "The release that runs.", ["version", "commit"], registry=registry)
        info.labels(runtime.version, runtime.commit).set(1)
        self.requests = Counter("http_server_requests", "Requests served, by status.", ["status"], registry=registry)
        self.duration = Histogram(
            "http_server_duration_seconds", "Time to serve a request.", buckets=SECONDS_BUCKETS, registry=registry
        )
        self.in_flight = Gauge("http_server_in_flight", "Requests being served.", registry=registry)


class ClientMeters:
    """What every service tells about its calls to others."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.duration = Histogram(
            "http_client_duration_seconds",
            "Time until a call was answered or given up.",
            ["peer"],
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.errors = Counter("http_client_errors", "Calls that failed or got a 5xx.", ["peer"], registry=registry)


class PoolMeters:
    """What a connection pool tells about itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.max = Gauge("db_pool_max", "Connections that the pool may hold.", registry=registry)
        self.in_use = Gauge("db_pool_in_use", "Connections lent out.", registry=registry)
        self.waiting = Gauge("db_pool_waiting", "Requests that wait for a connection.", registry=registry)
        self.wait = Histogram(
            "db_pool_wait_seconds", "Time until a connection was lent.", buckets=SECONDS_BUCKETS, registry=registry
        )
        self.timeouts = Counter("db_pool_timeouts", "Requests that got no connection.", registry=registry)


class StoreMeters:
    """What a store tells about its statements."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pool = PoolMeters(registry)
        self.lock_wait = Histogram(
            "db_lock_wait_seconds",
            "Time that a statement waited for another writer.",
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.duration = Histogram(
            "db_statement_duration_seconds", "Time of a statement.", buckets=SECONDS_BUCKETS, registry=registry
        )


class CacheMeters:
    """Lookups in a cache, counted where they are made."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.hits = Counter("cache_hits", "Lookups that found a fresh value.", registry=registry)
        self.misses = Counter("cache_misses", "Lookups that found none.", registry=registry)

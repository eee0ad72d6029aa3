"""The Prometheus instruments of one service, in a registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

# Steps of a fifth from 0.5 ms to 11 s: a quantile read from them is right to within that step.
_BUCKETS = tuple(round(0.0005 * 1.2**step, 6) for step in range(56))


class ServerMeters:
    """What every service tells about the requests that it serves, and about its process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self.requests = Counter("http_server_requests", "Requests served, by status.", ["status"], registry=registry)
        self.duration = Histogram(
            "http_server_duration_seconds", "Time to serve a request.", buckets=_BUCKETS, registry=registry
        )
        self.in_flight = Gauge("http_server_in_flight", "Requests being served.", registry=registry)


class PoolMeters:
    """What a connection pool tells about itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.max = Gauge("db_pool_max", "Connections that the pool may hold.", registry=registry)
        self.in_use = Gauge("db_pool_in_use", "Connections lent out.", registry=registry)
        self.waiting = Gauge("db_pool_waiting", "Requests that wait for a connection.", registry=registry)
        self.wait = Histogram(
            "db_pool_wait_seconds", "Time until a connection was lent.", buckets=_BUCKETS, registry=registry
        )
        self.timeouts = Counter("db_pool_timeouts", "Requests that got no connection.", registry=registry)

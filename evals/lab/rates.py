"""From two scrapes of one service to the series that an engineer looks at: rates, ratios and quantiles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Labels = tuple[tuple[str, str], ...]
_GAUGES = (
    "db_pool_in_use",
    "db_pool_max",
    "db_pool_waiting",
    "http_server_in_flight",
    "process_open_fds",
    "process_resident_memory_bytes",
)
_HISTOGRAMS = ("http_server_duration_seconds", "db_pool_wait_seconds")


@dataclass(frozen=True)
class Scrape:
    """All samples of one service at one time (monotonic seconds), by metric and labels."""

    time: float
    samples: Mapping[str, Mapping[Labels, float]]

    @classmethod
    def parse(cls, time: float, text: str) -> "Scrape":
        """Read the Prometheus text format."""
        samples: dict[str, dict[Labels, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
        return cls(time, samples)

    def value(self, metric: str) -> float | None:
        """The one sample of a metric without labels."""
        return self.samples.get(metric, {}).get(())


def derive(before: Scrape, now: Scrape) -> Iterator[tuple[str, float]]:
    """(metric, value) pairs for the time between two scrapes. What cannot be known is left out, not zero."""
    if before.value("process_start_time_seconds") != now.value("process_start_time_seconds"):
        before = Scrape(before.time, {})  # a new process counts from zero
    seconds = now.time - before.time
    for gauge in _GAUGES:
        if (value := now.value(gauge)) is not None:
            yield gauge, value
    for histogram in _HISTOGRAMS:
        yield from _quantiles(histogram, _increase(before, now, f"{histogram}_bucket"))
    yield from _requests(_increase(before, now, "http_server_requests_total"), seconds)
    yield "process_cpu_utilization", sum(_increase(before, now, "process_cpu_seconds_total").values()) / seconds
    if "db_pool_timeouts_total" in now.samples:
        timeouts = sum(_increase(before, now, "db_pool_timeouts_total").values())
        yield "db_pool_timeouts_per_second", timeouts / seconds


def _increase(before: Scrape, now: Scrape, metric: str) -> dict[Labels, float]:
    old = before.samples.get(metric, {})
    return {labels: value - old.get(labels, 0.0) for labels, value in now.samples.get(metric, {}).items()}


def _requests(by_status: Mapping[Labels, float], seconds: float) -> Iterator[tuple[str, float]]:
    total = sum(by_status.values())
    errors = sum(count for labels, count in by_status.items() if dict(labels)["status"] >= "500")
    yield "http_server_requests_per_second", total / seconds
    yield "http_server_errors_per_second", errors / seconds
    if total:
        yield "http_server_error_ratio", errors / total


def _quantiles(histogram: str, buckets: Mapping[Labels, float]) -> Iterator[tuple[str, float]]:
    cumulative = sorted((float(dict(labels)["le"]), count) for labels, count in buckets.items())
    if not cumulative or cumulative[-1][1] <= 0:
        return
    stem = histogram.removesuffix("_seconds")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        yield f"{stem}_{name}_seconds", quantile(share, cumulative)


def quantile(share: float, cumulative: list[tuple[float, float]]) -> float:
    """Linear interpolation within the bucket, as Prometheus's ``histogram_quantile`` does it."""
    rank = share * cumulative[-1][1]
    low, below = 0.0, 0.0
    for bound, count in cumulative:
        if count >= rank:
            return low if bound == float("inf") else low + (bound - low) * (rank - below) / (count - below)
        low, below = bound, count
    return low

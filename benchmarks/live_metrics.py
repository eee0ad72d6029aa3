"""How long it takes to read a real Prometheus: 2,000 series, one hour, a sample every 15 seconds.

Run with ``python -m benchmarks.live_metrics``; it needs the programs prometheus and promtool. Printed are seconds,
points and requests for the discovery, for the whole question, for the same question asked again, and for a whole
investigation: from an alert on one of the services, whose errors rose ten minutes before, to the report.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from agent.backends import Backends
from agent.events import Finished
from agent.investigate import investigate
from agent.settings import PrometheusSettings, Settings
from agent.sources import Source
from agent.state import Alert
from tests.prometheus_server import END, Series, prometheus_with
from tools.http.connection import Connection
from tools.http.guard import Guard
from tools.metrics.policy import MetricPolicy
from tools.prometheus import prometheus_tools
from tools.spec import ListMetrics, QueryMetrics, Rows, ToolName

SERVICES, PODS = 40, 2
FAILING, ONSET = "svc-07", END - 600.0
_TIMES = np.arange(END - 3600.0, END + 1, 15.0)
_BOUNDS = ("0.01", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "+Inf")


T = TypeVar("T")


class CountingGuard(Guard):
    """Counts the calls that pass."""

    calls = 0

    def run(self, call: Callable[[], T]) -> T:
        """Count, then do what guards do."""
        self.calls += 1
        return super().run(call)


def series() -> Iterator[Series]:
    """Services of two pods each, with counters by status, histograms and gauges: 25 series a pod."""
    random = np.random.default_rng(7)
    pods = [
        (f"svc-{one:02d}", f"svc-{one:02d}-7d9f8b6c5d-{'bcdfg'[pod]}x2x4")
        for one in range(SERVICES)
        for pod in range(PODS)
    ]

    def counter(rate: float | NDArray[np.float64]) -> list[tuple[float, float]]:
        return list(zip(_TIMES, np.cumsum(random.poisson(15 * rate, _TIMES.size)), strict=True))

    def gauge(level: float) -> list[tuple[float, float]]:
        return list(zip(_TIMES, level + random.normal(0, 0.1 * level, _TIMES.size), strict=True))

    for status, rate in (("200", 50.0), ("404", 1.0), ("500", 0.2)):
        for service, pod in pods:
            failing = status == "500" and service == FAILING
            yield (
                f'http_server_requests_total{{service="{service}",pod="{pod}",status="{status}"}}',
                counter(np.where(_TIMES >= ONSET, 10.0, rate) if failing else rate),
            )
    for place, bound in enumerate(_BOUNDS):
        for service, pod in pods:
            yield (
                f'http_server_duration_seconds_bucket{{service="{service}",pod="{pod}",le="{bound}"}}',
                counter(5 + 6 * place),
            )
    for name, rate in (
        ("http_server_duration_seconds_count", 51.0),
        ("http_server_duration_seconds_sum", 4.0),
        ("process_cpu_seconds_total", 0.3),
    ):
        for service, pod in pods:
            yield f'{name}{{service="{service}",pod="{pod}"}}', counter(rate)
    for name in (
        "process_resident_memory_bytes",
        "db_pool_in_use",
        "db_pool_max",
        "db_pool_waiting",
        "queue_depth",
        "go_goroutines",
        "process_open_fds",
        "cache_entries",
    ):
        for service, pod in pods:
            yield f'{name}{{service="{service}",pod="{pod}"}}', gauge(40.0)
    for peer in ("orders", "payments", "stock"):
        for service, pod in pods:
            yield f'http_client_errors_total{{service="{service}",pod="{pod}",peer="{peer}"}}', counter(0.1)


def main() -> None:
    """Write the samples, start the server, ask, print."""
    with tempfile.TemporaryDirectory() as folder, prometheus_with(series(), Path(folder)) as address:
        connection = Connection(name="Prometheus", url=address)
        guard = CountingGuard(connection.name, connection.at_once, connection.timeout_seconds)
        tools = prometheus_tools(connection, guard, MetricPolicy(), lambda: END)
        questions = (
            ("discovery", ToolName.LIST_METRICS, ListMetrics(around=END)),
            ("series", ToolName.QUERY_METRICS, QueryMetrics(start=END - 3600, end=END)),
            ("series again", ToolName.QUERY_METRICS, QueryMetrics(start=END - 3600, end=END)),
        )
        print(f"{len(list(series()))} series, {len(_TIMES)} samples each")
        for title, tool, arguments in questions:
            before, begun = guard.calls, time.perf_counter()
            answer = tools[tool].run(arguments)
            took = time.perf_counter() - begun
            points = answer.points if isinstance(answer, Rows) else 0
            print(
                f"{title:>14}: {took:6.2f} s  {points:>8} points  {guard.calls - before:>4} requests  {getattr(answer, 'note', answer)}"
            )
        begun = time.perf_counter()
        said = asyncio.run(report(address, Path(folder)))
        print(f"{'investigation':>14}: {time.perf_counter() - begun:6.2f} s  {said}")


async def report(address: str, home: Path) -> str:
    """The headline of an investigation that has this Prometheus and nothing else."""
    settings = Settings(home=home, prometheus=PrometheusSettings(url=address))
    alert = Alert(id="bench", name="TooManyErrors", entity=FAILING, fired_at=END - 300.0)
    events = investigate(alert, Source(kind="live"), settings, backends=Backends(settings))
    return [event async for event in events if isinstance(event, Finished)][-1].report.headline


if __name__ == "__main__":
    main()

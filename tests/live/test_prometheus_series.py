"""Series of a real Prometheus come back as what they are: on one grid, under names that the engine reads."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from diagnosis.telemetry import SeriesKey
from tests.prometheus_server import END, Series, prometheus_with, queried, tools_at
from tools.http.connection import Connection
from tools.http.guard import Guard
from tools.metrics.api import PrometheusApi
from tools.metrics.policy import MetricPolicy
from tools.prometheus import Prometheus
from tools.spec import (
    Empty,
    ExtraTool,
    ListMetrics,
    MetricCatalogue,
    QueryMetrics,
    QueryPromql,
    Rows,
    ToolError,
    ToolName,
)

START = END - 3600
TIMES = np.arange(START, END + 1, 15.0)
BOUNDS = tuple(0.001 * 1.5**step for step in range(24))
POD = "checkout-7d9f8b6c5d"
RANDOM = np.random.default_rng(11)
DURATIONS = RANDOM.lognormal(-3, 0.8, (TIMES.size, 200))
WAVE = 5 + np.sin(TIMES / 300)
NAN, INF = float("nan"), float("inf")


def at(values, times=TIMES) -> list[tuple[float, float]]:
    return list(zip(times, np.broadcast_to(values, len(times)), strict=True))


def counted(rate: float, times=TIMES, step: float = 15.0) -> list[tuple[float, float]]:
    return at(np.arange(len(times)) * rate * step, times)


def with_reset() -> list[tuple[float, float]]:
    """Ten a second; after half of the time the process starts again, from nothing."""
    half = TIMES.size // 2
    return at(np.concatenate([1e6 + 150.0 * np.arange(half), 150.0 * np.arange(1, TIMES.size - half + 1)]))


def holey() -> list[tuple[float, float]]:
    return [pair for pair in at(WAVE) if not END - 2400 <= pair[0] < END - 2100]


def samples() -> Iterator[Series]:
    yield 'http_server_requests_total{service="shop",status="200"}', counted(9)
    yield 'http_server_requests_total{service="shop",status="500"}', counted(1)
    yield 'http_server_requests_total{service="calm",status="200"}', counted(4)
    yield 'http_server_requests_total{service="reborn",status="200"}', with_reset()
    buckets = np.stack([(bound >= DURATIONS).sum(axis=1) for bound in BOUNDS]).cumsum(axis=1)
    for bound, counts in zip(BOUNDS, buckets, strict=True):
        yield f'http_server_duration_seconds_bucket{{service="shop",le="{bound:.6f}"}}', at(counts)
    yield 'http_server_duration_seconds_bucket{service="shop",le="+Inf"}', counted(200 / 15)
    yield 'http_server_duration_seconds_count{service="shop"}', counted(200 / 15)
    yield 'http_server_duration_seconds_sum{service="shop"}', at(DURATIONS.sum(axis=1).cumsum())
    yield 'http_client_errors_total{service="shop",peer="payments"}', counted(2)
    yield 'http_client_errors_total{service="shop",peer="stock"}', counted(3)
    yield 'cart_seconds_count{service="shop"}', counted(2)
    yield 'cart_seconds_sum{service="shop"}', counted(0.5)
    yield 'http_server_latency_p99_seconds{service="copy"}', at(WAVE)
    yield 'db_pool_waiting{service="copy"}', at(np.arange(TIMES.size))
    yield 'db_pool_waiting{service="two",instance="a"}', at(3)
    yield 'db_pool_waiting{service="two",instance="b"}', at(8)
    yield 'db_pool_ready{service="two",instance="a"}', at(1)
    yield 'db_pool_ready{service="two",instance="b"}', at(0)
    yield 'queue_depth{service="ended"}', at(7, TIMES[TIMES <= END - 1200])
    yield 'queue_depth{service="holey"}', holey()
    yield 'queue_depth{service="odd"}', at(np.where(np.arange(TIMES.size) % 2, NAN, 4.0))
    yield 'queue_depth{service="endless"}', at(np.where(np.arange(TIMES.size) < 100, INF, 4.0))
    yield 'queue_depth{service="never"}', at(NAN)
    yield 'slow_depth{service="slow",job="minutely"}', at(2, np.arange(START, END + 1, 60.0))
    yield 'fast_depth{service="fast",job="secondly"}', at(1, np.arange(END - 4 * 3600, END + 1, 1.0))
    for name, value in (("working_set_bytes", 75e6), ("rss", 60e6)):
        for pod, factor in ((f"{POD}-x2x4z", 1.0), (f"{POD}-b7c8d", 0.5)):
            yield (
                f'container_memory_{name}{{namespace="shop",pod="{pod}",container="app",job="kubelet"}}',
                at(value * factor),
            )
    for pod in (f"{POD}-x2x4z", f"{POD}-b7c8d"):
        yield (
            f'kube_pod_container_resource_limits{{pod="{pod}",container="app",resource="memory",job="kube-state"}}',
            at(100e6),
        )
    yield (
        f'kube_pod_container_status_restarts_total{{pod="{POD}-x2x4z",container="app",service="kube-state",job="kube-state"}}',
        counted(0.01),
    )
    yield (
        'kube_deployment_status_replicas_available{deployment="checkout",service="kube-state",job="kube-state"}',
        at(2),
    )
    yield 'node_filesystem_avail_bytes{instance="db-1:9100",job="node",mountpoint="/"}', at(20e9)
    yield 'node_filesystem_avail_bytes{instance="db-1:9100",job="node",mountpoint="/data"}', at(1e9)
    yield 'node_filesystem_size_bytes{instance="db-1:9100",job="node",mountpoint="/"}', at(40e9)
    yield 'node_filesystem_size_bytes{instance="db-1:9100",job="node",mountpoint="/data"}', at(10e9)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(samples(), Path(tmp_path_factory.mktemp("prometheus"))) as made:
        yield made


@pytest.fixture(scope="module")
def found(address: str) -> Rows:
    """The whole hour with all that there is."""
    return queried(tools_at(address))


def row(found: Rows, entity: str, metric: str) -> np.ndarray:
    values = found.body.row(SeriesKey(entity, metric))
    assert values is not None, sorted(str(key) for key in found.body.keys if key.entity == entity)
    return values


def source(address: str, policy: MetricPolicy, clock=time.monotonic, strained: bool = False) -> Prometheus:
    connection = Connection(name="Prometheus", url=address, at_once=1)
    guard = Guard(connection.name, 1, 10.0)
    guard.strained = strained
    return Prometheus(PrometheusApi(connection, guard), policy, lambda: END, clock)


def test_the_grid_is_aligned_and_half_open(found: Rows) -> None:
    assert found.body.times[0] == START
    assert found.body.times[-1] == END - 15
    assert set(np.diff(found.body.times)) == {15.0}
    assert found.note == ""


def test_gauges_come_back_under_their_names_with_their_values(found: Rows) -> None:
    np.testing.assert_array_equal(row(found, "copy", "db_pool_waiting"), np.arange(240))
    np.testing.assert_array_equal(row(found, "copy", "http_server_latency_p99_seconds"), WAVE[:-1])


def test_of_several_instances_the_worst_counts(found: Rows) -> None:
    assert set(row(found, "two", "db_pool_waiting")) == {8.0}
    assert set(row(found, "two", "db_pool_ready")) == {0.0}


def test_counters_become_rates(found: Rows) -> None:
    np.testing.assert_allclose(row(found, "shop", "http_server_requests_per_second")[5:], 10.0)
    np.testing.assert_allclose(row(found, "shop", "http_server_requests_errors_per_second")[5:], 1.0)
    np.testing.assert_allclose(row(found, "shop", "http_server_requests_error_ratio")[5:], 0.1)


def test_no_failures_is_a_ratio_of_zero(found: Rows) -> None:
    np.testing.assert_array_equal(row(found, "calm", "http_server_requests_error_ratio")[5:], 0.0)


def test_a_restart_of_a_counter_is_no_fall(found: Rows) -> None:
    np.testing.assert_allclose(row(found, "reborn", "http_server_requests_per_second")[5:], 10.0)


def test_quantiles_agree_with_the_observations_to_within_a_bucket(found: Rows) -> None:
    for word, quantile in (("p50", 0.5), ("p99", 0.99)):
        values = row(found, "shop", f"http_server_duration_{word}_seconds")[5:]
        # A value covers the increase of the last two intervals.
        truth = np.array([np.quantile(DURATIONS[i - 1 : i + 1], quantile) for i in range(5, 240)])
        assert (values / truth < 1.5).all()
        assert (truth / values < 1.5).all()


def test_a_sum_and_a_count_become_a_mean(found: Rows) -> None:
    np.testing.assert_allclose(row(found, "shop", "cart_duration_mean_seconds")[5:], 0.25)


def test_parts_that_locate_a_fault_are_kept_beside_the_whole(found: Rows) -> None:
    np.testing.assert_allclose(row(found, "shop", "http_client_errors_per_second")[5:], 5.0)
    np.testing.assert_allclose(row(found, "shop", "http_client_errors_per_second[peer=payments]")[5:], 2.0)
    np.testing.assert_allclose(row(found, "shop", "http_client_errors_per_second[peer=stock]")[5:], 3.0)


def test_what_ended_stays_ended(found: Rows) -> None:
    values = row(found, "ended", "queue_depth")
    last = np.flatnonzero(found.body.times <= END - 1200)[-1]
    assert (values[: last + 1] == 7).all()
    assert np.isnan(values[last + 1 :]).all()


def test_a_gap_stays_a_gap(found: Rows) -> None:
    values, times = row(found, "holey", "queue_depth"), found.body.times
    assert np.isnan(values[(times >= END - 2400) & (times < END - 2100)]).all()
    assert np.isfinite(values[(times < END - 2400) | (times >= END - 2100)]).all()


def test_what_is_no_number_is_missing(found: Rows) -> None:
    assert np.isnan(row(found, "odd", "queue_depth")[1::2]).all()
    assert (row(found, "odd", "queue_depth")[::2] == 4).all()
    assert np.isnan(row(found, "endless", "queue_depth")[:100]).all()
    assert SeriesKey("never", "queue_depth") not in found.body.keys


def test_a_series_that_is_sampled_seldom_has_no_holes(found: Rows) -> None:
    assert (row(found, "slow", "slow_depth") == 2).all()


def test_pods_are_their_workload(found: Rows) -> None:
    assert set(row(found, "checkout", "container_memory_working_set_bytes")) == {75e6}
    np.testing.assert_allclose(row(found, "checkout", "container_memory_used_ratio"), 0.75)
    np.testing.assert_allclose(row(found, "checkout", "kube_pod_container_status_restarts_per_second")[5:], 0.01)
    assert set(row(found, "checkout", "kube_deployment_status_replicas_available")) == {2.0}
    assert not any(key.entity in ("kube-state", "kubelet") for key in found.body.keys)


def test_what_is_free_becomes_what_is_used(found: Rows) -> None:
    np.testing.assert_allclose(row(found, "db-1", "node_filesystem_used_ratio"), 0.9)
    np.testing.assert_allclose(row(found, "db-1", "node_filesystem_used_ratio[mountpoint=/]"), 0.5)


def test_discovery_lists_the_same_names(address: str, found: Rows) -> None:
    answer = tools_at(address)[ToolName.LIST_METRICS].run(ListMetrics(around=END))
    assert isinstance(answer, Rows)
    assert isinstance(answer.body, MetricCatalogue)
    listed = {SeriesKey(entity, metric) for entity, names in answer.body.metrics for metric in names}
    assert set(found.body.keys) <= listed
    assert answer.body.end == END
    assert END - 3 * 3600 <= answer.body.start <= START


def test_discovery_is_about_the_entities_asked_for(address: str) -> None:
    answer = tools_at(address)[ToolName.LIST_METRICS].run(ListMetrics(around=END, entities=("copy",)))
    assert answer.body.metrics == (("copy", ("db_pool_waiting", "http_server_latency_p99_seconds")),)


def test_more_points_than_one_query_may_have_are_asked_in_pieces(address: str) -> None:
    policy = MetricPolicy(target_points=20_000, look_back_seconds=5 * 3600)
    answer = queried(tools_at(address, policy), END - 4 * 3600, END, metrics=("fast_depth",))
    assert answer.body.values.shape == (1, 14_400)
    assert (answer.body.values == 1).all()


def test_a_long_window_is_read_more_coarsely(address: str) -> None:
    answer = queried(tools_at(address), END - 4 * 3600, END, metrics=("fast_depth",))
    assert set(np.diff(answer.body.times)) == {10.0}
    assert (answer.body.values == 1).all()


def test_some_entities_and_some_metrics(address: str) -> None:
    tools = tools_at(address)
    one = queried(tools, entities=("two", "copy"), metrics=("db_pool_waiting",))
    assert one.body.keys == (SeriesKey("copy", "db_pool_waiting"), SeriesKey("two", "db_pool_waiting"))
    pods = queried(tools, entities=("checkout",))
    assert {key.entity for key in pods.body.keys} == {"checkout"}


def test_nothing_is_empty_and_no_failure(address: str) -> None:
    tool = tools_at(address)[ToolName.QUERY_METRICS]
    assert isinstance(tool.run(QueryMetrics(start=END - 9e6, end=END - 8.9e6)), Empty)
    assert isinstance(tool.run(QueryMetrics(start=START, end=END, entities=("nobody",))), Empty)
    assert isinstance(tool.run(QueryMetrics(start=START, end=END, entities=("never",))), Empty)


def test_samples_that_end_early_are_named(address: str) -> None:
    note = queried(tools_at(address), metrics=("queue_depth",), entities=("ended",)).note
    assert "newest sample is 20 min before" in note
    late = tools_at(address, now=END + 840)[ToolName.LIST_METRICS].run(ListMetrics(around=END + 840))
    assert "newest sample is 14 min before" in late.note
    assert late.body.end == END


def test_a_ceiling_of_series_names_what_was_left_out(address: str) -> None:
    answer = queried(tools_at(address, MetricPolicy(most_series=12)))
    assert len(answer.body.keys) <= 12
    assert "were left out" in answer.note
    assert "most_series is 12" in answer.note


def test_a_ceiling_of_queries_names_what_was_not_asked(address: str) -> None:
    answer = queried(tools_at(address, MetricPolicy(most_queries=1)))
    assert answer.body.keys
    assert "queries not asked (most_queries is 1)" in answer.note


def test_a_strained_server_is_asked_for_what_matters(address: str) -> None:
    answer = source(address, MetricPolicy(), strained=True).query_metrics(QueryMetrics(start=START, end=END))
    metrics = {key.metric for key in answer.body.keys}
    assert "http_server_duration_p99_seconds" in metrics
    assert "http_server_duration_p50_seconds" not in metrics
    assert "only what matters most was asked" in answer.note


class Clock:
    """Goes on by ``pace`` seconds each time that somebody looks at it."""

    def __init__(self) -> None:
        self.pace = self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += self.pace
        return self.seconds


def test_at_the_deadline_there_is_what_came_until_then(address: str) -> None:
    clock = Clock()
    prometheus = source(address, MetricPolicy(), clock)
    prometheus.list_metrics(ListMetrics(around=END))
    clock.pace = 5.0
    answer = prometheus.query_metrics(QueryMetrics(start=START, end=END))
    assert answer.body.keys
    assert "not asked (25 s were over)" in answer.note


def test_a_deadline_that_leaves_no_time_is_a_failure(address: str) -> None:
    clock = Clock()
    prometheus = source(address, MetricPolicy(), clock)
    prometheus.list_metrics(ListMetrics(around=END))
    clock.pace = 30.0
    with pytest.raises(ToolError, match="no answer came in time"):
        prometheus.query_metrics(QueryMetrics(start=START, end=END))


def test_a_discovery_that_takes_too_long_is_a_failure(address: str) -> None:
    clock = Clock()
    clock.pace = 30.0
    with pytest.raises(ToolError, match="takes too long to tell what it has"):
        source(address, MetricPolicy(), clock).list_metrics(ListMetrics(around=END))


def test_a_query_of_somebody_is_answered_series_by_series(address: str) -> None:
    query = "sum by (service, status) (rate(http_server_requests_total[1m]))"
    answer = tools_at(address)[ExtraTool.QUERY_PROMQL].run(QueryPromql(start=START + 60, end=END, query=query))
    assert SeriesKey("shop", "value{status=500}") in answer.body.keys
    np.testing.assert_allclose(answer.body.row(SeriesKey("calm", "value{status=200}")), 4.0)


def test_what_is_asked_is_remembered_for_a_minute(address: str) -> None:
    class Counting(Guard):
        calls = 0

        def run(self, call):
            self.calls += 1
            return super().run(call)

    guard = Counting("Prometheus", 4, 10.0)
    tools = Prometheus(PrometheusApi(Connection(name="Prometheus", url=address), guard), MetricPolicy(), lambda: END)
    tools.list_metrics(ListMetrics(around=END))
    before = guard.calls
    tools.list_metrics(ListMetrics(around=END))
    assert guard.calls == before
    tools.query_metrics(QueryMetrics(start=START, end=END, metrics=("queue_depth",)))
    assert guard.calls == before + 1


def test_a_system_that_has_just_begun_is_read_at_its_own_pace(tmp_path: Path) -> None:
    """Twelve samples, two seconds apart, of two callers with other peers each."""
    times = np.arange(END - 24, END, 2.0)
    series = [
        (f'calls_total{{service="{service}",peer="{peer}"}}', counted(3, times, 2.0))
        for service, peer in (("a", "x"), ("a", "y"), ("b", "z"))
    ]
    with prometheus_with(series, tmp_path) as young:
        tools = tools_at(young)
        listed = tools[ToolName.LIST_METRICS].run(ListMetrics())
        assert listed.body.metrics == (
            ("a", ("span_calls_per_second", "span_calls_per_second[peer=x]", "span_calls_per_second[peer=y]")),
            ("b", ("span_calls_per_second",)),
        )
        answer = queried(tools, END - 24, END)
        assert set(np.diff(answer.body.times)) == {2.0}
        assert {str(key) for key in answer.body.keys} == {
            f"{entity}/{name}" for entity, names in listed.body.metrics for name in names
        }
        np.testing.assert_allclose(row(answer, "a", "span_calls_per_second[peer=y]")[3:], 3.0)


def test_a_metric_with_too_many_series_to_be_listed_is_grouped(address: str) -> None:
    """With a ceiling of one series nearly every metric is one of too many."""
    whole = tools_at(address)[ToolName.LIST_METRICS].run(ListMetrics(around=END))
    grouped = tools_at(address, MetricPolicy(most_series=1))[ToolName.LIST_METRICS].run(ListMetrics(around=END))
    in_parts = {(entity, name) for entity, names in whole.body.metrics for name in names if "[" in name}
    everything = {(entity, name) for entity, names in whole.body.metrics for name in names}
    found = {(entity, name) for entity, names in grouped.body.metrics for name in names}
    assert everything - in_parts <= found <= everything

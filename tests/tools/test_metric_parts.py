"""What is told twice is counted once, and a sick replica does not vanish among its healthy neighbours."""

import pytest

from diagnosis.telemetry import Window
from tools.metrics.discovery import Discovery
from tools.metrics.entities import ENTITY_LABELS, entity_label
from tools.metrics.families import families_of
from tools.metrics.plan import Asked, plan
from tools.metrics.policy import MetricPolicy
from tools.metrics.wanted import Pace, wanted_of
from tools.metrics.weighing import Limits, Span, weigh

PACE = Pace(sample=15.0, rate=33.0)


def planned(*series: dict[str, str], types: dict[str, str] | None = None) -> dict[str, Asked]:
    """What is asked about these series, by metric and label."""
    labels: dict[str, list[dict[str, str]]] = {}
    for one in series:
        labels.setdefault(one["__name__"], []).append(one)
    families = families_of(labels, types or {})
    found = plan(
        Discovery(Window(0.0, 60.0), families, {name: tuple(sets) for name, sets in labels.items()}), MetricPolicy()
    )
    return {f"{one.wanted.metric} by {one.label}": one for one in found if not one.part}


def query(*names: str, types: dict[str, str] | None = None, output: str = "") -> str:
    """The first query of a family, or that for an output."""
    for family in families_of(names, types or {}):
        for wanted in wanted_of(family, {"response_code": frozenset({"200", "503"})}, frozenset()):
            if output in ("", wanted.metric):
                text = wanted.build(["service"], wanted.matches, PACE)
                assert weigh(text, Span(0, 3600, 15), Limits(most_samples=1e9, now=3600.0, furthest_seconds=1e9)) > 0
                return text
    raise AssertionError(output)


def test_a_native_histogram_has_its_quantiles_and_requests() -> None:
    name, types = "http_server_duration_seconds", {"http_server_duration_seconds": "histogram"}
    p99 = query(name, types=types, output="http_server_duration_p99_seconds")
    assert p99 == f"histogram_quantile(0.99, sum by (service) (rate({name}[33s])))"
    rps = query(name, types=types, output="http_server_rps")
    assert rps == f"histogram_count(sum by (service) (rate({name}[33s])))"


def test_a_histogram_with_both_kinds_of_buckets_is_read_once() -> None:
    names = ("d_seconds", "d_seconds_bucket", "d_seconds_count", "d_seconds_sum")
    (family,) = families_of(names, {"d_seconds": "histogram"})
    assert not family.native
    assert "d_seconds_bucket" in query(*names, types={"d_seconds": "histogram"})


def test_the_two_ends_of_a_call_are_not_added_up() -> None:
    each = "sum by (service, reporter) (rate(istio_requests_total[33s]))"
    assert query("istio_requests_total") == f"max by (service) ({each})"
    names = [f"istio_request_duration_milliseconds_{part}" for part in ("bucket", "count", "sum")]
    assert "max by (service) (histogram_quantile(0.99, sum by (service, reporter, le)" in query(*names)
    failing = query("istio_requests_total", output="istio_requests_error_ratio")
    assert failing.count("max by (service) (sum by (service, reporter)") == 3


def test_a_mesh_that_knows_no_workload_names_the_service() -> None:
    name = "istio_requests_total"
    known = {"__name__": name, "destination_workload": "cart", "destination_service_name": "cart"}
    foreign = {"__name__": name, "destination_workload": "unknown", "destination_service_name": "bank"}
    found = planned(known, foreign)
    assert found["istio_requests_per_second by destination_workload"].values == ("cart",)
    other = found["istio_requests_per_second by destination_service_name"]
    assert other.values == ("bank",)
    assert 'destination_workload=~"|unknown"' in other.query(15.0)


def test_a_pod_is_not_counted_beside_its_containers() -> None:
    name = "container_cpu_usage_seconds_total"
    pod = {"__name__": name, "pod": "cart-0", "container": ""}
    both = planned(pod, {**pod, "container": "app"})["container_cpu_usage_seconds_per_second by pod"]
    assert 'container!=""' in both.query(15.0)
    alone = planned(pod)["container_cpu_usage_seconds_per_second by pod"]
    assert "container" not in alone.query(15.0).removeprefix(f"sum by (pod) (rate({name}")


@pytest.mark.parametrize(
    ("names", "output"),
    [
        (("jvm_memory_used_bytes", "jvm_memory_max_bytes"), "jvm_heap_used_ratio"),
        (("process_open_fds", "process_max_fds"), "process_open_fds_ratio"),
    ],
)
def test_a_share_is_that_of_the_worst_replica(names: tuple[str, ...], output: str) -> None:
    text = query(*names, output=output)
    assert text.startswith("max by (service) (sum by (service, pod, instance)")
    assert text.count("sum by (service, pod, instance)") == 2


def test_a_heap_is_the_sum_of_its_pools() -> None:
    text = query("jvm_memory_used_bytes", output="jvm_heap_used_bytes")
    assert text.startswith("max by (service) (sum by (service, pod, instance) (last_over_time(jvm_memory_used_bytes{")


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ({"service": "otel-collector", "exported_job": "shop/cart"}, "exported_job"),
        ({"service": "otel-collector", "service_name": "cart"}, "service_name"),
        ({"service": "kube-state-metrics", "exported_service": "cart"}, "exported_service"),
        ({"service": "cart", "job": "shop"}, "service"),
        ({"service": "unknown", "app": "cart"}, "app"),
    ],
)
def test_what_a_series_says_of_itself_goes_before_its_scraper(labels: dict[str, str], label: str) -> None:
    assert entity_label(labels, ENTITY_LABELS) == label


@pytest.mark.parametrize(
    ("name", "labels", "label"),
    [
        ("container_pressure_cpu_waiting_seconds_total", {"pod": "cart-0", "service": "kubelet"}, "pod"),
        ("container_file_descriptors", {"pod": "cart-0", "service": "kubelet"}, "pod"),
        ("kube_pod_status_phase", {"pod": "cart-0", "service": "kube-state-metrics"}, "pod"),
        ("kube_deployment_spec_paused", {"deployment": "cart", "pod": "ksm-0", "service": "ksm"}, "deployment"),
        ("kube_node_spec_unschedulable", {"node": "n1", "pod": "ksm-0", "service": "ksm"}, "node"),
    ],
)
def test_what_the_cluster_tells_of_a_pod_is_not_of_who_tells_it(name: str, labels: dict[str, str], label: str) -> None:
    assert {one.label for one in planned({"__name__": name, **labels}).values()} == {label}

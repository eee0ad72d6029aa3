"""A whole world: real services under load, watched by real servers, with levers that go there and back."""

import os
import shutil
import time
from collections.abc import Callable, Iterator

import pytest
from opensearchpy import OpenSearch

from evals.lab.assembly import WorldOptions, assemble
from evals.lab.faults import every_fault
from evals.lab.load import LoadProfile
from evals.lab.opensearch_server import Engine
from evals.lab.world import World

pytestmark = pytest.mark.skipif(
    "PCAUSE_REQUIRE_SERVERS" not in os.environ
    and (shutil.which("prometheus") is None or shutil.which("prometheus-alertmanager") is None),
    reason="apt-get install prometheus prometheus-alertmanager",
)
LIGHT = LoadProfile(browse_per_second=2, buy_per_second=2, recommend_per_second=2)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    options = WorldOptions(engine=Engine.OSMEM, investigate=False)
    with assemble(options, LIGHT, lambda _: None) as running:
        yield running


def _eventually(holds: Callable[[], bool], seconds: float = 25.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.2)
    return holds()


def test_its_metrics_logs_and_spans_arrive_where_the_product_reads_them(world: World) -> None:
    served = 'sum(rate(http_server_requests_total{service="gateway",status="200"}[10s]))'
    assert _eventually(lambda: (world.measure(served) or 0.0) > 1.0)
    with OpenSearch(world.search.url) as client:
        body = {"size": 0, "aggs": {"services": {"terms": {"field": "serviceName", "size": 50}}}}
        found = client.search(index="otel-v1-apm-span-*", body=body)["aggregations"]["services"]["buckets"]
    assert {bucket["key"] for bucket in found} >= {"gateway", "storefront", "checkout", "shipping", "recommender"}


def test_every_fault_can_be_undone_where_nothing_was_injected(world: World) -> None:
    for fault in every_fault().values():
        fault.undo(world)
        fault.undo(world)
    assert world.call("gateway", "/browse", {"shopper": 1, "lines": [[1, 1]]})[0] == 200


def test_a_fault_fires_an_alert_that_is_delivered_and_when_it_is_undone_orders_go_through_again(world: World) -> None:
    fault = every_fault()["certificate-expired"]
    assert not fault.effect.holds(world.measure(fault.effect.query))
    fault.inject(world)
    try:
        assert _eventually(lambda: fault.effect.holds(world.measure(fault.effect.query)))
        assert _eventually(lambda: bool(world.responder.accepted()))
    finally:
        fault.undo(world)
    ordered = 'increase(http_server_requests_total{service="checkout",status="200"}[6s])'
    assert _eventually(lambda: (world.measure(ordered) or 0.0) > 0.0)


def test_a_filled_volume_has_no_room_and_an_emptied_one_has(world: World) -> None:
    order = {"payload": {}, "traceparent": ""}
    world.fill_volume("broker")
    assert world.call("broker", "/publish", order)[0] == 500
    world.empty_volume("broker")
    status, answer = world.call("broker", "/publish", order)
    world.call("broker", "/discard", {"ids": [answer.get("id")]})
    assert status == 200


def test_a_store_that_is_locked_from_outside_is_free_again_when_the_job_ends(world: World) -> None:
    basket = {"lines": [[1, 1]]}
    world.lock_database("inventory")
    assert _eventually(lambda: world.call("inventory", "/reserve", basket)[0] == 503)
    world.unlock_database("inventory")
    assert world.call("inventory", "/reserve", basket)[0] == 200


def test_a_service_lives_with_the_memory_limit_that_it_is_given(world: World) -> None:
    limit = 'process_memory_limit_bytes{service="pricing"}'
    world.set_memory_limit("pricing", 90_000_000)
    assert _eventually(lambda: world.measure(limit) == 90_000_000)
    world.restore_memory_limit("pricing")
    assert _eventually(lambda: world.measure(limit) == world.memory_bytes)

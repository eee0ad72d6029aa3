"""Incidents that nobody's change caused, each with a tempting innocent deploy just before the onset."""

from collections.abc import Callable

import numpy as np
import pytest

from diagnosis.engine import diagnose
from diagnosis.findings import Attribution, Diagnosis, FaultKind, Remediation
from diagnosis.incident import Incident
from diagnosis.log_patterns import mine
from diagnosis.telemetry import Change, ChangeKind, Edge, LogRecord, Node, SeriesKey, SeriesMatrix, Topology, Window

TIMES = 1_790_000_000.0 + 60.0 * np.arange(90)
ONSET = TIMES[70]
WINDOW = Window(float(TIMES[0]), float(TIMES[-1]) + 60)
TEMPTING = (
    Change(ChangeKind.COMMIT, "c" * 40, ONSET - 400, "", "tidy the order view", "ann", ("orders/view.py",), "@@ orders/view.py @@\n-    total = compute(x)\n+    total = sum_up(x)\n"),
    Change(ChangeKind.DEPLOY, "orders@7", ONSET - 120, "orders", commit="c" * 40),
)  # fmt: skip


def series(before: float, after: float, seed: int = 0, noise: float = 0.03) -> np.ndarray:
    values = np.where(TIMES >= ONSET, after, before)
    return values * (1 + noise * np.random.default_rng(seed).standard_normal(TIMES.size))


def ramp(start: float, end: float) -> np.ndarray:
    return np.linspace(start, end, TIMES.size)


def lines(
    entity: str, text: Callable[[int], str], severity: str = "ERROR", count: int = 40, **attributes: object
) -> list[LogRecord]:
    return [LogRecord(float(ONSET) + 20 * i, entity, severity, text(i), "", dict(attributes)) for i in range(count)]  # type: ignore[arg-type]


def solve(
    metrics: dict[str, np.ndarray],
    logs: list[LogRecord],
    topology: Topology | None = None,
    changes: tuple[Change, ...] = TEMPTING,
) -> Diagnosis:
    keys = tuple(SeriesKey(*name.split("/")) for name in metrics)
    normal = [LogRecord(float(t), "orders", "INFO", f"order {i} accepted") for i, t in enumerate(TIMES)]
    matrix = SeriesMatrix(keys, TIMES, np.vstack(list(metrics.values())))
    first = keys[0]
    return diagnose(
        Incident(
            first.entity, first.metric, float(ONSET) + 420, WINDOW, matrix, mine([*normal, *logs], WINDOW),
            topology=topology or Topology((Node("front"), Node("orders"), Node("stock")), (Edge("front", "orders"), Edge("orders", "stock"))),
            changes=changes,
        )
    )  # fmt: skip


def check(found: Diagnosis, kind: FaultKind, remediation: Remediation) -> None:
    top = found.hypotheses[0]
    assert (top.change_id, top.fault_kind, top.remediation) == ("", kind, remediation), top.sentence
    assert abs(sum(h.probability for h in found.hypotheses) - 1) < 1e-9


def test_an_expired_certificate():
    logs = lines("orders", lambda i: f"call {i} to stock failed: x509: certificate has expired or is not yet valid")
    metrics = {
        "orders/upstream_error_ratio": series(0.002, 0.9),
        "stock/tls_cert_seconds_until_expiry": float(ONSET) - TIMES,
    }
    check(solve(metrics, logs), FaultKind.CERTIFICATE, Remediation.ROTATE_CERTIFICATE)


def test_a_resolver_that_fails_for_several_services():
    logs = lines("orders", lambda i: f"dial tcp: lookup stock.shop.svc on 10.0.0.10:53: server misbehaving ({i})")
    logs += lines("front", lambda i: f"getaddrinfo EAI_AGAIN orders.shop.svc, try {i}")
    metrics = {"orders/error_ratio": series(0.002, 0.7), "front/error_ratio": series(0.002, 0.5)}
    check(solve(metrics, logs), FaultKind.DNS, Remediation.FAILOVER)


def test_a_provider_that_is_down():
    logs = lines(
        "orders",
        lambda i: f"POST https://api.quickship.com/v2/labels answered 503 Service Unavailable after {900 + i} ms",
    )
    logs += lines("orders", lambda i: f"quickship label {i} failed, api.quickship.com timed out", severity="WARN")
    metrics = {"orders/error_ratio": series(0.002, 0.4), "orders/quickship_call_duration_p99_ms": series(200, 9000)}
    check(solve(metrics, logs), FaultKind.DEPENDENCY_OUTAGE, Remediation.FAILOVER)


def test_demand_that_outgrew_the_capacity():
    metrics = {
        "front/http_duration_p99_ms": series(200, 2400),
        "front/requests_per_second": series(900, 5200, 1),
        "orders/requests_per_second": series(500, 2900, 2),
        "stock/requests_per_second": series(400, 2300, 3),
        "front/cpu_utilization": series(0.3, 0.99, 4),
    }
    logs = lines("front", lambda i: f"shedding load: queue is full ({i})", severity="WARN")
    check(solve(metrics, logs), FaultKind.TRAFFIC_SURGE, Remediation.SCALE)


def test_demand_is_named_where_it_comes_in_and_not_where_it_gets_stuck():
    metrics = {
        "front/http_duration_p99_ms": series(200, 2400),
        "front/requests_per_second": series(900, 5200, 1),
        "orders/requests_per_second": series(500, 2900, 2),
        "stock/requests_per_second": series(400, 2300, 3),
        "stock/http_duration_p99_ms": series(20, 2100, 4),
        "stock/db_pool_wait_p99_seconds": series(0.001, 1.9, 5),
        "stock/cpu_utilization": series(0.3, 0.99, 6),
    }
    logs = lines("stock", lambda i: f"shedding load: queue is full ({i})", severity="WARN")
    found = solve(metrics, logs)
    check(found, FaultKind.TRAFFIC_SURGE, Remediation.SCALE)
    assert found.first_failing == found.hypotheses[0].entity == "front"
    assert "capacity of stock" in found.hypotheses[0].sentence


def test_tenants_of_one_sick_machine():
    topology = Topology(
        (Node("front", host="node-1"), Node("orders", host="node-2"), Node("stock", host="node-2"), Node("mail", host="node-2"), Node("price", host="node-1")),
        (Edge("front", "orders"), Edge("front", "price")),
    )  # fmt: skip
    metrics = {
        "orders/http_duration_p99_ms": series(50, 4000),
        "stock/http_duration_p99_ms": series(40, 3500, 1),
        "mail/http_duration_p99_ms": series(30, 2500, 2),
        "price/http_duration_p99_ms": series(30, 30, 3),
        "node-2/disk_io_await_ms": series(2, 400, 4),
    }
    logs = lines("node-2", lambda i: f"kernel: nvme0n1: I/O error, dev nvme0n1, sector {1000 + i}")
    check(solve(metrics, logs, topology), FaultKind.INFRASTRUCTURE, Remediation.FAILOVER)


def test_one_record_that_fails_again_and_again():
    logs = lines(
        "orders",
        lambda i: f"cannot deserialize message, will be redelivered (attempt {i})",
        topic="orders",
        partition=3,
        offset=88121,
    )
    metrics = {"orders/consumer_lag_messages": series(10, 9000), "orders/error_ratio": series(0.001, 0.2)}
    check(solve(metrics, logs), FaultKind.BAD_DATA, Remediation.QUARANTINE_DATA)


def test_the_same_record_failing_thrice_is_enough_where_nothing_else_fails():
    logs = lines("orders", lambda i: f"order {i} has no amount", count=3, **{"messaging.message.id": "4ab1"})
    metrics = {"orders/queue_oldest_message_age_seconds": series(0.5, 40), "orders/error_ratio": series(0.001, 0.9)}
    check(solve(metrics, logs), FaultKind.BAD_DATA, Remediation.QUARANTINE_DATA)


def test_records_that_fail_one_after_the_other_are_not_one_bad_record():
    logs = [
        line
        for i in range(12)
        for line in lines("orders", lambda _: "no amount", count=1, **{"messaging.message.id": f"4ab{i}"})
    ]
    metrics = {"orders/queue_oldest_message_age_seconds": series(0.5, 40), "orders/error_ratio": series(0.001, 0.9)}
    assert all(h.fault_kind is not FaultKind.BAD_DATA for h in solve(metrics, logs).hypotheses)


def test_a_volume_that_filled_by_steady_growth():
    logs = lines("stock", lambda i: f"could not extend file base/16384/{i}: No space left on device")
    metrics = {"stock/error_ratio": series(0.001, 0.8), "stock/volume_used_percent": ramp(88.0, 100.0)}
    changes = (*TEMPTING, Change(ChangeKind.DEPLOY, "stock@2", ONSET - 60, "stock", commit="c" * 40))
    check(solve(metrics, logs, changes=changes), FaultKind.DISK_FULL, Remediation.SCALE)


def test_a_volume_that_was_filled_at_once_is_neither_the_latest_deploy_nor_another_volume_that_grows():
    logs = lines("stock", lambda i: f"cannot write order view {i}: No space left on device")
    metrics = {
        "stock/error_ratio": series(0.001, 0.8),
        "stock/volume_used_ratio": series(0.2, 1.0, noise=0.0),
        "mail/volume_used_bytes": ramp(1e6, 9e6),
    }
    view = Change(ChangeKind.COMMIT, "d" * 40, ONSET - 300, "", "order view by name", "bo", ("stock/view.py",), "@@ stock/view.py @@\n-    return order(x)\n+    return order(view)\n")  # fmt: skip
    deploy = Change(ChangeKind.DEPLOY, "stock@2", ONSET - 60, "stock", commit="d" * 40)
    found = solve(metrics, logs, changes=(view, deploy))
    assert (found.first_failing, found.hypotheses[0].change_id) == ("stock", "")
    assert found.hypotheses[0].fault_kind is FaultKind.DISK_FULL


def test_a_clock_that_is_wrong():
    logs = lines("orders", lambda i: f"token rejected: used before issued, clock skew of {40 + i} s")
    metrics = {"orders/error_ratio": series(0.002, 0.5), "node-4/node_timex_offset_seconds": series(0.001, 45.0)}
    check(solve(metrics, logs), FaultKind.INFRASTRUCTURE, Remediation.RESTART)


def test_without_any_deviation_nothing_is_wrong():
    found = solve({"orders/error_ratio": series(0.002, 0.002), "front/cpu_utilization": series(0.3, 0.3, 1)}, [])
    assert found.onset is None
    assert "deviates" in found.hypotheses[0].sentence


def test_a_symptom_that_nothing_explains_is_left_open():
    found = solve({"orders/error_ratio": series(0.002, 0.4)}, lines("orders", lambda i: f"unexpected state {i}"))
    assert found.hypotheses[0].change_id == ""
    # Where it is can be said, what set it off cannot.
    assert found.hypotheses[0].attribution is Attribution.PLACE
    assert found.hypotheses[0].entity == "orders"


@pytest.mark.parametrize("minutes", [1, 10, 60])
def test_a_deploy_after_the_onset_is_never_guilty(minutes: int):
    late = tuple(
        Change(c.kind, c.id, float(ONSET) + 60 * minutes, c.entity, c.title, c.author, c.files, c.diff, c.commit)
        for c in TEMPTING
    )
    found = solve({"orders/error_ratio": series(0.002, 0.4)}, lines("orders", lambda i: "sum_up failed"), changes=late)
    assert all(h.change_id == "" for h in found.hypotheses)

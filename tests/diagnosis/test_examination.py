"""What is left out before the first look."""

import numpy as np

from diagnosis.engine import diagnose
from diagnosis.examination import examine
from diagnosis.incident import Incident
from diagnosis.log_patterns import mine
from diagnosis.telemetry import Span
from diagnosis.traces import tabulate


def test_a_span_that_ends_after_the_window_is_not_told_yet(telemetry) -> None:
    """Its last calls begin after the window: with them cut off it would look as if it had waited by itself."""
    stock = telemetry.op("stock", "GET /stock", 0.02)
    order = telemetry.op("orders", "POST /order", 0.01, (telemetry.call("orders", stock),))
    spans = telemetry.requests(order, order)
    cut = [Span(f"late{i}", "0", "", "orders", "POST /order", "", telemetry.end - 5 + i, 9.0, False) for i in range(5)]
    rows = {"orders/http_duration_p99_ms": telemetry.step(40.0, 900.0)}

    def incident(told: list[Span]) -> Incident:
        return Incident(
            "orders", "http_duration_p99_ms", telemetry.onset + 300, telemetry.window, telemetry.matrix(rows),
            mine([], telemetry.window), tabulate(told),
        )  # fmt: skip

    assert len(examine(incident([*spans, *cut])).incident.spans) == len(spans)
    assert diagnose(incident([*spans, *cut])) == diagnose(incident(spans))


def test_a_span_without_a_time_is_left_out(telemetry) -> None:
    spans = telemetry.requests(telemetry.op("orders", "POST /order"), telemetry.op("orders", "POST /order"))
    table = tabulate(spans)
    table.duration[3] = np.nan
    found = Incident(
        "orders", "", telemetry.onset, telemetry.window, telemetry.matrix({}), mine([], telemetry.window), table
    )
    assert len(examine(found).incident.spans) == len(spans) - 1


def test_what_began_after_the_alert_did_not_set_it_off(telemetry) -> None:
    """The alerted series left its baseline once more after the alert; another of its entity had before it."""
    late = np.where(telemetry.times >= telemetry.onset + 600, 900.0, 40.0)
    rows = {"orders/http_duration_p99_ms": late, "orders/http_duration_p50_ms": telemetry.step(10.0, 200.0)}
    found = Incident(
        "orders", "http_duration_p99_ms", telemetry.onset + 300, telemetry.window, telemetry.matrix(rows),
        mine([], telemetry.window),
    )  # fmt: skip
    assert examine(found).onset == telemetry.onset


def test_an_alerted_series_that_was_silent_in_the_normal_time_is_judged_by_what_it_said(telemetry) -> None:
    quality = telemetry.step(0.9, 0.5)
    quality[3:30] = np.nan  # of the first 26 samples, which are the normal time, three are left
    found = Incident(
        "ranker", "model_quality_auc", telemetry.onset + 300, telemetry.window,
        telemetry.matrix({"ranker/model_quality_auc": quality}), mine([], telemetry.window),
    )  # fmt: skip
    (symptom,) = examine(found).symptoms
    assert symptom.subject == "model_quality_auc"
    assert abs((symptom.onset or 0.0) - telemetry.onset) <= 60.0

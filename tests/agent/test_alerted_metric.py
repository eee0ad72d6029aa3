import pytest

from agent.alerted_metric import resolve_metric
from agent.state import Alert

LISTED = (
    "http_server_duration_p50_seconds",
    "http_server_duration_p99_seconds",
    "http_server_requests_error_ratio",
    "http_server_requests_per_second",
    "process_resident_memory_bytes",
)


def about(metric: str, summary: str) -> str:
    alert = Alert(id="a", name="Alert", entity="shop", fired_at=1.0, metric=metric, summary=summary)
    return resolve_metric(alert, LISTED)


@pytest.mark.parametrize(
    ("metric", "summary", "found"),
    [
        ("http_server_duration_seconds_bucket", "p99 of requests is above 1 s", "http_server_duration_p99_seconds"),
        ("http_server_requests_total", "error ratio above 5 %", "http_server_requests_error_ratio"),
        ("http_server_requests_total", "traffic per second has doubled", "http_server_requests_per_second"),
        ("process_resident_memory_bytes", "", "process_resident_memory_bytes"),
        ("kafka_consumer_lag", "lag", "kafka_consumer_lag"),
        ("", "error ratio", ""),
    ],
)
def test_an_alert_is_about_the_series_derived_from_what_its_rule_names(metric: str, summary: str, found: str) -> None:
    assert about(metric, summary) == found

import threading
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agent.alert_expression import metric_of


def link(expression: str) -> str:
    return f"http://prometheus:9090/graph?g0.expr={quote(expression)}&g0.tab=1"


@pytest.mark.parametrize(
    ("expression", "metric", "threshold"),
    [
        ("cart_latency_seconds > 0.5", "cart_latency_seconds", 0.5),
        (
            'histogram_quantile(0.99, sum by (le, service) (rate(http_seconds_bucket{job="x"}[5m]))) > 1',
            "http_seconds_bucket",
            1.0,
        ),
        ("sum(rate(errors_total[5m])) / sum(rate(requests_total[5m])) >= bool 0.05", "errors_total", 0.05),
        ("up == 0", "up", 0.0),
        ("0.1 > free_ratio", "free_ratio", 0.1),
        ("lag_seconds > (60)", "lag_seconds", 60.0),
        ("balance < -3", "balance", -3.0),
        ("(queue_length > 100) and on (service) up", "queue_length", 100.0),
        ('{__name__="queue:length"} > 7', "queue:length", 7.0),
        ("max_over_time(queue_length[1h:5m]) > 9", "queue_length", 9.0),
        ("predict_linear(disk_free_bytes[1h], 3600) < 0", "disk_free_bytes", 0.0),
        ('absent(up{job="cart"})', "up", None),
        ("used_bytes > limit_bytes", "used_bytes", None),
        ('{__name__=~"a.*"} > 1', "", None),
        ("vector(1) > 0", "", None),
        ("errors_total > Inf", "errors_total", None),
        ("this is no promql", "", None),
        ("", "", None),
    ],
)
def test_a_rule_tells_its_metric_and_threshold(expression: str, metric: str, threshold: float | None):
    assert metric_of(link(expression)) == (metric, threshold)


@pytest.mark.parametrize(
    "url", ["", "http://[bad", "not a url", "http://x/?g0.expr=%ff%fe", "http://x/\ud800?g0.expr=a"]
)
def test_a_link_without_a_rule_tells_nothing_or_what_it_can(url: str):
    metric, threshold = metric_of(url)
    assert metric in ("", "a")
    assert threshold is None


@pytest.mark.parametrize(
    "expression", ["(" * 700 + "a" + ")" * 700, "-" * 1_400 + "a", "+".join("a" * 700), "(" * 90_000]
)
def test_deep_nesting_does_not_end_the_process(expression: str):
    answers: list[tuple[str, float | None]] = []
    thread = threading.Thread(target=lambda: answers.append(metric_of(link(expression))))
    thread.start()
    thread.join()
    assert answers[0][1] is None


@given(st.text(max_size=60) | st.text(alphabet="ab_(){}[]<>=!~+-*/%^,.:\"'0159 @umsby", max_size=60))
@hypothesis_settings(max_examples=300, deadline=None)
def test_any_expression_is_read_without_an_error(expression: str):
    metric, threshold = metric_of(link(expression.encode("utf-8", "replace").decode()))
    assert isinstance(metric, str)
    assert threshold is None or metric

"""From scrapes to series, from series to the alert, and the load that makes them."""

from itertools import pairwise

import pytest

from evals.lab.alerting import AlertRule, AlertWatch
from evals.lab.load import LoadProfile, arrivals
from evals.lab.rates import Scrape, derive, quantile
from evals.lab.scrape import Sample

RULE = AlertRule("Slow", "web", "p99", threshold=1.0, for_scrapes=3, severity="critical", summary="")


def _scrape(time: float, ok: int, failed: int, started: float = 1.0) -> Scrape:
    requests = {(("status", "200"),): float(ok), (("status", "503"),): float(failed)}
    return Scrape(time, {"http_server_requests_total": requests, "process_start_time_seconds": {(): started}})


def test_counters_become_rates_over_the_time_between_scrapes() -> None:
    series = dict(derive(_scrape(0.0, 100, 0), _scrape(2.0, 115, 5)))
    assert series["http_server_requests_per_second"] == 10
    assert series["http_server_errors_per_second"] == 2.5
    assert series["http_server_error_ratio"] == 0.25


def test_a_restarted_process_counts_from_zero() -> None:
    series = dict(derive(_scrape(0.0, 100, 0), _scrape(2.0, 8, 0, started=2.0)))
    assert series["http_server_requests_per_second"] == 4


def test_a_ratio_of_no_requests_is_left_out() -> None:
    assert "http_server_error_ratio" not in dict(derive(_scrape(0.0, 7, 0), _scrape(2.0, 7, 0)))


@pytest.mark.parametrize(("share", "expected"), [(0.5, 1.0), (0.75, 1.5), (1.0, 2.0)])
def test_quantiles_interpolate_within_a_bucket(share: float, expected: float) -> None:
    assert quantile(share, [(1.0, 50.0), (2.0, 100.0), (float("inf"), 100.0)]) == pytest.approx(expected)


def test_an_alert_fires_once_and_only_after_enough_scrapes_in_a_row() -> None:
    watch = AlertWatch(RULE)
    for time, value in enumerate([2.0, 2.0, 0.5, 2.0, 2.0, 3.0, 4.0, 5.0]):
        watch.observe([Sample(float(time), "web", "p99", value), Sample(float(time), "db", "p99", 9.0)])
    assert watch.alert is not None
    assert (watch.alert.fired_at, watch.alert.observed) == (5.0, 3.0)


def test_the_same_seed_sends_the_same_shoppers_at_about_the_planned_rate() -> None:
    profile = LoadProfile(browse_per_second=10, buy_per_second=10, growth=0.5)
    first = list(arrivals(profile, 100.0, seed=3))
    assert first == list(arrivals(profile, 100.0, seed=3))
    assert len(first) == pytest.approx(20 * 1.25 * 100, rel=0.1)
    assert all(a.offset_seconds < b.offset_seconds for a, b in pairwise(first))

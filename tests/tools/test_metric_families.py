"""What comes out of a family is read by the engine as what the family measures."""

import itertools
import re

import pytest
from pydantic import ValidationError

from diagnosis.measures import Measure, good_when_high, is_ratio, measure_of
from tools.metrics.catalogue import RATIOS, ROWS
from tools.metrics.families import families_of
from tools.metrics.naming import located
from tools.metrics.outcomes import failing_values, outcome
from tools.metrics.rows import FamilyRow, Kind
from tools.metrics.wanted import Fold, Pace, Wanted, wanted_of
from tools.metrics.weighing import Limits, Span, weigh

PARTS = {
    Kind.HISTOGRAM: ("_bucket", "_count", "_sum"),
    Kind.MEAN: ("_count", "_sum"),
    Kind.SUMMARY: ("", "_count", "_sum"),
}
LABELS = {"quantile": frozenset({"0.5", "0.99", "1"}), "status_code": frozenset({"200", "503"})}


def names_of(row: FamilyRow) -> list[str]:
    return [row.example + part for part in PARTS.get(row.kind, ("",))]


def outputs(names: list[str], types: dict[str, str] | None = None, labels=LABELS) -> list[Wanted]:
    found = families_of(names, types or {})
    return [wanted for family in found for wanted in wanted_of(family, labels, frozenset())]


def metrics(*names: str, types: dict[str, str] | None = None, labels=LABELS) -> list[str]:
    return [wanted.metric for wanted in outputs(list(names), types, labels)]


@pytest.mark.parametrize("row", [row for row in ROWS if row.measure], ids=lambda row: row.example)
def test_every_row_comes_out_as_its_measure(row: FamilyRow) -> None:
    assert re.fullmatch(row.pattern, row.example)
    family = next(f for f in families_of(names_of(row), {}) if f.name == row.example)
    assert family.row is row, "another row goes before this one"
    first = next(iter(wanted_of(family, LABELS, frozenset())))
    assert measure_of(first.metric) is row.measure, first.metric


@pytest.mark.parametrize("row", RATIOS, ids=lambda row: f"{row.example}-{row.over}")
def test_every_ratio_comes_out_as_a_share_of_its_measure(row: FamilyRow) -> None:
    family = next(f for f in families_of([row.example, row.expand(row.over, row.example)], {}) if f.kind is Kind.RATIO)
    (wanted,) = wanted_of(family, {}, frozenset())
    assert measure_of(wanted.metric) is row.measure
    assert is_ratio(wanted.metric)
    assert not good_when_high(wanted.metric)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.example)
def test_every_derived_name_means_what_it_was_derived_for(row: FamilyRow) -> None:
    for wanted in outputs(names_of(row)):
        if wanted.metric.endswith(("_errors_per_second", "_error_ratio")):
            assert measure_of(wanted.metric) is Measure.ERRORS, wanted.metric
        elif wanted.metric.endswith(("_rps", "_requests_per_second")):
            assert measure_of(wanted.metric) in (row.measure, Measure.TRAFFIC), wanted.metric


@pytest.mark.parametrize("row", [*ROWS, *RATIOS], ids=lambda row: f"{row.example}-{row.over}")
def test_every_query_of_the_catalogue_is_light_and_bounded(row: FamilyRow) -> None:
    for wanted in outputs([*names_of(row), row.expand(row.over, row.example)] if row.over else names_of(row)):
        text = wanted.build(["service"], wanted.matches, Pace.of(15, 15))
        assert weigh(text, Span(0, 3600, 15), Limits(most_samples=1e9, now=3600.0, furthest_seconds=1e9)) > 0


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["http_server_duration_p99_seconds"], "http_server_duration_p99_seconds"),
        (["db_pool_waiting"], "db_pool_waiting"),
        (["http_error_ratio"], "http_error_ratio"),
        (["orders_per_second"], "orders_per_second"),
        (["http_server_requests_total"], "http_server_requests_per_second"),
        (["db_pool_wait_seconds_bucket", "db_pool_wait_seconds_count"], "db_pool_wait_p99_seconds"),
        (["db_lock_wait_seconds_bucket"], "db_lock_wait_p99_seconds"),
        (["job_processed_total"], "job_processed_rps"),
        (["checkout_seconds_count", "checkout_seconds_sum"], "checkout_duration_mean_seconds"),
        (["load_milliseconds_bucket"], "load_p99_seconds"),
        (["order_value_bucket"], "order_value_p99"),
    ],
)
def test_names_without_a_row_stay_readable(names: list[str], expected: str) -> None:
    assert expected in metrics(*names)


def test_a_gauge_keeps_its_name_and_its_worst_value() -> None:
    by_name = {wanted.metric: wanted for wanted in outputs(["worker_ready", "queue_depth"])}
    assert by_name["worker_ready"].fold is Fold.MIN
    assert by_name["queue_depth"].fold is Fold.MAX


def test_metadata_decides_where_endings_do_not() -> None:
    assert metrics("tickets_handled", types={"tickets_handled": "counter"}, labels={}) == ["tickets_handled_per_second"]
    assert metrics("tickets_total", types={"tickets_total": "gauge"}, labels={}) == ["tickets_total"]


@pytest.mark.parametrize("type", ["unknown", "untyped", ""])
def test_an_ending_decides_where_metadata_says_that_it_does_not_know(type: str) -> None:
    types = {"tickets_total": type, "tickets_open": type}
    assert metrics(*types, types=types, labels={}) == ["tickets_open", "tickets_per_second"]


def test_parts_of_a_family_are_not_metrics_of_their_own() -> None:
    names = [f"http_server_duration_seconds_{part}" for part in ("bucket", "sum", "count", "created", "max")]
    assert all(re.search("p50|p99|_per_second|_rps|error_ratio", name) for name in metrics(*names, "build_info"))


def test_requests_are_counted_once() -> None:
    (family,) = families_of(["http_server_duration_seconds_bucket", "http_server_duration_seconds_count"], {})
    alone = [wanted.metric for wanted in wanted_of(family, {}, frozenset())]
    beside = [wanted.metric for wanted in wanted_of(family, {}, frozenset({"http_server"}))]
    assert set(alone) - set(beside) == {"http_server_rps"}


@pytest.mark.parametrize(
    ("label", "values", "failing"),
    [
        ("status", {"200", "404", "500", "503"}, {"500", "503"}),
        ("http_response_status_code", {"200", "502"}, {"502"}),
        ("code", {"2xx", "5xx"}, {"5xx"}),
        ("grpc_code", {"OK", "NotFound", "Unavailable", "DeadlineExceeded"}, {"Unavailable", "DeadlineExceeded"}),
        ("rpc_grpc_status_code", {"0", "5", "14"}, {"14"}),
        ("outcome", {"SUCCESS", "CLIENT_ERROR", "SERVER_ERROR"}, {"SERVER_ERROR"}),
        ("status_code", {"STATUS_CODE_UNSET", "STATUS_CODE_ERROR"}, {"STATUS_CODE_ERROR"}),
        ("error_type", {"", "404", "timeout", "500"}, {"timeout", "500"}),
        ("success", {"true", "false"}, {"false"}),
        ("result", {"ok", "failed"}, {"failed"}),
        ("envoy_response_code", {"200", "503"}, {"503"}),
        ("envoy_response_code_class", {"2", "4", "5"}, {"5"}),
        ("grpc_response_status", {"0", "5", "14"}, {"14"}),
    ],
)
def test_failures_are_told_by_the_label(label: str, values: set[str], failing: set[str]) -> None:
    assert failing_values(label, values) == failing
    assert outcome({"method": frozenset({"GET"}), label: frozenset(values)}) == (label, failing)


def test_a_part_is_named_only_where_the_meaning_stays() -> None:
    assert (
        located("http_client_errors_per_second", "peer", "payments") == "http_client_errors_per_second[peer=payments]"
    )
    assert located("messages_processed_per_second", "queue", "mail") == "messages_processed_per_second[mail]"
    for value in ("retry timeout", "retries", "a}b", "", "x" * 61, 'q"', "new\nline"):
        name = located("messages_processed_per_second", "queue", value)
        assert name == "" or measure_of(name) is Measure.TRAFFIC


def test_a_row_of_the_user_goes_before_ours() -> None:
    row = FamilyRow(pattern="process_(open)_fds", kind=Kind.GAUGE, measure=Measure.QUEUE, output=r"queue_\1")
    (family,) = families_of(["process_open_fds"], {}, [row])
    assert [wanted.metric for wanted in wanted_of(family, {}, frozenset())] == ["queue_open"]


def test_a_row_with_a_broken_pattern_is_refused_with_the_reason() -> None:
    with pytest.raises(ValidationError, match="no regular expression"):
        FamilyRow(pattern="(")


def test_no_two_rows_are_the_same() -> None:
    for one, other in itertools.combinations(ROWS, 2):
        assert one.pattern != other.pattern

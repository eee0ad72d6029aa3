"""What is sent to OpenSearch: values in their places, whatever they look like."""

import json

import pytest
from pydantic import ValidationError

from diagnosis.telemetry import LogPattern, Window
from tools.logs.client import indices_path
from tools.logs.documents import plain_name, text_at, value_at
from tools.logs.index_names import merged, paths, stream_of
from tools.logs.known_lines import affordable, constant_runs, queries_for
from tools.logs.mapping import LogShape, fields_of, log_shape
from tools.logs.policy import FieldNames, LogPolicy
from tools.logs.queries import between, containing, storable, whole_value
from tools.logs.records import workload
from tools.logs.severities import loud, severity_of
from tools.logs.span_shapes import span_shape

WORD, TEXT, DATE = {"type": "keyword"}, {"type": "text"}, {"type": "date"}
BOTH = {"type": "text", "fields": {"keyword": {"type": "keyword"}}}
LANGUAGES = ("query_string", "simple_query_string", "wildcard", "regexp", "prefix", "script", "fuzzy")


def shape(**properties: object) -> LogShape:
    found, missing = log_shape(fields_of({"properties": properties}), FieldNames())
    assert found is not None, missing
    return found


@pytest.mark.parametrize(
    "value", ['"', "*", "a OR b", '"}},{"match_all":{}}', "_exists_:x", "/.*/", "\0", "a,b", "🔥", " "]
)
def test_a_value_stands_in_one_term_and_in_no_language(value: str) -> None:
    log = shape(time=DATE, body=TEXT, serviceName=WORD)
    assert whole_value(log.entity, [value]) == {"terms": {"serviceName": [value]}}
    found = containing(log, f"x{value}y")
    assert found == {"match_phrase_prefix": {"body": f"x{value}y"}}
    assert not any(f'"{word}"' in json.dumps(found) for word in LANGUAGES)


def test_a_text_field_is_asked_for_whole_through_its_keyword() -> None:
    assert whole_value(shape(time=DATE, body=TEXT, service=BOTH).entity, ["a"]) == {"terms": {"service.keyword": ["a"]}}


def test_what_no_document_can_hold_is_not_asked_for() -> None:
    assert storable(["a", "\ud800", "b" * 10_000, "\0"]) == ("a", "\0")


def test_a_needle_without_words_is_not_given_to_the_index() -> None:
    log = shape(time=DATE, body=TEXT)
    assert containing(log, "***") is None
    assert containing(shape(time=DATE, body=WORD), "pool") is None


def test_a_window_is_asked_for_in_the_unit_of_its_field() -> None:
    window = Window(10.5, 20.25)
    date, number = shape(time=DATE, body=TEXT).time, shape(ts={"type": "long"}, msg=TEXT).time
    assert between(date, window, 1.0)["range"]["time"] == {"gte": 10_500, "lt": 20_250, "format": "epoch_millis"}
    assert between(number, window, 1e6)["range"]["ts"] == {"gte": 10_500_000.0, "lt": 20_250_000.0}


def test_a_date_is_taken_for_the_time_before_a_text_is() -> None:
    log = shape(**{"time": TEXT, "@timestamp": DATE, "log": TEXT})
    assert (log.time.name, log.body.name) == ("@timestamp", "log")


def test_a_mapping_without_time_or_text_says_what_it_lacks() -> None:
    assert log_shape(fields_of({"properties": {"level": WORD}}), FieldNames()) == (None, "time and body")
    assert log_shape(fields_of({"properties": {"time": DATE}}), FieldNames()) == (None, "body")
    assert log_shape(fields_of({"properties": None}), FieldNames())[0] is None


def test_names_that_are_given_go_before_those_that_are_known() -> None:
    fields = fields_of({"properties": {"time": DATE, "when": DATE, "body": TEXT, "say": TEXT}})
    log, _ = log_shape(fields, FieldNames(time="when", body="say"))
    assert (log.time.name, log.body.name) == ("when", "say")


@pytest.mark.parametrize(
    ("value", "kind", "name", "said"),
    [
        ("warning", "keyword", "level", "WARN"), ("Err", "keyword", "level", "ERROR"), ("INFO2", "keyword", "severityText", "INFO"),
        (17, "integer", "severityNumber", "ERROR"), (9, "integer", "severityNumber", "INFO"), (3, "integer", "severity", "ERROR"),
        (50, "integer", "level", "ERROR"), (30, "integer", "level", "INFO"), ("", "keyword", "level", ""), (None, "keyword", "level", ""),
        ("²", "keyword", "level", "²"), ("7" * 5_000, "keyword", "level", "7" * 5_000), (float("inf"), "float", "level", ""),
        (0, "integer", "severityNumber", ""), (99, "integer", "severityNumber", "FATAL"), ("notice", "keyword", "level", "NOTICE"),
    ],
)  # fmt: skip
def test_severities_are_told_in_the_same_words(value: object, kind: str, name: str, said: str) -> None:
    place = fields_of({"properties": {name: {"type": kind}}})[name]
    assert severity_of(value, place) == said


def test_values_that_the_engine_cannot_count_are_not_compared() -> None:
    kinds = ("keyword", "long", "float", "double", "half_float", "scaled_float", "flat_object", "text")
    fields = fields_of({"properties": {kind: {"type": kind} for kind in kinds}})
    assert [name for name, place in fields.items() if place.is_countable] == ["keyword", "long"]


def test_loud_lines_are_asked_for_by_word_or_by_number() -> None:
    word, number = (fields_of({"properties": {"level": {"type": kind}}})["level"] for kind in ("keyword", "integer"))
    assert {"WARN", "warn", "Error", "E"} <= set(loud(word)["terms"]["level"])
    assert loud(number)["bool"]["should"][0] == {"range": {"level": {"gte": 40}}}


def test_a_value_is_found_wherever_the_dots_are() -> None:
    for document in ({"a.b.c": 1}, {"a": {"b": {"c": 1}}}, {"a.b": {"c": 1}}, {"a": {"b.c": 1}}):
        assert value_at(document, "a.b.c") == 1
    assert value_at({"a": "text"}, "a.b") is None
    assert text_at({"a": ["x", "y"]}, "a") == "x"
    assert plain_name("log.attributes.db@pool", ("log.attributes.",)) == "db.pool"


@pytest.mark.parametrize(
    ("pod", "name"),
    [
        ("store-7d9f8b6c5d-x2x4z", "store"), ("fluentd-x2x4z", "fluentd"), ("kafka-0", "kafka"), ("store", "store"),
        ("order-service", "order-service"), ("a-b-c-7d9f8b6c5d-x2x4z", "a-b-c"),
    ],
)  # fmt: skip
def test_a_pod_is_named_after_its_workload(pod: str, name: str) -> None:
    assert workload(pod) == name


def test_only_words_that_never_vary_tell_a_pattern() -> None:
    assert constant_runs("order <number> accepted by worker w<number>") == ("accepted by worker", "order")
    assert constant_runs("<number> <*>") == ()
    assert constant_runs("ready") == ()


def test_a_known_pattern_is_asked_for_with_its_writers() -> None:
    log = shape(time=DATE, body=TEXT, serviceName=WORD)
    patterns = [LogPattern(name, "cache hit for <*>", "INFO", "", 0, 0, (9,)) for name in ("b", "a")]
    (query,) = queries_for(patterns, log)
    assert query["bool"]["filter"] == [
        {"terms": {"serviceName": ["a", "b"]}},
        {"match_phrase": {"body": "cache hit for"}},
    ]
    assert queries_for(patterns, shape(time=DATE, body=WORD)) == []


def test_an_engine_is_asked_for_as_many_known_patterns_as_it_takes_in_one_query() -> None:
    log = shape(time=DATE, body=TEXT, serviceName=WORD)
    patterns = [LogPattern("a", f"one word{i} <*> two word{i} <*> three", "INFO", "", 0, 0, (9,)) for i in range(300)]
    queries = queries_for(patterns, log)
    assert len(queries) == 300
    assert affordable(queries) == queries[:225]  # of four clauses each, 900 together


def test_names_too_long_for_one_request_are_parted() -> None:
    families = [f"team-{family:03}-application-logs-2026.11.{day:02}" for family in range(300) for day in range(1, 4)]
    parts = list(paths(families, ()))
    assert [name for part in parts for name in part] == [f"team-{f:03}-application-logs*" for f in range(300)]
    assert max(len(indices_path(part)) for part in parts) <= 3_000
    assert list(paths(["b", "a"], ())) == [("b", "a")]


def test_indices_of_one_stream_have_the_fields_of_all_and_the_newest_has_the_last_word() -> None:
    old, new = ".ds-logs-000001", ".ds-logs-000002"
    fields = {new: fields_of({"properties": {"a": TEXT}}), old: fields_of({"properties": {"a": WORD, "b": WORD}})}
    found = merged(fields, {name: (stream_of(name),) for name in fields})
    assert {name: place.kind for name, place in found["logs"].items()} == {"a": "text", "b": "keyword"}


def test_an_alias_of_a_field_is_the_field_that_documents_have() -> None:
    log = shape(
        **{"@timestamp": DATE, "message": TEXT, "service": WORD, "serviceName": {"type": "alias", "path": "service"}}
    )
    assert log.entity.name == "service"
    assert "lost" not in fields_of({"properties": {"lost": {"type": "alias", "path": "nowhere"}}})


@pytest.mark.parametrize("pattern", ["", "_all", "-logs", "a b", "a/b", "../x", "a,b", 'a"b', "a?b", "a#b", "x:logs"])
def test_an_index_pattern_that_could_mean_something_else_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="is no index pattern"):
        LogPolicy(logs=(pattern,))


def test_a_name_cannot_leave_its_place_in_the_path() -> None:
    assert indices_path(["a/../_cluster", "b?x", "c*"]) == "a%2F..%2F_cluster,b%3Fx,c*"


def test_a_log_line_with_a_duration_is_no_span() -> None:
    ids = {"trace_id": WORD, "span_id": WORD, "name": WORD, "duration": {"type": "long"}, "timestamp": DATE}
    assert span_shape(fields_of({"properties": {**ids, "msg": TEXT}})) is None
    assert span_shape(fields_of({"properties": {**ids, "parent_span_id": WORD}})) is not None

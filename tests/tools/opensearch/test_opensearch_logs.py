"""Log lines out of OpenSearch: whatever shipped them, and whatever stands in them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tools.logs.policy import FieldNames, LogPolicy
from tools.spec import Absent, Empty, Rows, SearchLogs, ToolError

START = 1_790_000_000.0
WINDOW = {"start": START, "end": START + 600}
WORD, TEXT, DATE = {"type": "keyword"}, {"type": "text"}, {"type": "date"}
NANOS = {"type": "date_nanos"}
OTEL = {"time": NANOS, "serviceName": WORD, "severityText": WORD, "body": TEXT, "traceId": WORD, "spanId": WORD}


def at(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def line(seconds: float, body: str, service: str = "store", severity: str = "INFO", **more: object) -> dict[str, Any]:
    return {"time": at(seconds), "serviceName": service, "severityText": severity, "body": body, **more}


SHAPES: dict[str, tuple[Mapping[str, Any] | None, dict[str, Any]]] = {
    "data-prepper": (
        OTEL,
        {
            "time": at(5), "observedTime": at(5), "serviceName": "store", "severityText": "ERROR", "severityNumber": 17,
            "body": "pool is empty", "traceId": "t1", "spanId": "s1", "log.attributes.db@pool": 3,
            "resource.attributes.service@name": "store",
        },
    ),
    "opentelemetry": (
        None,
        {
            "@timestamp": at(5), "body": "pool is empty", "severity": {"text": "Error", "number": 17}, "traceId": "t1",
            "spanId": "s1", "resource": {"attributes": {"service.name": "store"}}, "attributes": {"db.pool": 3},
        },
    ),
    "ecs": (
        {
            "@timestamp": DATE, "message": TEXT, "log": {"properties": {"level": WORD}},
            "service": {"properties": {"name": WORD}}, "trace": {"properties": {"id": WORD}},
            "span": {"properties": {"id": WORD}},
        },
        {
            "@timestamp": at(5), "message": "pool is empty", "log.level": "error", "service.name": "store",
            "trace.id": "t1", "span": {"id": "s1"}, "labels": {"db.pool": 3},
        },
    ),
    "fluent-bit": (
        None,
        {
            "@timestamp": at(5), "log": "pool is empty", "level": "err", "stream": "stderr", "trace_id": "t1",
            "span_id": "s1", "kubernetes": {"pod_name": "store-7d9f8b6c5d-x2x4z", "container_name": "main"},
            "db.pool": 3,
        },
    ),
    "numbers": (
        {"ts": {"type": "long"}, "level": {"type": "integer"}, "msg": TEXT, "app": WORD},
        {"ts": int((START + 5) * 1000), "level": 50, "msg": "pool is empty", "app": "store", "traceId": "t1", "spanId": "s1", "db.pool": 3},
    ),
    "plain": (
        {"timestamp": {"type": "date", "format": "epoch_second"}},
        {"timestamp": int(START + 5), "severity": "ERROR", "message": "pool is empty", "service": "store", "trace_id": "t1", "span_id": "s1", "db.pool": 3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_log_line_means_the_same_whoever_shipped_it(ask, index, shape: str) -> None:
    properties, document = SHAPES[shape]
    index(f"shop-{shape}-2026.09.21", properties, [document])
    answer = ask()["search_logs"].run(SearchLogs(**WINDOW, entities=("store",), contains="IS EMPTY"))
    assert isinstance(answer, Rows)
    (record,) = answer.body.records
    assert (record.time, record.entity, record.severity, record.body) == (START + 5, "store", "ERROR", "pool is empty")
    assert (record.trace_id, record.span_id, record.attributes.get("db.pool")) == ("t1", "s1", 3)


def test_indices_of_several_shapes_are_searched_together(ask, index) -> None:
    for name, (properties, document) in SHAPES.items():
        index(f"logs-{name}", properties, [document])
    answer = ask()["search_logs"].run(SearchLogs(**WINDOW))
    assert len(answer.body.records) == answer.body.matched == len(SHAPES)


def test_lines_come_in_order_over_many_pages_and_moments_with_many_lines(ask, index) -> None:
    index("logs-a", OTEL, [line(i // 7, f"line number {i}") for i in range(300)])
    answer = ask(LogPolicy(page_lines=10))["search_logs"].run(SearchLogs(**WINDOW, limit=250))
    assert sorted(r.body for r in answer.body.records) == sorted({r.body for r in answer.body.records})
    assert [r.time for r in answer.body.records] == sorted(r.time for r in answer.body.records)
    assert (len(answer.body.records), answer.body.matched) == (250, 300)


def test_over_the_limit_the_newest_lines_are_told_and_what_is_missing_is_noted(ask, index) -> None:
    index("logs-a", OTEL, [line(i, f"pulled image {i}") for i in range(300)])
    answer = ask(LogPolicy(page_lines=10))["search_logs"].run(SearchLogs(**WINDOW, contains="pulled", limit=25))
    assert [r.time - START for r in answer.body.records] == list(range(275, 300))
    assert (answer.body.matched, answer.note) == (300, "these are the newest 25 of 300 lines")


def test_no_log_index_is_absent_and_no_line_is_empty(ask, index) -> None:
    assert isinstance(ask()["search_logs"].run(SearchLogs(**WINDOW)), Absent)
    index("logs-a", OTEL, [line(5, "x")])
    late = SearchLogs(start=START + 1000, end=START + 2000)
    assert ask()["search_logs"].run(late) == Empty()
    assert ask()["search_logs"].run(SearchLogs(**WINDOW, entities=("nobody",))) == Empty()


def test_a_log_that_cannot_be_read_says_which_settings_help(ask, index) -> None:
    index("audit-7", {"when": DATE, "message": TEXT}, [{"when": at(5), "message": "pool is empty"}])
    with pytest.raises(ToolError, match=r"audit-7 has no field for the time.*opensearch\.logs\.fields\.time"):
        ask()["search_logs"].run(SearchLogs(**WINDOW))
    told = LogPolicy(logs=("audit-*",), fields=FieldNames(time="when"))
    assert ask(told)["search_logs"].run(SearchLogs(**WINDOW)).body.matched == 1


ECS_TEMPLATE = {
    "@timestamp": DATE, "time": DATE, "message": TEXT, "service": {"properties": {"name": WORD}}, "level": WORD,
    "log": {"properties": {"level": WORD}}, "kubernetes": {"properties": {"pod": {"properties": {"name": WORD}}}},
}  # fmt: skip


def test_a_field_that_is_mapped_and_never_filled_has_no_role(ask, index) -> None:
    pod = {"pod": {"name": "store-7d9f8b6c5d-x2x4z"}}
    document = {"@timestamp": at(5), "message": "pool is empty", "level": "error", "kubernetes": pod}
    index("ecs-a", ECS_TEMPLATE, [document])
    (record,) = ask()["search_logs"].run(SearchLogs(**WINDOW, entities=("store",))).body.records
    assert (record.time, record.entity, record.severity) == (START + 5, "store", "ERROR")
    told = LogPolicy(fields=FieldNames(entity="service.name"))
    assert ask(told)["search_logs"].run(SearchLogs(**WINDOW)).body.records[0].entity == ""


def test_an_alias_that_is_named_is_searched_with_its_filter(ask, index, url: str) -> None:
    from opensearchpy import OpenSearch

    index("all-teams-1", OTEL, [line(1, "ours", team="a"), line(2, "theirs", team="b")])
    client = OpenSearch(url)
    client.indices.put_alias(index="all-teams-1", name="team-a", body={"filter": {"match": {"team": "a"}}})
    client.close()
    for pattern in ("team-a", "team-*"):
        answer = ask(LogPolicy(logs=(pattern,)))["search_logs"].run(SearchLogs(**WINDOW))
        assert [record.body for record in answer.body.records] == ["ours"]


def test_an_index_that_is_named_and_not_there_is_absent(ask) -> None:
    assert isinstance(ask(LogPolicy(logs=("nothing-here",)))["search_logs"].run(SearchLogs(**WINDOW)), Absent)


def test_a_data_stream_is_read_like_an_index(ask, url: str, request: pytest.FixtureRequest) -> None:
    if "osmem" in request.node.callspec.id:
        pytest.skip("osmem has no data streams")
    from opensearchpy import OpenSearch

    client = OpenSearch(url)
    mappings = {"properties": {"@timestamp": DATE, "message": TEXT, "service": WORD}}
    template = {"index_patterns": ["stream-*"], "data_stream": {}, "template": {"mappings": mappings}}
    client.indices.put_index_template(name="streams", body=template)
    client.index(
        index="stream-logs", body={"@timestamp": at(5), "message": "hello", "service": "store"}, refresh="true"
    )
    client.close()
    assert ask()["search_logs"].run(SearchLogs(**WINDOW, entities=("store",))).body.records[0].body == "hello"


_CHARACTERS = (
    '"', "'", "\\", "*", "?", "a*", "a?c", "~", "a~2", "a^5", "(", ")", "[", "]", "{", "}", "[a TO z]", "{a TO z}", "/a.*/",
    "+a", "-a", "!a", "a && b", "a || b", "a AND b", "NOT a", "OR", "field:a", "_exists_:body", "serviceName:store", "<a>",
    ">=1", ":", "::", "/", "//", "%00", "%2e%2e", "..", "../..", "a,b", "a b", " a ", "\t", "\n", "\r\n", "\0", "a\0b",
    "\x7f", "\u202e", "\ufeff", "\ufffe", "é", "e\u0301", "ß", "İ", "中文", "🔥", "👩‍👩‍👧", "\ud800", "a\udfffb", "${a}", "{{a}}",
    "<%= a %>", "#{a}", "`a`", "$(a)", ";a", "--", "/*", "*/", "' OR 1=1 --", '{"match_all":{}}', '"}},{"match_all":{}}',
    "doc['body'].value", "_all", "*:*", "null", "true", "0", "-1", "1e400", "NaN", "a" * 300, "*" * 200, "(" * 200,
)  # fmt: skip
HOSTILE = tuple(dict.fromkeys((*_CHARACTERS, *(f"x{c}" for c in _CHARACTERS), *(f"{c}store" for c in _CHARACTERS))))


def test_a_hostile_entity_is_one_value_and_finds_only_itself(ask, index) -> None:
    storable = [value for value in HOSTILE if value.isascii() or value.encode("utf-8", "ignore").decode() == value]
    assert len(HOSTILE) >= 200
    index("logs-a", OTEL, [line(i % 600, f"line {i}", service) for i, service in enumerate(("store", *storable))])
    search = ask()["search_logs"]
    for value in HOSTILE:
        answer = search.run(SearchLogs(**WINDOW, entities=(value,)))
        if value in storable:
            assert [record.entity for record in answer.body.records] == [value]
        else:
            assert answer == Empty()


def test_a_hostile_text_finds_only_lines_that_hold_it(ask, index) -> None:
    storable = [value for value in HOSTILE if value.encode("utf-8", "ignore").decode() == value]
    index("logs-a", OTEL, [line(i % 600, f"before {value} after") for i, value in enumerate(storable)])
    search = ask()["search_logs"]
    for value in HOSTILE:
        answer = search.run(SearchLogs(**WINDOW, contains=value))
        bodies = [record.body for record in answer.body.records] if isinstance(answer, Rows) else []
        assert all(value.lower() in body.lower() for body in bodies)
        assert (
            (f"before {value} after" in bodies) == (value in storable) or value.strip() != value or value[:1].isalnum()
        )


def test_a_text_may_end_within_a_word_and_case_does_not_count(ask, index) -> None:
    index("logs-a", OTEL, [line(1, "Pool timed out after 20 ms"), line(2, "pool is timely"), line(3, "out of a pool")])
    search = ask()["search_logs"]
    for text, places in (
        ("POOL TIME", [1]),
        ("timed out af", [1]),
        ("tim", [1, 2]),
        ("pool", [1, 2, 3]),
        ("after 20 ms.", []),
    ):
        answer = search.run(SearchLogs(**WINDOW, contains=text))
        assert [r.time - START for r in answer.body.records] == places if places else answer == Empty()


@pytest.mark.parametrize("kind", ["date", "date_nanos", "long"])
def test_every_line_is_read_once_however_many_share_a_moment(ask, index, kind: str) -> None:
    together = [5.0] * 25
    close = [7.0 + i / 1e5 for i in range(25)]  # within one millisecond
    seconds = [*range(4), *together, *close, *(9.0 + i for i in range(13))]
    mapping = {"time": {"type": kind}, "body": TEXT}
    times = [int((START + s) * 1e6) if kind == "long" else at(s) for s in seconds]
    index("logs-a", mapping, [{"time": time, "body": f"line {i}"} for i, time in enumerate(times)])
    answer = ask(LogPolicy(page_lines=10))["search_logs"].run(SearchLogs(**WINDOW, limit=500))
    assert sorted(record.body for record in answer.body.records) == sorted(f"line {i}" for i in range(len(seconds)))
    some = ask(LogPolicy(page_lines=10))["search_logs"].run(SearchLogs(**WINDOW, limit=33))
    newest = answer.body.records[-33:]  # within a millisecond in any order
    assert [round(r.time, 3) for r in some.body.records] == [round(r.time, 3) for r in newest]


def test_points_in_time_are_given_back(ask, index, url: str, request: pytest.FixtureRequest) -> None:
    if "osmem" in request.node.callspec.id:
        pytest.skip("osmem does not list points in time")
    from opensearchpy import OpenSearch

    index("logs-a", OTEL, [line(5, f"line {i}") for i in range(50)])
    answer = ask(LogPolicy(page_lines=10))["search_logs"].run(SearchLogs(**WINDOW, limit=35))
    assert len(answer.body.records) == 35
    client = OpenSearch(url)
    assert client.transport.perform_request("GET", "/_search/point_in_time/_all")["pits"] == []
    client.close()


def test_a_pod_counts_as_its_workload(ask, index) -> None:
    pods = ("store-7d9f8b6c5d-x2x4z", "store-7d9f8b6c5d-zzb4z", "store-db-0", "mail-x2x4z")
    documents = [{"@timestamp": at(i), "log": "hello", "kubernetes": {"pod_name": pod}} for i, pod in enumerate(pods)]
    index("kube", None, documents)
    answer = ask()["search_logs"].run(SearchLogs(**WINDOW, entities=("store",)))
    assert [record.entity for record in answer.body.records] == ["store", "store"]
    everything = ask()["search_logs"].run(SearchLogs(**WINDOW))
    assert {record.entity for record in everything.body.records} == {"store", "store-db", "mail"}

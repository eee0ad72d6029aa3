"""Spans and topology out of OpenSearch: Data Prepper, OpenTelemetry's exporter and Jaeger say the same."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from diagnosis.telemetry import Edge, Span
from tools.logs.policy import LogPolicy
from tools.spec import Absent, Empty, GetTopology, GetTraces

START = 1_790_000_000.0
WINDOW = {"start": START, "end": START + 600}
WORD, NANOS, LONG = {"type": "keyword"}, {"type": "date_nanos"}, {"type": "long"}
PREPPER = {
    **dict.fromkeys(("traceId", "spanId", "parentSpanId", "serviceName", "name", "kind"), WORD),
    **dict.fromkeys(("startTime", "endTime"), NANOS),
    "durationInNanos": LONG, "status": {"properties": {"code": {"type": "integer"}, "message": WORD}},
}  # fmt: skip
EXPORTER = {
    **dict.fromkeys(("traceId", "spanId", "parentSpanId", "name", "kind"), WORD),
    "startTime": {"type": "date"},
    "endTime": {"type": "date"},
    "status": {"properties": {"code": WORD, "message": WORD}},
    "resource": {"properties": {"attributes": {"properties": {"service": {"properties": {"name": WORD}}}}}},
}
JAEGER = {
    **dict.fromkeys(("traceID", "spanID", "operationName"), WORD),
    "startTime": LONG, "startTimeMillis": {"type": "date", "format": "epoch_millis"}, "duration": LONG,
    "process": {"properties": {"serviceName": WORD}},
    "references": {"type": "nested", "properties": dict.fromkeys(("refType", "traceID", "spanID"), WORD)},
    "tags": {"type": "nested", "properties": dict.fromkeys(("key", "type", "value"), WORD)},
}  # fmt: skip


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def prepper(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id, "spanId": span.span_id, "parentSpanId": span.parent_id, "serviceName": span.entity,
        "name": span.name, "kind": f"SPAN_KIND_{span.kind}", "startTime": at(span.start),
        "endTime": at(span.start + span.duration), "durationInNanos": round(span.duration * 1e9),
        "status": {"code": 2 if span.error else 0, "message": span.message}, "traceGroup": "GET /",
        **{f"span.attributes.{name.replace('.', '@')}": value for name, value in span.attributes.items()},
    }  # fmt: skip


def exporter(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id, "spanId": span.span_id, "parentSpanId": span.parent_id, "name": span.name,
        "kind": span.kind.capitalize(), "startTime": at(span.start), "endTime": at(span.start + span.duration),
        "status": {"code": "Error" if span.error else "Unset", "message": span.message},
        "resource": {"attributes": {"service.name": span.entity}}, "attributes": dict(span.attributes),
    }  # fmt: skip


def jaeger(span: Span) -> dict[str, Any]:
    tags = {"span.kind": span.kind.lower(), **span.attributes, **({"error": True} if span.error else {})}
    tags |= {"otel.status_description": span.message} if span.message else {}
    parent = [{"refType": "CHILD_OF", "traceID": span.trace_id, "spanID": span.parent_id}] if span.parent_id else []
    return {
        "traceID": span.trace_id, "spanID": span.span_id, "operationName": span.name, "references": parent,
        "startTime": round(span.start * 1e6), "startTimeMillis": round(span.start * 1e3),
        "duration": round(span.duration * 1e6), "process": {"serviceName": span.entity, "tags": []},
        "tags": [{"key": k, "type": "string", "value": str(v).lower() if v is True else str(v)} for k, v in tags.items()],
    }  # fmt: skip


Shape = tuple[str, Mapping[str, Any], Callable[[Span], dict[str, Any]]]
SHAPES: dict[str, Shape] = {
    "prepper": ("otel-v1-apm-span-000001", PREPPER, prepper),
    "exporter": ("ss4o_traces-default-namespace", EXPORTER, exporter),
    "jaeger": ("jaeger-span-2026-09-21", JAEGER, jaeger),
}


def spans(traces: int, failing: int = -1) -> list[Span]:
    """Traces of three spans: front calls store, store calls a database that has no spans of its own."""
    found = []
    for i in range(traces):
        begun, bad = START + 590 * i / traces, i == failing
        attributes = {"http.route": "/"}
        found += [
            Span(f"t{i:05}", "a", "", "front", "GET /", "SERVER", begun, 0.5, bad, "", attributes),
            Span(
                f"t{i:05}", "b", "a", "store", "reserve", "SERVER", begun + 0.125, 0.25, bad, "no stock" if bad else ""
            ),
            Span(
                f"t{i:05}",
                "c",
                "b",
                "store",
                "SELECT",
                "CLIENT",
                begun + 0.25,
                0.125,
                False,
                "",
                {"server.address": "db"},
            ),
        ]
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_a_span_means_the_same_whoever_shipped_it(ask, index, shape: str) -> None:
    name, properties, document = SHAPES[shape]
    written = spans(2, failing=1)
    index(name, properties, [document(span) for span in written])
    answer = ask()["get_traces"].run(GetTraces(**WINDOW))
    assert answer.body.matched == 6
    for span, true in zip(answer.body.spans, written, strict=True):
        assert (span.trace_id, span.span_id, span.parent_id, span.entity) == (
            true.trace_id,
            true.span_id,
            true.parent_id,
            true.entity,
        )
        assert (span.name, span.kind, span.error, span.message) == (true.name, true.kind, true.error, true.message)
        assert (span.start, span.duration) == pytest.approx((true.start, true.duration), abs=1e-6)
        assert true.attributes.items() <= span.attributes.items()


@pytest.mark.parametrize("shape", SHAPES)
def test_too_many_spans_become_whole_traces_with_the_failed_one_among_them(ask, index, shape: str) -> None:
    name, properties, document = SHAPES[shape]
    index(name, properties, [document(span) for span in spans(300, failing=211)])
    answer = ask()["get_traces"].run(GetTraces(**WINDOW, limit=150))
    by_trace: dict[str, list[Span]] = {}
    for span in answer.body.spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    assert answer.body.matched == 900
    assert 60 <= len(answer.body.spans) <= 150
    assert all(len(members) == 3 for members in by_trace.values())
    assert "t00211" in by_trace
    thirds = {int(trace[1:]) // 100 for trace in by_trace}
    assert thirds == {0, 1, 2}
    assert "traces were drawn from 900 spans" in answer.note


def test_a_quiet_stretch_keeps_more_traces_than_its_share(ask, index) -> None:
    busy = [replace(span, start=START + i / 30) for i, span in enumerate(spans(300))]
    quiet = [replace(span, trace_id=f"q{span.trace_id}", start=START + 550 + i) for i, span in enumerate(spans(10))]
    index("otel-v1-apm-span-1", PREPPER, [prepper(span) for span in (*busy, *quiet)])
    answer = ask()["get_traces"].run(GetTraces(**WINDOW, limit=150))
    kept = {span.trace_id for span in answer.body.spans}
    assert sum(trace.startswith("q") for trace in kept) >= 3  # of 10; the share of a draw alike would be 1.6
    assert any(trace.startswith("t") for trace in kept)


def test_traces_of_an_entity_come_with_all_their_spans(ask, index) -> None:
    alone = Span("t9", "z", "", "mail", "send", "SERVER", START + 3, 0.1, False)
    index("otel-v1-apm-span-1", PREPPER, [prepper(span) for span in (*spans(2), alone)])
    answer = ask()["get_traces"].run(GetTraces(**WINDOW, entities=("store",)))
    assert {span.entity for span in answer.body.spans} == {"front", "store"}
    assert len(answer.body.spans) == 6
    assert ask()["get_traces"].run(GetTraces(**WINDOW, entities=('store" OR "*',))) == Empty()


def hour(traces: int, spans_of: Callable[[int], int]) -> list[Span]:
    """Traces over one hour, each of so many spans of the store within some seconds."""
    return [
        Span(f"t{i:05}", f"s{k}", f"s{k - 1}" if k else "", "store", "reserve", "SERVER", START + 3_590 * i / traces + k / 100, 0.01, i == 7)
        for i in range(traces)
        for k in range(spans_of(i))
    ]  # fmt: skip


@pytest.mark.parametrize("entities", [("store",), ()])
def test_whole_traces_of_all_of_the_window_fill_the_limit_and_the_rest_is_counted(
    ask, index, entities: tuple[str, ...]
) -> None:
    index("otel-v1-apm-span-1", PREPPER, [prepper(span) for span in hour(400, lambda _: 10)])
    policy = LogPolicy(page_lines=250)
    answer = ask(policy)["get_traces"].run(GetTraces(start=START, end=START + 3_600, entities=entities, limit=1_000))
    traces = [span.trace_id for span in answer.body.spans]
    assert (answer.body.matched, len(traces), len(set(traces))) == (4_000, 1_000, 100)
    assert all(traces.count(trace) == 10 for trace in set(traces))
    assert "t00007" in traces  # which failed
    assert all(sum(int(trace[1:]) // 100 == quarter for trace in set(traces)) >= 15 for quarter in range(4))
    assert "100 traces were drawn from 4,000 spans" in answer.note


def test_long_traces_are_drawn_no_more_often_than_short_ones(ask, index) -> None:
    written = hour(400, lambda i: 20 if i % 4 == 0 else 2)
    index("otel-v1-apm-span-1", PREPPER, [prepper(span) for span in written])
    answer = ask()["get_traces"].run(GetTraces(start=START, end=START + 3_600, limit=800))
    traces = {span.trace_id for span in answer.body.spans}
    assert 700 < len(answer.body.spans) <= 800
    assert sum(int(trace[1:]) % 4 == 0 for trace in traces) < 0.5 * len(
        traces
    )  # a quarter of all; four fifths of spans


def test_a_trace_that_passes_the_limit_by_itself_is_told_cut(ask, index) -> None:
    index("otel-v1-apm-span-1", PREPPER, [prepper(span) for span in hour(1, lambda _: 50)])
    answer = ask()["get_traces"].run(GetTraces(start=START, end=START + 3_600, limit=20))
    assert (len(answer.body.spans), answer.body.matched) == (20, 50)
    assert "no trace fits into 20 spans" in answer.note


def test_no_span_index_is_absent_and_no_span_is_empty(ask, index) -> None:
    assert isinstance(ask()["get_traces"].run(GetTraces(**WINDOW)), Absent)
    assert isinstance(ask()["get_topology"].run(GetTopology()), Absent)
    index("otel-v1-apm-span-1", PREPPER, [])
    assert ask()["get_traces"].run(GetTraces(**WINDOW)) == Empty()
    assert ask()["get_topology"].run(GetTopology(around=START)) == Empty()


@pytest.mark.parametrize("shape", SHAPES)
def test_topology_comes_from_the_spans_before_a_moment(ask, index, shape: str) -> None:
    name, properties, document = SHAPES[shape]
    index(name, properties, [document(span) for span in spans(20)])
    topology = ask()["get_topology"].run(GetTopology(around=START + 600)).body
    assert topology.edges == (Edge("front", "store"), Edge("store", "db"))
    assert not topology.node("db").owned
    assert ask()["get_topology"].run(GetTopology(around=START - 9_000)) == Empty()


def test_topology_joins_service_maps_and_spans(ask, index) -> None:
    domain = {"properties": {"domain": WORD, "resource": WORD}}
    service_map = {"serviceName": WORD, "kind": WORD, "destination": domain, "target": domain}
    index(
        "otel-v1-apm-service-map",
        service_map,
        [
            {"serviceName": "front", "destination": {"domain": "price", "resource": "GET /"}, "target": None},
            {"serviceName": "price", "destination": None, "target": {"domain": "price", "resource": "GET /"}},
        ],
    )
    link = [{"parent": "mail", "child": "queue", "callCount": 3}]
    index("jaeger-dependencies-2026-09-21", None, [{"timestamp": at(START), "dependencies": link}])
    index("otel-v1-apm-span-1", PREPPER, [prepper(span) for span in spans(5)])
    topology = ask()["get_topology"].run(GetTopology(around=START + 600)).body
    told = {Edge("front", "price"), Edge("front", "store"), Edge("mail", "queue"), Edge("store", "db")}
    assert set(topology.edges) == told

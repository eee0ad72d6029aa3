"""An OpenSearch in trouble: what it left out is noted, what it refuses is told, and it is not asked in vain."""

import contextlib
import http.server
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from tools.http.connection import Connection
from tools.http.errors import BackendError, CircuitOpen, NoAnswer, Refusal
from tools.http.guard import Guard
from tools.logs.policy import LogPolicy
from tools.opensearch import opensearch_tools
from tools.spec import Absent, CompareLogs, Empty, LogPatterns, Rows, SearchLogs, Tool

MAPPING = {"logs-a": {"mappings": {"properties": {"time": {"type": "date"}, "body": {"type": "text"}}}}}
HIT = {"_index": "logs-a", "_id": "1", "_source": {"time": 1_790_000_005_000, "body": "hello"}, "sort": [1, 1]}
SEARCH = SearchLogs(start=1_790_000_000, end=1_790_000_600)
WINDOW = {"start": 1_790_000_000, "end": 1_790_000_600}
CALLS = (
    ("search_logs", SEARCH),
    ("log_patterns", LogPatterns(**WINDOW)),
    ("compare_logs", CompareLogs(**WINDOW, baseline_start=1_789_990_000)),
)
CLOSED = {"error": {"type": "x", "root_cause": [{"type": "x", "reason": "field time is closed"}]}, "status": 400}
SMALL = LogPolicy(page_lines=10)
Reply = Callable[[str, str], tuple[int, object]]


def hits(**more: object) -> dict[str, Any]:
    return {"timed_out": False, "_shards": {"total": 4, "failed": 0}, "hits": {"hits": [HIT]}, **more}


@contextmanager
def engine(reply: Reply) -> Iterator[tuple[int, list[Mapping[str, str]], list[str]]]:
    """A server whose answers are scripted; gives its port, the headers and the paths it saw."""
    headers: list[Mapping[str, str]] = []
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def _any(self) -> None:
            headers.append({name.lower(): value for name, value in self.headers.items()})
            paths.append(f"{self.command} {self.path.partition('?')[0]}")
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = reply(self.command, self.path)
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = _any  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1], headers, paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(search: Callable[[], tuple[int, object]]) -> Reply:
    def reply(method: str, path: str) -> tuple[int, object]:
        if "_mapping" in path:
            return 200, MAPPING
        if "point_in_time" in path:
            return 200, {"pit_id": "p"} if method == "POST" else {"pits": []}
        return search()

    return reply


def tools(port: int, prefix: str = "", policy: LogPolicy | None = None, **more: Any) -> Mapping[str, Tool[Any]]:
    connection = Connection(name="OpenSearch", url=f"http://127.0.0.1:{port}{prefix}", timeout_seconds=1.0, **more)
    guard = Guard("OpenSearch", 2, 1.0, sleep=lambda _: None)
    return opensearch_tools(connection, guard, policy or LogPolicy(), lambda: 0.0)


def test_shards_that_do_not_answer_are_noted() -> None:
    failures = [{"reason": {"reason": "no room in memory"}}]
    part = hits(_shards={"total": 4, "failed": 1, "failures": failures}, timed_out=True)
    with engine(answering(lambda: (200, part))) as (port, _, _):
        answer = tools(port)["search_logs"].run(SEARCH)
    assert isinstance(answer, Rows)
    assert "1 of 4 shards did not answer (no room in memory)" in answer.note
    assert "stopped a search before its end" in answer.note


def test_a_refused_request_is_told_with_the_reason_of_the_engine() -> None:
    with (
        engine(answering(lambda: (400, CLOSED))) as (port, _, _),
        pytest.raises(BackendError, match="time is closed"),
    ):
        tools(port)["search_logs"].run(SEARCH)


def test_what_one_index_refuses_is_noted_while_others_answer() -> None:
    other = {"logs-b": {"mappings": {"properties": {"@timestamp": {"type": "date"}, "message": {"type": "text"}}}}}

    def reply(method: str, path: str) -> tuple[int, object]:
        if "_mapping" in path:
            return 200, MAPPING | other
        return (400, CLOSED) if "logs-b" in path else (200, hits(hits={"hits": [HIT], "total": {"value": 1}}))

    with engine(reply) as (port, _, _):
        for name, arguments in CALLS[:2]:
            answer = tools(port)[name].run(arguments)
            assert isinstance(answer, Rows)
            assert "some indices were not read: OpenSearch refused a request" in answer.note


def crowd(*ids: int) -> dict[str, Any]:
    """An answer with lines of one and the same moment."""
    return hits(hits={"hits": [{**HIT, "_id": str(id)} for id in ids]})


def test_lines_of_one_moment_that_fill_a_page_are_read_from_a_point_in_time_that_is_given_back() -> None:
    pages = iter([crowd(*range(10)), crowd(*range(10)), crowd(*range(10)), crowd(10, 11)])
    with engine(answering(lambda: (200, next(pages)))) as (port, _, paths):
        answer = tools(port, policy=SMALL)["search_logs"].run(SEARCH)
    assert len(answer.body.records) == 12
    assert paths[-4:] == [
        "POST /logs-a/_search/point_in_time", "POST /_search", "POST /_search", "DELETE /_search/point_in_time",
    ]  # fmt: skip


def test_a_point_in_time_is_given_back_after_a_refusal() -> None:
    pages: Iterator[tuple[int, object]] = iter([(200, crowd(*range(10)))] * 2 + [(400, CLOSED)])
    with (
        engine(answering(lambda: next(pages))) as (port, _, paths),
        pytest.raises(BackendError, match="time is closed"),
    ):
        tools(port, policy=SMALL)["search_logs"].run(SEARCH)
    assert paths[-1] == "DELETE /_search/point_in_time"


def test_an_engine_without_points_in_time_is_read_all_the_same() -> None:
    pages = iter([crowd(*range(10)), crowd(*range(10)), crowd(*range(10)), crowd(10)])

    def reply(method: str, path: str) -> tuple[int, object]:
        if "point_in_time" in path:
            return 400, {"error": "no handler found for uri"}
        return answering(lambda: (200, next(pages)))(method, path)

    with engine(reply) as (port, _, _):
        answer = tools(port, policy=SMALL)["search_logs"].run(SEARCH)
    assert "without a point in time" in answer.note
    assert [record.body for record in answer.body.records] == ["hello"] * 11


def test_lines_that_fit_into_one_answer_need_no_point_in_time() -> None:
    with engine(answering(lambda: (200, hits()))) as (port, _, paths):
        tools(port)["search_logs"].run(SEARCH)
    assert paths[1:] == ["POST /logs-a/_search"]


def test_errors_of_the_server_are_asked_again_by_the_guard_alone_and_then_left_alone() -> None:
    with engine(lambda *_: (503, {"error": "busy"})) as (port, _, paths):
        search = tools(port)["search_logs"]
        for _ in range(3):
            with pytest.raises(Refusal, match="503"):
                search.run(SEARCH)
        asked = len(paths)
        with pytest.raises(CircuitOpen):
            search.run(SEARCH)
    assert asked == len(paths) == 9


@pytest.mark.parametrize("body", [b"{broken}", [], {"took": 1}])
def test_an_answer_that_is_no_search_result_is_an_error(body: object) -> None:
    with engine(answering(lambda: (200, body))) as (port, _, _), pytest.raises(BackendError):
        tools(port)["search_logs"].run(SEARCH)


def test_a_hung_engine_is_an_error_within_the_time_out() -> None:
    released = threading.Event()

    def hang() -> tuple[int, object]:
        released.wait(20)
        return 200, hits()

    with engine(answering(hang)) as (port, _, _):
        try:
            with pytest.raises(NoAnswer, match="within 1 s"):
                tools(port)["search_logs"].run(SEARCH)
        finally:
            released.set()


def test_credentials_and_prefix_are_those_of_the_connection() -> None:
    with engine(answering(lambda: (200, hits()))) as (port, headers, paths):
        tools(port, "/logs/api", username="reader", password=SecretStr("s3"))["search_logs"].run(SEARCH)
    assert {header["authorization"] for header in headers} == {"Basic cmVhZGVyOnMz"}
    assert all(path.split(" ")[1].startswith("/logs/api/") for path in paths)


def test_what_is_searched_for_does_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    refusing = answering(lambda: (400, {"error": "no"}))
    with caplog.at_level(logging.DEBUG), engine(refusing) as (port, _, _), pytest.raises(BackendError):
        tools(port)["search_logs"].run(SEARCH.model_copy(update={"contains": "hunter2 secret"}))
    assert "hunter2" not in caplog.text


_ODD: tuple[object, ...] = (None, 7, "x", [], {}, [None], {"a": None}, [[1]], True)


@pytest.mark.parametrize("part", ["hits", "aggregations", "_shards", "hit", "source"])
def test_an_answer_of_odd_shape_never_breaks_a_tool(part: str) -> None:
    for odd in _ODD:
        bodies = {
            "hit": hits(hits={"hits": [odd], "total": odd}),
            "source": hits(hits={"hits": [{**HIT, "_source": odd}, {**HIT, "_source": {"time": odd, "body": odd}}]}),
        }
        body = bodies.get(part, hits(**{part: odd}))
        with engine(answering(lambda body=body: (200, body))) as (port, _, _):
            for name, arguments in CALLS:
                with contextlib.suppress(BackendError):
                    assert isinstance(tools(port)[name].run(arguments), Rows | Empty | Absent)

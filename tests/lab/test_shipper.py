"""From the services' files into the search server, in the shapes that collectors write."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opensearchpy import OpenSearch

from evals.lab.guard import Guard
from evals.lab.opensearch_server import Engine, start_search
from evals.lab.server_process import ServerError
from evals.lab.shipper import SPANS, Shipper

SPAN: dict[str, Any] = {
    "trace_id": "a" * 32, "span_id": "b" * 16, "parent_span_id": "", "name": "POST /buy", "kind": "SERVER",
    "service": "gateway", "start_time_unix_nano": 1_700_000_000_123_456_789,
    "end_time_unix_nano": 1_700_000_001_123_456_789, "status": {"code": "ERROR", "message": "no"},
    "attributes": {"http.route": "/buy", "http": "odd", "http.response.status_code": 503},
}  # fmt: skip
LINE: dict[str, Any] = {
    "timestamp": "2026-11-24T10:00:00.250Z", "service": "gateway", "severity_text": "ERROR", "body": "it failed",
    "trace_id": "a" * 32, "span_id": "b" * 16, "attributes": {"http.route": "/buy"},
}  # fmt: skip


@pytest.fixture
def client(guard: Guard) -> Iterator[OpenSearch]:
    with OpenSearch(start_search(guard, Engine.OSMEM, None).url) as found:
        yield found


def _shipped(client: OpenSearch, folder: Path) -> Shipper:
    shipper = Shipper(folder, _url(client))
    shipper.start()
    return shipper


def _wait_for(client: OpenSearch, index: str, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if client.indices.exists(index=index):
            client.indices.refresh(index=index)
            hits = client.search(index=index, body={"size": 100})["hits"]["hits"]
            if len(hits) >= count:
                return [hit["_source"] for hit in hits]
        time.sleep(0.05)
    raise AssertionError(f"{index} never had {count} documents")


def _url(client: OpenSearch) -> str:
    return f"http://127.0.0.1:{client.transport.hosts[0]['port']}"


def test_a_span_is_shaped_as_data_prepper_writes_it(client: OpenSearch, tmp_path: Path) -> None:
    (tmp_path / "gateway.spans.ndjson").write_text(json.dumps(SPAN) + "\n")
    shipper = _shipped(client, tmp_path)
    (document,) = _wait_for(client, SPANS, 1)
    shipper.stop()
    assert (document["serviceName"], document["kind"]) == ("gateway", "SPAN_KIND_SERVER")
    assert document["startTime"] == "2023-11-14T22:13:20.123456789Z"
    assert document["durationInNanos"] == 1_000_000_000
    assert document["status"] == {"code": 2, "message": "no"}
    assert document["span.attributes.http@response@status_code"] == 503


def test_a_log_line_goes_into_the_index_of_its_day(client: OpenSearch, tmp_path: Path) -> None:
    (tmp_path / "gateway.logs.ndjson").write_text(json.dumps(LINE) + "\n")
    shipper = _shipped(client, tmp_path)
    (document,) = _wait_for(client, "logs-otel-v1-2026.11.24", 1)
    shipper.stop()
    assert (document["severityText"], document["body"], document["traceId"]) == ("ERROR", "it failed", "a" * 32)
    assert document["log.attributes.http@route"] == "/buy"


def test_a_line_half_written_waits_for_its_end_and_nothing_is_shipped_twice(client: OpenSearch, tmp_path: Path) -> None:
    path, text = tmp_path / "gateway.logs.ndjson", json.dumps(LINE)
    path.write_text(text + "\n" + text[:30])
    shipper = _shipped(client, tmp_path)
    _wait_for(client, "logs-otel-v1-2026.11.24", 1)
    with path.open("a") as file:
        file.write(text[30:] + "\n")
    _wait_for(client, "logs-otel-v1-2026.11.24", 2)
    shipper.stop()
    assert len(_wait_for(client, "logs-otel-v1-2026.11.24", 2)) == 2


def test_what_was_written_just_before_the_stop_is_shipped(client: OpenSearch, tmp_path: Path) -> None:
    shipper = _shipped(client, tmp_path)
    (tmp_path / "late.logs.ndjson").write_text((json.dumps(LINE) + "\n") * 3)
    shipper.stop()
    assert len(_wait_for(client, "logs-otel-v1-2026.11.24", 3)) == 3
    assert shipper.failed_beats == 0


def test_the_real_engine_without_a_class_path_says_how_to_get_one(guard: Guard) -> None:
    with pytest.raises(ServerError, match="--opensearch-classpath"):
        start_search(guard, Engine.OPENSEARCH, None)

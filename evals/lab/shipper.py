"""Carries the services' spans and log lines into OpenSearch, in the shapes that Data Prepper gives them."""

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import OpenSearchException

from evals.lab.clock import rfc3339_nanos

SPANS = "otel-v1-apm-span-000001"
_LOGS = "logs-otel-v1"
_BEAT_SECONDS = 0.5
_BULK_LINES = 2000
_STATUS = {"UNSET": 0, "OK": 1, "ERROR": 2}
_KEYWORD, _NANOS = {"type": "keyword"}, {"type": "date_nanos"}
# Attributes are anybody's words: as keywords, so that a search for a value finds it whole.
_STRINGS = [{"strings": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}]
_TEMPLATES: dict[str, dict[str, Any]] = {
    "otel-v1-apm-span-*": {
        **dict.fromkeys(("traceId", "spanId", "parentSpanId", "serviceName", "name", "kind"), _KEYWORD),
        **dict.fromkeys(("startTime", "endTime"), _NANOS),
        "durationInNanos": {"type": "long"},
        "status": {"properties": {"code": {"type": "integer"}, "message": _KEYWORD}},
    },
    "logs-otel-v1-*": {
        **dict.fromkeys(("traceId", "spanId", "serviceName", "severityText"), _KEYWORD),
        **dict.fromkeys(("time", "observedTime"), _NANOS),
        "severityNumber": {"type": "integer"},
        "body": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 2048}}},
    },
}
_SEVERITY = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}
Record = Mapping[str, Any]


class Shipper:
    """Follows every ``*.spans.ndjson`` and ``*.logs.ndjson`` of a folder from a thread of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._client = OpenSearch(url, timeout=10)
        self._offsets: dict[Path, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)
        self.failed_beats = 0

    def start(self) -> None:
        """Put the index templates in place and begin."""
        for place, (pattern, properties) in enumerate(_TEMPLATES.items()):
            mappings = {"dynamic_templates": _STRINGS, "properties": properties}
            settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "1s"}
            body = {"index_patterns": [pattern], "template": {"settings": settings, "mappings": mappings}}
            self._client.indices.put_index_template(name=f"otel-{place}", body=body)
        self._thread.start()

    def stop(self) -> None:
        """Ship what is left, then end. Safe to call twice."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._client.close()

    def _run(self) -> None:
        last = False
        while not last:
            last = self._stopped.wait(_BEAT_SECONDS)
            try:
                self._ship()
            except OpenSearchException:
                self.failed_beats += 1  # the lines stay where they are, and the next beat takes them

    def _ship(self) -> None:
        for path in sorted(self._folder.glob("*.ndjson")):
            shape = _span if path.name.endswith(".spans.ndjson") else _log
            while block := list(self._new_lines(path)):
                lines: list[object] = []
                for line, _ in block:
                    index, id, document = shape(json.loads(line))
                    lines += [{"index": {"_index": index, **({"_id": id} if id else {})}}, document]
                self._client.bulk(body=lines)
                self._offsets[path] = block[-1][1]

    def _new_lines(self, path: Path) -> Iterator[tuple[bytes, int]]:
        """Whole lines behind what was shipped, each with the offset of its end; a line half written waits."""
        with path.open("rb") as file:
            file.seek(self._offsets.get(path, 0))
            for _ in range(_BULK_LINES):
                line = file.readline()
                if not line.endswith(b"\n"):
                    return
                yield line, file.tell()


def _span(record: Record) -> tuple[str, str, dict[str, Any]]:
    start, end = int(record["start_time_unix_nano"]), int(record["end_time_unix_nano"])
    status = record["status"]
    document = {
        "traceId": record["trace_id"],
        "spanId": record["span_id"],
        "parentSpanId": record["parent_span_id"],
        "serviceName": record["service"],
        "name": record["name"],
        "kind": f"SPAN_KIND_{record['kind']}",
        "startTime": rfc3339_nanos(start),
        "endTime": rfc3339_nanos(end),
        "durationInNanos": end - start,
        "status": {"code": _STATUS[status["code"]], "message": status["message"]},
        **{f"span.attributes.{_flat(name)}": value for name, value in record["attributes"].items()},
        "resource.attributes.service@name": record["service"],
    }
    return SPANS, f"{record['trace_id']}{record['span_id']}", document


def _log(record: Record) -> tuple[str, str, dict[str, Any]]:
    severity, time = record["severity_text"], record["timestamp"]
    day = datetime.fromisoformat(time.replace("Z", "+00:00")).astimezone(UTC)
    document = {
        "time": time,
        "observedTime": time,
        "severityText": severity,
        "severityNumber": _SEVERITY.get(severity, 0),
        "body": record["body"],
        "serviceName": record["service"],
        "traceId": record["trace_id"],
        "spanId": record["span_id"],
        **{f"log.attributes.{_flat(name)}": value for name, value in record["attributes"].items()},
        "resource.attributes.service@name": record["service"],
    }
    return f"{_LOGS}-{day:%Y.%m.%d}", "", document


def _flat(name: str) -> str:
    """Data Prepper writes the dots of an attribute's name as @, so that no attribute is the parent of another."""
    return name.replace(".", "@")

"""A recorded incident put into live systems: the same data behind Prometheus's and OpenSearch's own doors.

What an investigation says over the copy must be what it says over the recording.
"""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from opensearchpy import OpenSearch
from opensearchpy.helpers import bulk

from diagnosis.telemetry import Change, LogRecord, SeriesMatrix, Span
from tools.recording import recording_tools
from tools.recording_files import Skipped, find, log_record, objects
from tools.spec import (
    ChangeList,
    GetTraces,
    ListChanges,
    QueryMetrics,
    ReadChange,
    Rows,
    SpanBatch,
    ToolName,
)

_ALWAYS = {"start": 0.0, "end": 1e11}
_NO_NAME = re.compile(r"[^a-zA-Z0-9_:]")


class CopyError(RuntimeError):
    """The incident cannot be put into a live system; the message says which and why."""


def metrics_of(recording: Path) -> SeriesMatrix:
    """All series of a recording; none where it has no metrics."""
    answer = recording_tools(recording)[ToolName.QUERY_METRICS].run(QueryMetrics(**_ALWAYS))
    return answer.body if isinstance(answer, Rows) and isinstance(answer.body, SeriesMatrix) else SeriesMatrix.empty()


def write_blocks(matrix: SeriesMatrix, folder: Path) -> None:
    """Prometheus blocks with the series below ``folder``, under their own names with the label ``service``.

    Start Prometheus with ``--storage.tsdb.allow-overlapping-blocks`` and a retention that reaches back.
    Raises ``CopyError`` where promtool is missing or refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = folder.with_suffix(".openmetrics")
    with text.open("w", encoding="utf-8") as file:
        file.writelines(_openmetrics(matrix))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    except FileNotFoundError:
        raise CopyError("promtool is missing; install it with: apt-get install prometheus") from None
    text.unlink()
    if done.returncode:
        raise CopyError(f"promtool refuses the series: {done.stderr.strip()[:300]}")


def _openmetrics(matrix: SeriesMatrix) -> Iterator[str]:
    """One family after the other, as the format wants it; missing samples are left out."""
    for row in sorted(range(len(matrix.keys)), key=lambda row: (matrix.keys[row].metric, matrix.keys[row].entity)):
        key, values = matrix.keys[row], matrix.values[row]
        entity = key.entity.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        series = f'{_NO_NAME.sub("_", key.metric)}{{service="{entity}"}}'
        seen = np.isfinite(values)
        for time, value in zip(matrix.times[seen], values[seen], strict=True):
            yield f"{series} {float(value)!r} {time:.3f}\n"
    yield "# EOF\n"


def index_logs_and_spans(recording: Path, client: OpenSearch) -> None:
    """Logs and spans in the shapes of OpenTelemetry through Data Prepper."""
    for index, times in (("logs-otel-v1-copy", ("time",)), ("otel-v1-apm-span-copy", ("startTime", "endTime"))):
        client.indices.create(index=index, body={"mappings": {"properties": _properties(times)}})
    bulk(client, _log_documents(recording), chunk_size=2000)
    bulk(client, _span_documents(recording), chunk_size=2000)
    client.indices.refresh(index="logs-otel-v1-copy,otel-v1-apm-span-copy")


def _properties(times: tuple[str, ...]) -> dict[str, Any]:
    words = ("serviceName", "severityText", "traceId", "spanId", "parentSpanId", "kind", "name")
    return {
        **{name: {"type": "date_nanos"} for name in times},
        **{name: {"type": "keyword"} for name in words},
        "body": {"type": "text"},
        "durationInNanos": {"type": "long"},
        "status": {"properties": {"code": {"type": "integer"}, "message": {"type": "keyword"}}},
    }


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _log_documents(recording: Path) -> Iterator[dict[str, Any]]:
    path, skipped = find(recording, "logs.ndjson"), Skipped()
    for raw in objects(path, skipped) if path else ():
        record = log_record(raw, skipped)
        if record is not None:
            yield {"_index": "logs-otel-v1-copy", "_source": log_document(record)}


def log_document(record: LogRecord) -> dict[str, Any]:
    """One log line as Data Prepper writes it."""
    return {
        "time": _stamp(record.time),
        "serviceName": record.entity,
        "severityText": record.severity,
        "body": record.body,
        "traceId": record.trace_id,
        "spanId": record.span_id,
        **{f"log.attributes.{name.replace('.', '@')}": value for name, value in record.attributes.items()},
    }


def _span_documents(recording: Path) -> Iterator[dict[str, Any]]:
    answer = recording_tools(recording)[ToolName.GET_TRACES].run(GetTraces(**_ALWAYS, limit=1_000_000))
    if isinstance(answer, Rows) and isinstance(answer.body, SpanBatch):
        for span in answer.body.spans:
            yield {"_index": "otel-v1-apm-span-copy", "_source": span_document(span)}


def span_document(span: Span) -> dict[str, Any]:
    """One span as Data Prepper writes it."""
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "serviceName": span.entity,
        "name": span.name,
        "kind": f"SPAN_KIND_{span.kind.upper() or 'INTERNAL'}",
        "startTime": _stamp(span.start),
        "endTime": _stamp(span.start + span.duration),
        "durationInNanos": round(span.duration * 1e9),
        "status": {"code": 2 if span.error else 0, "message": span.message},
        **{f"span.attributes.{name.replace('.', '@')}": value for name, value in span.attributes.items()},
    }


def changes_of(recording: Path) -> tuple[Change, ...]:
    """All changes of a recording, with their diffs."""
    tools = recording_tools(recording)
    answer = tools[ToolName.LIST_CHANGES].run(ListChanges(**_ALWAYS))
    listed = answer.body.changes if isinstance(answer, Rows) and isinstance(answer.body, ChangeList) else ()
    whole = (tools[ToolName.READ_CHANGE].run(ReadChange(id=change.id)) for change in listed)
    return tuple(one.body for one in whole if isinstance(one, Rows) and isinstance(one.body, Change))

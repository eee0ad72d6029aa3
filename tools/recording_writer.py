"""Bodies to the files of a recording, the inverse of ``tools/recording.py``."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson

from diagnosis.telemetry import Change, LogRecord, PatternTable, SeriesMatrix, Span, Topology
from tools.recording_files import NAMES, RecordingError
from tools.spec import Body, ChangeList, FoundRunbooks, LogBatch, MetricCatalogue, SpanBatch, Table


def write_recording(folder: Path, alert: dict[str, object], *bodies: Body) -> list[str]:
    """Write what the bodies hold; the names of the files. A folder with other things in it is left alone."""
    if folder.exists() and any(path.name not in NAMES for path in folder.iterdir()):
        raise RecordingError(f"{folder} holds other things than a recording; give a new or empty folder")
    texts: dict[str, bytes] = {"alert.json": orjson.dumps(alert, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)}
    changes: dict[str, Change] = {}
    records: list[LogRecord] = []
    for body in bodies:
        match body:
            case SeriesMatrix():
                texts["metrics.csv"] = _metrics(body)
            case SpanBatch():
                texts["spans.ndjson"] = _lines(_span(span) for span in body.spans)
            case Topology():
                texts["topology.json"] = _topology(body)
            case ChangeList():
                changes = {change.id: change for change in body.changes} | changes
            case Change():
                changes[body.id] = body
            case LogBatch():
                records += body.records
            case PatternTable():
                records += _examples(body)
            case MetricCatalogue() | Table() | FoundRunbooks():
                continue  # said again by the metrics, or only for people
    if changes:
        texts["changes.ndjson"] = _lines(_change(c) for c in sorted(changes.values(), key=lambda c: (c.time, c.id)))
    if records:
        texts["logs.ndjson"] = _lines(_log(r) for r in sorted(records, key=lambda r: (r.time, r.entity, r.body)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_bytes(text)
    except OSError as error:
        raise RecordingError(f"cannot write {folder}: {error.strerror or error}") from error
    return sorted(texts)


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _metrics(matrix: SeriesMatrix) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("timestamp", "entity", "metric", "value"))
    for column, time in enumerate(matrix.times):
        for key, value in zip(matrix.keys, matrix.values[:, column], strict=True):
            if np.isfinite(value):
                writer.writerow((_stamp(float(time)), key.entity, key.metric, repr(float(value))))
    return out.getvalue().encode()


def _examples(table: PatternTable) -> Iterable[LogRecord]:
    """Lines that give the same patterns: each counted line as its example, spread over its bin."""
    for pattern in table.patterns:
        attributes = {name: next(iter(values)) for name, values in pattern.attributes.items() if values}
        for bin, count in enumerate(pattern.counts):
            for place in range(count):
                begin = table.window.start + bin * table.bin_seconds
                time = max(begin + (place + 0.5) * table.bin_seconds / count, pattern.first_seen)
                yield LogRecord(time, pattern.entity, pattern.severity, pattern.example, "", attributes)


def _log(record: LogRecord) -> dict[str, object]:
    return {
        "timestamp": _stamp(record.time),
        "service": record.entity,
        "severity_text": record.severity,
        "body": record.body,
        "trace_id": record.trace_id,
        "attributes": dict(record.attributes),
    }


def _nanoseconds(seconds: float) -> int:
    """Whole microseconds in nanoseconds: finer than that a float of epoch seconds does not hold."""
    return round(seconds * 1e6) * 1000


def _span(span: Span) -> dict[str, object]:
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_id,
        "service": span.entity,
        "name": span.name,
        "kind": span.kind,
        "start_time_unix_nano": _nanoseconds(span.start),
        "end_time_unix_nano": _nanoseconds(span.start + span.duration),
        "status": {"code": "ERROR" if span.error else "OK", "message": span.message},
        "attributes": dict(span.attributes),
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "kind": change.kind.value,
        "id": change.id,
        "timestamp": _stamp(change.time),
        "service": change.entity,
        "title": change.title,
        "author": change.author,
        "files": list(change.files),
        "diff": change.diff,
        "commit": change.commit,
        "version": change.version,
        "from": change.before,
        "to": change.after,
        "key": change.key,
    }


def _topology(body: Topology) -> bytes:
    raw = {
        "nodes": [{"name": node.name, "owned": node.owned, "host": node.host} for node in body.nodes],
        "edges": [{"caller": edge.caller, "callee": edge.callee} for edge in body.edges],
    }
    return orjson.dumps(raw, option=orjson.OPT_INDENT_2)


def _lines(rows: Iterable[dict[str, object]]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)

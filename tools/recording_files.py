"""Reading the files of a recording: forgiving about rows, strict about what they mean.

A row that cannot be read is skipped and counted; a file that is not there is absent, which is an answer.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from diagnosis.telemetry import (
    Change,
    ChangeKind,
    Edge,
    Floats,
    LogRecord,
    Node,
    SeriesKey,
    SeriesMatrix,
    Span,
    Topology,
)

NAMES = ("alert.json", "metrics.csv", "logs.ndjson", "spans.ndjson", "changes.ndjson", "topology.json")
_LATEST = 32503680000.0  # the year 3000: larger numbers are finer units than seconds
_LONGEST_LINE = 1_000_000


class RecordingError(ValueError):
    """The folder is no recording, or a file of it cannot be read; the message names it and the remedy."""


@dataclass
class Skipped:
    """How many rows were left out, and the first reason."""

    rows: int = 0
    reason: str = ""

    def add(self, reason: str) -> None:
        self.rows += 1
        self.reason = self.reason or reason

    @property
    def note(self) -> str:
        return f"{self.rows:,} rows skipped ({self.reason})" if self.rows else ""


@dataclass(frozen=True)
class Read:
    """What a file held, with what was left out."""

    value: Any
    skipped: Skipped = field(default_factory=Skipped)


def find(folder: Path, name: str) -> Path | None:
    """The file or its gzipped twin, or None."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def epoch(value: object) -> float | None:
    """Epoch seconds of a number (s, ms, us, ns) or an RFC 3339 text (UTC where it has no offset); None if neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        number = float(value)
    else:
        number_or_none = _text_time(str(value))
        if number_or_none is None:
            return None
        number = number_or_none
    if not np.isfinite(number):
        return None
    while abs(number) > _LATEST:
        number /= 1000.0
    return number


@lru_cache(maxsize=100_000)
def _text_time(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def lines(path: Path, skipped: Skipped) -> Iterator[bytes]:
    """Lines of a file, gzipped or not; a truncated archive ends early and is counted."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        skipped.add(f"{path.name} is damaged: {error}")
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror or error}") from error


def objects(path: Path, skipped: Skipped) -> Iterator[dict[str, Any]]:
    """JSON objects, one a line."""
    for line in lines(path, skipped):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            skipped.add(f"no JSON: {error}")
            continue
        if isinstance(value, dict):
            yield value
        else:
            skipped.add("a row that is no object")


def read_metrics(path: Path) -> Read:
    """``timestamp,entity,metric,value`` rows (any order, any columns more) as one matrix on the union of times."""
    skipped = Skipped()
    ids: dict[SeriesKey, int] = {}
    rows, times, values = [], [], []
    text = (line.decode("utf-8", "replace") for line in lines(path, skipped))
    reader = csv.reader(line.replace("\0", "") for line in text)
    header = [name.strip().lower() for name in next(reader, [])]
    columns = {name: place for place, name in enumerate(header)}
    entity_at = next((columns[name] for name in ("entity", "service", "service.name") if name in columns), None)
    if entity_at is None or not {"timestamp", "metric", "value"} <= columns.keys():
        if header:
            raise RecordingError(
                f"{path.name} needs the columns timestamp, entity, metric, value; it has {', '.join(header)}"
            )
        return Read(SeriesMatrix.empty(), skipped)
    time_at, metric_at, value_at = columns["timestamp"], columns["metric"], columns["value"]
    for row in reader:
        if len(row) <= max(entity_at, time_at, metric_at, value_at):
            skipped.add("too few columns")
            continue
        time = epoch(row[time_at])
        if time is None:
            skipped.add(f"no time: {row[time_at][:40]!r}")
            continue
        rows.append(ids.setdefault(SeriesKey(row[entity_at], row[metric_at]), len(ids)))
        times.append(time)
        values.append(_value(row[value_at], skipped))
    return Read(_matrix(tuple(ids), np.asarray(rows, dtype=np.int64), np.asarray(times), np.asarray(values)), skipped)


def _value(text: str, skipped: Skipped) -> float:
    try:
        value = float(text)
    except ValueError:
        skipped.add(f"no number: {text[:40]!r}")
        return np.nan
    return value if np.isfinite(value) else np.nan


def _matrix(keys: tuple[SeriesKey, ...], rows: Any, times: Floats, values: Floats) -> SeriesMatrix:  # noqa: ANN401
    """Long rows to a matrix with sorted keys and times; of duplicates the last one wins."""
    if not keys:
        return SeriesMatrix.empty()
    grid, column = np.unique(times, return_inverse=True)
    order = sorted(range(len(keys)), key=lambda i: keys[i])
    place = np.empty(len(keys), dtype=np.int64)
    place[order] = np.arange(len(keys))
    matrix = np.full((len(keys), grid.size), np.nan)
    matrix[place[rows], column] = values
    return SeriesMatrix(tuple(keys[i] for i in order), grid, matrix)


def _first(raw: dict[str, Any], *names: str) -> Any:  # noqa: ANN401 - whatever the JSON holds
    return next((raw[name] for name in names if raw.get(name) not in (None, "")), "")


def _service(raw: dict[str, Any]) -> str:
    resource = raw.get("resource")
    inner = resource.get("attributes", resource) if isinstance(resource, dict) else {}
    found = _first(raw, "service", "service.name", "entity", "service_name")
    return str(found or (_first(inner, "service.name", "service") if isinstance(inner, dict) else ""))


def _scalars(raw: object, prefix: str = "") -> dict[str, str | float | bool]:
    """Nested attributes flattened with dots; lists and nulls left out."""
    flat: dict[str, str | float | bool] = {}
    if isinstance(raw, dict):
        for name, value in raw.items():
            if isinstance(value, dict):
                flat |= _scalars(value, f"{prefix}{name}.")
            elif isinstance(value, str | int | float):
                flat[f"{prefix}{name}"] = value
    return flat


_LOG_FIELDS = frozenset(("timestamp", "time", "service", "service.name", "entity", "resource", "severity_text", "severity", "level", "body", "message", "msg", "trace_id", "span_id", "attributes"))  # fmt: skip
_SEVERITY = {"WARNING": "WARN", "ERR": "ERROR", "CRIT": "CRITICAL", "INFORMATION": "INFO", "SEVERE": "ERROR"}


def log_record(raw: dict[str, Any], skipped: Skipped) -> LogRecord | None:
    """One log line by OpenTelemetry's names or the common short ones; None without a time."""
    time = epoch(_first(raw, "timestamp", "time", "@timestamp"))
    if time is None:
        skipped.add("a log line without a time")
        return None
    severity = str(_first(raw, "severity_text", "level", "severity")).upper()
    rest = {name: value for name, value in raw.items() if name not in _LOG_FIELDS}
    body = _first(raw, "body", "message", "msg")
    text = body if isinstance(body, str) else orjson.dumps(body).decode()
    attributes = {**_scalars(rest), **_scalars(raw.get("attributes"))}
    return LogRecord(
        time,
        _service(raw),
        _SEVERITY.get(severity, severity),
        text,
        str(raw.get("trace_id") or ""),
        attributes,
        str(raw.get("span_id") or ""),
    )


def span(raw: dict[str, Any], skipped: Skipped) -> Span | None:
    """One span by OpenTelemetry's names; None without times."""
    start, end = epoch(raw.get("start_time_unix_nano")), epoch(raw.get("end_time_unix_nano"))
    if start is None or end is None:
        skipped.add("a span without times")
        return None
    status = raw.get("status")
    code, message = (
        (status.get("code", ""), status.get("message", "")) if isinstance(status, dict) else (status or "", "")
    )
    return Span(
        str(raw.get("trace_id") or ""), str(raw.get("span_id") or ""), str(raw.get("parent_span_id") or ""), _service(raw),
        str(raw.get("name") or ""), str(raw.get("kind") or ""), start, max(end - start, 0.0),
        str(code).upper().endswith("ERROR") or code == 2, str(message or ""), _scalars(raw.get("attributes")),
    )  # fmt: skip


def change(raw: dict[str, Any], skipped: Skipped) -> Change | None:
    """One change; None without a time, an id or a known kind."""
    time, id = epoch(raw.get("timestamp")), str(raw.get("id") or "")
    kind = str(raw.get("kind") or "")
    if time is None or not id or kind not in set(ChangeKind):
        skipped.add(f"a change without time, id or known kind ({kind[:20]!r})")
        return None
    files = raw.get("files") if isinstance(raw.get("files"), list) else []
    diff = raw.get("diff")
    return Change(
        ChangeKind(kind), id, time, _service(raw), str(raw.get("title") or ""), str(raw.get("author") or ""),
        tuple(map(str, files or ())), diff if isinstance(diff, str) else None, str(raw.get("commit") or ""),
        str(raw.get("version") or ""), str(raw.get("from") or ""), str(raw.get("to") or ""),
        str(raw.get("key") or ""),
    )  # fmt: skip


def topology(path: Path) -> Topology:
    """Nodes and edges; raises ``RecordingError`` for what is no topology."""
    try:
        raw = orjson.loads(b"".join(lines(path, Skipped())))
        nodes = [
            Node(str(n["name"]), bool(n.get("owned", True)), str(n.get("host") or "")) for n in raw.get("nodes", [])
        ]
        edges = [Edge(str(e["caller"]), str(e["callee"])) for e in raw.get("edges", [])]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise RecordingError(
            f"{path.name} is no topology ({error}); it needs nodes with name, edges with caller, callee"
        ) from error
    return Topology(tuple(sorted(nodes, key=lambda n: n.name)), tuple(sorted(set(edges))))

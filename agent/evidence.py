"""Evidence bodies on disk, by content hash. Nothing here is ever executed: JSON and raw numbers only."""

import contextlib
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from diagnosis.telemetry import (
    Change,
    ChangeKind,
    Edge,
    LineSequence,
    LogPattern,
    LogRecord,
    Node,
    PatternTable,
    SeriesKey,
    SeriesMatrix,
    Span,
    Topology,
    Window,
)
from tools.spec import Body, ChangeList, FoundRunbook, FoundRunbooks, LogBatch, MetricCatalogue, SpanBatch, Table


class EvidenceError(OSError):
    """A body cannot be stored, or is missing or damaged; the message says which and what to do."""


class EvidenceStore:
    """Content-addressed files below ``folder``: the same body is the same file, written once and never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, body: Body) -> str:
        """Store a body and return its SHA-256. A crash in the middle leaves no half file under that name."""
        data = encode(body)
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if path.exists():
            return digest
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise EvidenceError(
                f"cannot store evidence in {self._folder} ({error.strerror}); make room or set PCAUSE_HOME elsewhere"
            ) from error
        return digest

    def get(self, digest: str) -> Body:
        """The body of a digest, verified. Raises ``EvidenceError``."""
        try:
            data = self._path(digest).read_bytes()
        except OSError as error:
            raise EvidenceError(
                f"evidence {digest[:12]} is not in {self._folder}; was the data folder moved?"
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise EvidenceError(f"evidence {digest[:12]} in {self._folder} is damaged; run the investigation again")
        return decode(data)

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def encode(body: Body) -> bytes:
    """Deterministic bytes of a body: a JSON header line, then (for series) raw little-endian float64; gzipped."""
    if isinstance(body, SeriesMatrix):
        header = {
            "type": "SeriesMatrix",
            "keys": [[key.entity, key.metric] for key in body.keys],
            "times": body.times.size,
        }
        numbers = body.times.astype("<f8").tobytes() + body.values.astype("<f8").tobytes()
        payload = orjson.dumps(header) + b"\n" + numbers
    else:
        payload = orjson.dumps({"type": type(body).__name__, "body": _plain(body)}, option=_JSON)
    return gzip.compress(payload, compresslevel=5, mtime=0)


_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY


def _plain(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def decode(data: bytes) -> Body:
    """The inverse of ``encode``. Raises ``EvidenceError`` for anything else."""
    try:
        payload = gzip.decompress(data)
        header, _, numbers = (
            payload.partition(b"\n") if payload.startswith(b'{"type":"SeriesMatrix"') else (payload, b"", b"")
        )
        raw = orjson.loads(header)
        if raw["type"] == "SeriesMatrix":
            return _series(raw, numbers)
        return _READERS[raw["type"]](raw["body"])
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"this is no evidence body: {error}") from error


def _series(raw: Mapping[str, Any], numbers: bytes) -> SeriesMatrix:
    values = np.frombuffer(numbers, dtype="<f8").astype(np.float64)
    count = int(raw["times"])
    keys = tuple(SeriesKey(entity, metric) for entity, metric in raw["keys"])
    return SeriesMatrix(keys, values[:count], values[count:].reshape(len(keys), count))


def _log(raw: Mapping[str, Any]) -> LogRecord:
    return LogRecord(**raw)


def _pattern(raw: Mapping[str, Any]) -> LogPattern:
    return LogPattern(**{**raw, "counts": tuple(raw["counts"])})


def _sequence(raw: Mapping[str, Any]) -> LineSequence:
    return LineSequence(
        tuple((entity, trace, span) for entity, trace, span in raw["requests"]),
        np.asarray(raw["time"], dtype=np.float64),
        np.asarray(raw["pattern"], dtype=np.int32),
        np.asarray(raw["request"], dtype=np.int32),
    )


def _change(raw: Mapping[str, Any]) -> Change:
    return Change(**{**raw, "kind": ChangeKind(raw["kind"]), "files": tuple(raw["files"])})


def _runbook(raw: Mapping[str, Any]) -> FoundRunbook:
    steps = tuple((text, heading, line) for text, heading, line in raw["steps"])
    return FoundRunbook(**{**raw, "fault_kinds": tuple(raw["fault_kinds"]), "steps": steps})


_READERS: Mapping[str, Callable[[Any], Body]] = {
    "MetricCatalogue": lambda raw: MetricCatalogue(
        tuple((entity, tuple(names)) for entity, names in raw["metrics"]), raw["start"], raw["end"]
    ),
    "LogBatch": lambda raw: LogBatch(tuple(map(_log, raw["records"])), raw["matched"]),
    "PatternTable": lambda raw: PatternTable(
        Window(**raw["window"]),
        raw["bin_seconds"],
        tuple(map(_pattern, raw["patterns"])),
        raw["lines_seen"],
        raw["lines_read"],
        _sequence(raw["sequence"]) if raw["sequence"] else None,
    ),
    "SpanBatch": lambda raw: SpanBatch(tuple(Span(**span) for span in raw["spans"]), raw["matched"]),
    "Topology": lambda raw: Topology(
        tuple(Node(**node) for node in raw["nodes"]), tuple(Edge(**edge) for edge in raw["edges"])
    ),
    "ChangeList": lambda raw: ChangeList(tuple(map(_change, raw["changes"]))),
    "Change": _change,
    "FoundRunbooks": lambda raw: FoundRunbooks(tuple(map(_runbook, raw["runbooks"]))),
    "Table": lambda raw: Table(raw["title"], tuple(raw["columns"]), tuple(map(tuple, raw["rows"]))),
}

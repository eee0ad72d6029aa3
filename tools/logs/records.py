"""Documents as log lines."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from diagnosis.telemetry import LogRecord
from tools.logs.documents import Document, leaves, plain_name, text_at, value_at
from tools.logs.mapping import LogShape, Place
from tools.logs.severities import severity_of
from tools.recording_files import Skipped, epoch

# Kubernetes draws the ends of names from letters and digits that cannot form words.
_ENDING = "[bcdfghjklmnpqrstvwxz2456789]"
_POD = re.compile(rf"^(?P<workload>.+?)(?:-{_ENDING}{{6,10}})?-{_ENDING}{{5}}$|^(?P<set>.+)-\d+$")
_ATTRIBUTES = ("log.attributes.", "attributes.", "labels.", "fields.")
_SKIPPED = (
    "resource", "kubernetes", "host", "agent", "ecs", "input", "stream", "tags", "instrumentationScope", "schemaUrl",
    "droppedAttributesCount", "flags", "traceFlags", "observedTime", "observedTimestamp", "observed_timestamp",
    "severityNumber", "severity", "@version", "container", "cloud", "data_stream",
)  # fmt: skip
_MOST_ATTRIBUTES = 24


def excluded(shape: LogShape) -> list[str]:
    """Fields that are not sent: large, and the same on every line. What the shape names is always sent."""
    roles = [place.name for place in _roles(shape)]
    return [name for name in _SKIPPED if not any(role == name or role.startswith(f"{name}.") for role in roles)]


def _roles(shape: LogShape) -> tuple[Place, ...]:
    known = (shape.time, shape.body, shape.entity, shape.severity, shape.trace_id, shape.span_id)
    return tuple(place for place in known if place is not None)


def workload(pod: str) -> str:
    """The Deployment, DaemonSet or StatefulSet of a pod, by the way their pods are named."""
    match = _POD.match(pod)
    return pod if match is None else str(match["workload"] or match["set"])


class RecordReader:
    """Reads the hits of one shape."""

    def __init__(self, shape: LogShape) -> None:
        self._shape = shape
        self._named = frozenset(place.name for place in _roles(shape))

    def record(self, hit: Mapping[str, Any], skipped: Skipped) -> LogRecord | None:
        """The line of a hit; None where it has no time."""
        source: Document = hit.get("_source") or {}
        shape = self._shape
        time = epoch(value_at(source, shape.time.name))
        if time is None:
            time = _sorted_by(hit)
        if time is None:
            skipped.add("a log line without a time")
            return None
        body = value_at(source, shape.body.name)
        return LogRecord(
            time,
            self._entity(source),
            severity_of(value_at(source, shape.severity.name), shape.severity) if shape.severity else "",
            body if isinstance(body, str) else "" if body is None else orjson.dumps(body).decode(),
            text_at(source, shape.trace_id.name) if shape.trace_id else "",
            self._attributes(source),
            text_at(source, shape.span_id.name) if shape.span_id else "",
        )

    def _entity(self, source: Document) -> str:
        if self._shape.entity is None:
            return ""
        named = text_at(source, self._shape.entity.name)
        return workload(named) if self._shape.pods else named

    def _attributes(self, source: Document) -> dict[str, str | float | bool]:
        found: dict[str, str | float | bool] = {}
        for name, value in leaves(source):
            if name in self._named or name.partition(".")[0] in _SKIPPED:
                continue
            found[plain_name(name, _ATTRIBUTES)] = value
            if len(found) == _MOST_ATTRIBUTES:
                break
        return found


def _sorted_by(hit: Mapping[str, Any]) -> float | None:
    """The time that the engine read, for a format that only its mapping knows."""
    values = hit.get("sort")
    return (
        next((epoch(v) for v in values if isinstance(v, int) and v > 1e8), None) if isinstance(values, list) else None
    )

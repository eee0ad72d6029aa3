"""Documents as spans: OpenTelemetry's fields in their two spellings, and Jaeger's."""

from collections.abc import Mapping
from typing import Any

from diagnosis.telemetry import Span
from tools.logs.documents import Document, Scalar, leaves, plain_name, text_at, value_at
from tools.logs.span_shapes import SpanShape
from tools.recording_files import Skipped, epoch

_ATTRIBUTES = ("span.attributes.", "attributes.", "tag.")
# Kubernetes and process details are the same on every span of a process.
_MOST_ATTRIBUTES = 32
EXCLUDED = ("resource.attributes.process*", "events.attributes.exception@stacktrace", "links", "logs", "traceGroupFields", "instrumentationScope")  # fmt: skip


def span_of(hit: Mapping[str, Any], shape: SpanShape, skipped: Skipped) -> Span | None:
    """The span of a hit; None without a start or an end."""
    source: Document = hit.get("_source") or {}
    return _jaeger(source, skipped) if shape.jaeger else _otel(source, shape, skipped)


def trace_fields(shape: SpanShape) -> tuple[str, ...]:
    """The fields that ``span_of`` needs to tell a span's trace and times."""
    places = (shape.trace_id, shape.start, shape.end, shape.duration)
    named = dict.fromkeys(place.name for place in places if place is not None)
    return (*named, "startTime", "duration") if shape.jaeger else tuple(named)


def _otel(source: Document, shape: SpanShape, skipped: Skipped) -> Span | None:
    start = epoch(value_at(source, shape.start.name))
    end = epoch(value_at(source, shape.end.name)) if shape.end else None
    nanos = value_at(source, shape.duration.name) if shape.duration else None
    if isinstance(nanos, int | float) and not isinstance(nanos, bool):
        duration = max(nanos / 1e9, 0.0)  # exact where times of the day are rounded
    elif start is not None and end is not None:
        duration = max(end - start, 0.0)
    else:
        start = None
    if start is None:
        skipped.add("a span without times")
        return None
    attributes = _attributes(source)
    return Span(
        text_at(source, shape.trace_id.name),
        text_at(source, shape.span_id.name),
        text_at(source, shape.parent_id.name) if shape.parent_id else "",
        text_at(source, shape.entity.name) if shape.entity else "",
        text_at(source, shape.name.name) if shape.name else "",
        _kind(text_at(source, "kind")),
        start,
        duration,
        _is_error(source, shape),
        text_at(source, "status.message") or str(attributes.get("exception.message", "")),
        attributes,
    )


def _kind(text: str) -> str:
    return text.upper().removeprefix("SPAN_KIND_")


def _is_error(source: Document, shape: SpanShape) -> bool:
    code = text_at(source, shape.status.name) if shape.status else ""
    return code == "2" or code.upper().endswith("ERROR")


def _attributes(source: Document) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for name, value in leaves(source):
        if name.startswith(_ATTRIBUTES) and len(found) < _MOST_ATTRIBUTES:
            found[plain_name(name, _ATTRIBUTES)] = value
    return found


def _jaeger(source: Document, skipped: Skipped) -> Span | None:
    begun, took = value_at(source, "startTime"), value_at(source, "duration")
    if not isinstance(begun, int | float) or not isinstance(took, int | float):
        skipped.add("a span without times")
        return None
    attributes = _tags(source)
    trace_id = text_at(source, "traceID")
    return Span(
        trace_id,
        text_at(source, "spanID"),
        _parent(source, trace_id),
        text_at(source, "process.serviceName"),
        text_at(source, "operationName"),
        _kind(str(attributes.get("span.kind", ""))),
        begun / 1e6,
        max(took / 1e6, 0.0),
        str(attributes.get("error", "")).lower() == "true" or attributes.get("otel.status_code") == "ERROR",
        str(attributes.get("otel.status_description", attributes.get("error.message", ""))),
        attributes,
    )


def _parent(source: Document, trace_id: str) -> str:
    references = source.get("references")
    for reference in references if isinstance(references, list) else ():
        if isinstance(reference, Mapping) and reference.get("refType") == "CHILD_OF":
            return str(reference.get("spanID", "")) if reference.get("traceID", trace_id) == trace_id else ""
    return text_at(source, "parentSpanID")


def _tags(source: Document) -> dict[str, Scalar]:
    """Tags as they are stored: a list of keys and values, an object with ``@`` for dots, or both."""
    found = _attributes(source)
    tags = source.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, Mapping) and len(found) < _MOST_ATTRIBUTES:
            value = tag.get("value")
            if isinstance(value, str | int | float):
                found[str(tag.get("key", ""))] = value
    return found

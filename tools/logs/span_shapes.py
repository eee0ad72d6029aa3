"""What the fields of a span index mean: Data Prepper, OpenTelemetry's exporters, Jaeger."""

from dataclasses import dataclass

from tools.logs.mapping import Fields, Place, first_of, time_of

_TRACE = ("traceId", "trace_id", "traceID", "trace.id")
_SPAN = ("spanId", "span_id", "spanID", "span.id")
_PARENT = ("parentSpanId", "parent_span_id", "parentSpanID", "parent.id")
_START = ("startTime", "start_time", "startTimestamp", "@timestamp", "startTimeMillis", "timestamp")
_END = ("endTime", "end_time", "endTimestamp")
_DURATION = ("durationInNanos", "duration")
_NAME = ("name", "operationName", "span.name")
_ENTITY = (
    "serviceName", "process.serviceName", "resource.attributes.service.name", "resource.attributes.service@name",
    "resource.service.name", "service.name",
)  # fmt: skip
_STATUS = ("status.code", "status", "tag.error", "tag.otel@status_code")


@dataclass(frozen=True, slots=True)
class SpanShape:
    """Where a span has what. ``jaeger`` documents have microseconds, references and tags in place of attributes.

    ``nested_tags``: the tags of a Jaeger span are documents of their own, not an object ``tag``.
    """

    trace_id: Place
    span_id: Place
    start: Place
    parent_id: Place | None
    end: Place | None
    duration: Place | None
    name: Place | None
    entity: Place | None
    status: Place | None
    jaeger: bool
    nested_tags: bool


def span_shape(fields: Fields) -> SpanShape | None:
    """The shape of a span index, or None: log lines also have trace and span ids, some a name and a duration."""
    trace, span, name = (first_of(fields, names) for names in (_TRACE, _SPAN, _NAME))
    jaeger = "operationName" in fields and "traceID" in fields
    # Jaeger's startTime is a number of microseconds; its copy in milliseconds is a date.
    start = time_of(fields, ("startTime", "startTimeMillis")) if jaeger else time_of(fields, _START)
    end, duration = first_of(fields, _END), first_of(fields, _DURATION)
    parent = first_of(fields, _PARENT)
    if trace is None or span is None or start is None or name is None or (end is None and duration is None):
        return None
    if parent is None and not jaeger:
        return None
    return SpanShape(
        trace, span, start, parent, end, duration, name, first_of(fields, _ENTITY),
        first_of(fields, _STATUS), jaeger, "tags" in fields and fields["tags"].kind == "nested",
    )  # fmt: skip

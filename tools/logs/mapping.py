"""What the fields of an index mean, told from its mapping: OpenTelemetry, ECS, Kubernetes shippers, plain JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tools.logs.policy import FieldNames

_DATES = ("date", "date_nanos")
_NUMBERS = ("long", "integer", "short", "byte", "double", "float", "half_float", "scaled_float", "unsigned_long")
_UNCOUNTED = ("double", "float", "half_float", "scaled_float", "flat_object")
_EXACT = ("keyword", "constant_keyword", "wildcard", "boolean", "ip", "flat_object", *_NUMBERS)
_TEXTS = ("text", "match_only_text", "annotated_text")
_DEEPEST = 12

# In order of preference: what a standard defines stands before what only some write.
_TIME = ("time", "@timestamp", "timestamp", "observedTimestamp", "observedTime", "observed_timestamp", "ts", "datetime")
_BODY = ("body", "body.text", "message", "log", "msg", "log.message", "event.original")
_SEVERITY = (
    "severityText", "severity.text", "severity_text", "log.level", "level", "severity", "lvl", "log_level", "loglevel",
    "severityNumber", "severity.number", "severity_number",
)  # fmt: skip
_ENTITY = (
    "serviceName", "resource.attributes.service.name", "resource.attributes.service@name", "resource.service.name",
    "service.name", "service_name", "kubernetes.labels.app", "kubernetes.labels.app_kubernetes_io/name",
    "kubernetes.labels.app.kubernetes.io/name", "kubernetes.deployment.name", "kubernetes.pod_name",
    "kubernetes.pod.name", "kubernetes.container_name", "kubernetes.container.name", "service", "app", "application",
    "container.name", "logger",
)  # fmt: skip
_TRACE = ("traceId", "trace_id", "trace.id", "traceID", "traceid")
_SPAN = ("spanId", "span_id", "span.id", "spanID", "spanid")
_ROLES = (_TIME, _BODY, _SEVERITY, _ENTITY, _TRACE, _SPAN)
_PODS = ("kubernetes.pod_name", "kubernetes.pod.name")


@dataclass(frozen=True, slots=True)
class Place:
    """A field. ``exact`` is its name for whole values, "" where only its words are indexed."""

    name: str
    kind: str
    exact: str

    @property
    def is_number(self) -> bool:
        return self.kind in _NUMBERS

    @property
    def is_countable(self) -> bool:
        """Whether the engine compares how often its values come."""
        return bool(self.exact) and self.kind not in _UNCOUNTED

    @property
    def is_date(self) -> bool:
        return self.kind in _DATES

    @property
    def is_text(self) -> bool:
        return self.kind in _TEXTS


Fields = Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class LogShape:
    """Where a log line has what. ``pods`` says that the entity is the workload of a pod's name."""

    time: Place
    body: Place
    entity: Place | None
    severity: Place | None
    trace_id: Place | None
    span_id: Place | None
    pods: bool


def fields_of(mapping: Mapping[str, Any]) -> dict[str, Place]:
    """All fields of an index by their dotted names; an alias is the field that it stands for, as documents have it."""
    found: dict[str, Place] = {}
    aliases: dict[str, str] = {}
    _collect(mapping.get("properties"), "", found, aliases, 0)
    return found | {alias: found[path] for alias, path in aliases.items() if path in found}


def _collect(properties: object, prefix: str, found: dict[str, Place], aliases: dict[str, str], depth: int) -> None:
    if not isinstance(properties, Mapping) or depth > _DEEPEST:
        return
    for name, raw in properties.items():
        if not isinstance(raw, Mapping):
            continue
        full, kind = f"{prefix}{name}", str(raw.get("type", "object"))
        if kind in ("object", "nested"):
            if kind == "nested":
                found[full] = Place(full, kind, "")
            _collect(raw.get("properties"), f"{full}.", found, aliases, depth + 1)
        elif kind == "alias":
            aliases[full] = str(raw.get("path"))
        elif raw.get("index", True) is not False:
            found[full] = Place(full, kind, full if kind in (*_EXACT, *_DATES) else _whole(full, raw))


def _whole(name: str, raw: Mapping[str, Any]) -> str:
    inner = raw.get("fields")
    kinds = inner.items() if isinstance(inner, Mapping) else ()
    return next((f"{name}.{sub}" for sub, of in kinds if isinstance(of, Mapping) and of.get("type") == "keyword"), "")


def first_of(fields: Fields, names: tuple[str, ...]) -> Place | None:
    """The first of the names that is a field."""
    return next((fields[name] for name in names if name in fields), None)


def rivals(fields: Fields) -> tuple[str, ...]:
    """Names of fields of which more than one could have the same role in a log line."""
    found: list[str] = []
    for role in _ROLES:
        there = [name for name in role if name in fields and (role is not _TIME or _tells_time(fields[name]))]
        found += there if len(there) > 1 else []
    return tuple(found)


def without_empty(fields: Fields, asked: Iterable[str], filled: frozenset[str]) -> Fields:
    """The fields without those of ``asked`` that no document has, where another one has their role."""
    taken = {name for role in _ROLES if filled.intersection(role) for name in role}
    empty = {name for name in asked if name in taken and name not in filled}
    return {name: place for name, place in fields.items() if name not in empty}


def _tells_time(place: Place) -> bool:
    return place.is_date or place.is_number


def time_of(fields: Fields, names: tuple[str, ...]) -> Place | None:
    """The first that is a date, else the first that is a number; a time kept as text cannot be asked for."""
    there = [fields[name] for name in names if name in fields]
    return next((p for p in there if p.is_date), None) or next((p for p in there if p.is_number), None)


def log_shape(fields: Fields, given: FieldNames) -> tuple[LogShape | None, str]:
    """The shape of a log index, or None with the roles that no field has. ``given`` names go before detection."""
    time = time_of(fields, (given.time,)) if given.time else time_of(fields, _TIME)
    body = _role(fields, given.body, _BODY)
    missing = [role for role, found in (("time", time), ("body", body)) if found is None]
    if time is None or body is None:
        return None, " and ".join(missing)
    entity = _role(fields, given.entity, _ENTITY)
    return LogShape(
        time, body, entity,
        _role(fields, given.severity, _SEVERITY),
        _role(fields, given.trace_id, _TRACE),
        _role(fields, given.span_id, _SPAN),
        entity is not None and entity.name in _PODS,
    ), ""  # fmt: skip


def _role(fields: Fields, given: str, known: tuple[str, ...]) -> Place | None:
    return first_of(fields, (given,) if given else known)


def looks_like_a_log(fields: Fields, missing: str) -> bool:
    """Whether an index that lacks these roles seems to hold log lines all the same: it has a text or a level."""
    return missing == "time" or (missing == "body" and first_of(fields, _SEVERITY) is not None)

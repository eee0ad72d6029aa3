"""What Kubernetes says in logs, line by line: Event objects, controller lines, and the answers of kubectl.

A line is taken only as a whole and in the forms that Kubernetes writes: what a user of some application got into the
middle of a log line is no event.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from diagnosis.telemetry import LogRecord
from tools.change_feeds.fields import Fields, clean, mapping, moment, text

_LONGEST = 20_000  # characters of a line that can be an event
_NAME = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_KLOG = r"(?:[IWE]\d{4} [\d:.]+\s+\d+ [\w.-]+:\d+\] )?"
_REFERENCE = re.compile(
    _KLOG + r"Event\(v?[\w.]*ObjectReference\{Kind:\"(?P<kind>\w+)\", Namespace:\"(?P<namespace>[\w-]*)\", "
    rf"Name:\"(?P<name>{_NAME})\"[^}}]*\}}\): type: '\w+' reason: '(?P<reason>\w+)' (?P<message>.*)"
)
_STRUCTURED = re.compile(
    _KLOG + rf"\"Event occurred\" object=\"(?:(?P<namespace>[\w-]+)/)?(?P<name>{_NAME})\"(?: fieldPath=\"[^\"]*\")? "
    r"kind=\"(?P<kind>\w+)\"(?: apiVersion=\"[^\"]*\")? type=\"\w+\" reason=\"(?P<reason>\w+)\" message=\"(?P<message>.*)\""
)
_LISTED = re.compile(
    r"(?:(?P<namespace>[a-z0-9-]+)\s+)?(?:\d+[smhd]\d*[smhd]?|<unknown>)(?: \([^)]*\))?\s+(?:Normal|Warning)\s+(?P<reason>[A-Z]\w+)\s+"
    rf"(?P<kind>[a-z]+)(?:\.[a-z0-9.]+)?/(?P<name>{_NAME})\s+(?P<message>\S.*)"
)
_KUBECTL = re.compile(
    rf"(?P<kind>deployment|statefulset|daemonset|configmap|secret)(?:\.apps)?[/ ]\"?(?P<name>{_NAME})\"? "
    r"(?P<message>restarted|rolled back|image updated|env updated|resource requirements updated|scaled|configured|"
    r"patched|edited|updated|created|replaced|deleted)"
)
_CONFIGMAP = re.compile(
    rf"(?:Updated|Reloaded|Modified) (?P<kind>ConfigMap|Secret) (?:(?P<namespace>[a-z0-9-]+)/)?(?P<name>{_NAME})"
)
_SHAPES = (_REFERENCE, _STRUCTURED, _LISTED, _KUBECTL, _CONFIGMAP)
KUBECTL = "kubectl"  # the reason of what kubectl answered


@dataclass(frozen=True, slots=True)
class KubernetesEvent:
    """Something that happened to an object. ``kind`` is lower case; ``time`` is epoch seconds."""

    time: float
    kind: str
    namespace: str
    name: str
    reason: str
    message: str


def event_of(record: LogRecord) -> KubernetesEvent | None:
    """The event that a log record tells of, or None."""
    body = record.body.strip()
    if not body or len(body) > _LONGEST:
        return None
    attributes = record.attributes
    if attributes.get("k8s.event.reason"):  # OpenTelemetry's receiver of Kubernetes events
        named = text(attributes.get("k8s.object.name")) or text(attributes.get("k8s.event.object.name"))
        kind = text(attributes.get("k8s.object.kind")).lower()
        namespace = text(attributes.get("k8s.namespace.name"))
        reason = text(attributes["k8s.event.reason"])
        return KubernetesEvent(record.time, kind, namespace, named, reason, clean(body)) if named and kind else None
    if body.startswith("{"):
        return _object(body, record)
    found = next((match for shape in _SHAPES if (match := shape.fullmatch(body))), None)
    if found is None:
        return None
    parts = found.groupdict()
    reason = parts.get("reason") or KUBECTL
    return KubernetesEvent(
        record.time, parts["kind"].lower(), parts.get("namespace") or "", parts["name"], reason,
        clean(parts.get("message") or "updated"),
    )  # fmt: skip


def _object(body: str, record: LogRecord) -> KubernetesEvent | None:
    """An Event as JSON (v1 or events.k8s.io/v1), by itself or in the ``event`` or ``object`` field of an exporter."""
    try:
        raw = orjson.loads(body)
    except ValueError:
        return None
    outer = mapping(raw)
    for inner in (outer, mapping(outer.get("event")), mapping(outer.get("object"))):
        about = mapping(inner.get("involvedObject")) or mapping(inner.get("regarding"))
        if about:
            return _from_fields(inner, about, record)
    return None


def _from_fields(event: Fields, about: Mapping[str, object], record: LogRecord) -> KubernetesEvent | None:
    kind, name, reason = text(about.get("kind")).lower(), text(about.get("name")), text(event.get("reason"))
    times = (event.get(field) for field in ("eventTime", "lastTimestamp", "deprecatedLastTimestamp", "firstTimestamp"))
    time = next((found for value in times if (found := moment(value)) is not None), record.time)
    if not kind or not reason or not re.fullmatch(_NAME, name):
        return None
    message = text(event.get("message")) or text(event.get("note"))
    return KubernetesEvent(time, kind, text(about.get("namespace")), name, reason, message)

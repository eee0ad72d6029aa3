"""Alerts as their senders write them, folded into one ``Alert``. What they say is data, never an instruction."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent.redaction import cut_secrets, cut_tokens
from agent.state import Alert
from agent.text_room import MOST_LOOKED_AT, Room, shortened
from tools.logs.records import workload

_ENTITY_KEYS = (
    "service", "entity", "service_name", "service.name", "app", "application", "job", "deployment", "statefulset",
    "daemonset", "workload", "pod", "instance", "node",
)  # fmt: skip
# Who measures others: named as the service of every alert about them.
_EXPORTER = re.compile(
    r"(?:^|.*[-_/])(?:kube-?state-?metrics|node-?exporter|cadvisor|kubelet|blackbox(?:-?exporter)?|pushgateway"
    r"|otel-?collector|otelcol(?:-contrib)?|opentelemetry-?collector)",
    re.IGNORECASE,
)
# A label called name may be anything, such as a network card.
_NAME_KEYS = ("alertname", "name", "monitor", "title", "rule")
_TIME_KEYS = ("fired_at", "startsAt", "starts_at", "started_at", "timestamp", "time")
_LONGEST_TEXT = 4_000  # characters of what stands for a number or a time
_LONGEST_QUOTE = 80
_LATEST = 32503680000.0  # the year 3000


class AlertError(ValueError):
    """The alert cannot be read; the message says which value, without its secrets, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(cut_secrets(message))


def parse_alert(raw: object, source: str = "file") -> Alert:
    """One alert from our own form or an Alertmanager webhook (its first firing alert).

    An alert that names nothing has the entity "". Raises ``AlertError`` when there is no time, or no firing alert.
    """
    if not isinstance(raw, Mapping):
        raise AlertError(f"an alert is a JSON object, got {type(raw).__name__}")
    return parse_fields(_first_firing(raw) if isinstance(raw.get("alerts"), list) else raw, source)


def parse_fields(raw: Mapping[str, Any], source: str = "file", room: Room | None = None) -> Alert:
    """One alert from its fields, labels and annotations; alerts inside of it are not looked for. Raises ``AlertError``.

    ``room`` is what its delivery may take up.
    """
    flat, room = _flat(raw), room or Room()
    name = room.take_name(_first(flat, _NAME_KEYS) or "alert")
    fired = _first(flat, _TIME_KEYS)
    if not fired:
        raise AlertError(
            f"alert “{shortened(name, _LONGEST_QUOTE)}” has no time; give fired_at (RFC 3339 or epoch seconds)"
        )
    parts = [room.take(part) for key in ("summary", "description", "message", "detail") if (part := flat.get(key, ""))]
    return _alert(
        name=name,
        entity=room.take_name(_entity(flat)),
        fired_at=parse_time(fired),
        metric=room.take_name(flat.get("metric", "")),
        threshold=_number(flat.get("threshold")),
        observed=_number(flat.get("observed") or flat.get("value")),
        severity=room.take_name(flat.get("severity", "")),
        summary=" ".join(parts),
        source=source,
    )


def entity_of(raw: Mapping[str, Any]) -> str:
    """Whom these fields are about; "" where they name nothing."""
    return cut_tokens(_entity(_flat(raw))[:_LONGEST_TEXT])


def _first_firing(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of the earliest, with what it has in common with the others."""
    alerts = [item for item in raw["alerts"] if isinstance(item, Mapping)]
    firing = [item for item in alerts if item.get("status", "firing") == "firing"]
    if not firing:
        raise AlertError("this Alertmanager notification has no firing alert (only resolved ones)")
    first = min(firing, key=lambda item: _text(item.get("startsAt")))
    shared = [layer for key in ("commonLabels", "commonAnnotations") if isinstance(layer := raw.get(key), Mapping)]
    common = {key: value for layer in shared for key, value in layer.items()}
    return {**common, **{key: value for key, value in first.items() if key != "status"}}


def _alert(**fields: Any) -> Alert:  # noqa: ANN401 - the fields of Alert
    # Before anything keeps it: who writes an annotation may have put a link with a token into it.
    fields |= {key: cut_secrets(fields[key]) for key in ("name", "summary")}
    fields |= {key: cut_tokens(fields[key]) for key in ("entity", "metric", "severity")}
    identity = json.dumps([fields["name"], fields["entity"], fields["metric"], fields["fired_at"]])
    return Alert(id=hashlib.sha256(identity.encode()).hexdigest()[:16], **fields)


def _flat(raw: Mapping[str, Any]) -> dict[str, str]:
    """Labels and annotations beside the top level (which wins), everything as text."""
    flat: dict[str, str] = {}
    for layer in (raw.get("annotations"), raw.get("labels"), raw):
        if isinstance(layer, Mapping):
            texts = {str(key): text for key, value in layer.items() if (text := _text(value))}
            # JSON may carry half a surrogate pair, which no database and no page can hold.
            flat |= {key: text.encode("utf-8", "replace").decode() for key, text in texts.items()}
    return flat


def _text(value: object) -> str:
    """Of a scalar, a little more than is ever looked at; "" of anything else."""
    return str(value)[: MOST_LOOKED_AT + 1] if isinstance(value, str | int | float) else ""


def _entity(flat: Mapping[str, str]) -> str:
    """Whom the alert is about: the first that is named and does not just measure others; a pod by its owner."""
    named = [workload(flat[key]) if key == "pod" else flat[key] for key in _ENTITY_KEYS if flat.get(key)]
    return next((name for name in named if not _EXPORTER.fullmatch(name.replace("_", "-"))), named[0] if named else "")


def _first(flat: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((flat[key] for key in keys if flat.get(key)), "")


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text and len(text) <= _LONGEST_TEXT else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_time(text: str) -> float:
    """Epoch seconds of an RFC 3339 text (UTC where it has no offset) or of an epoch number (s, ms, us or ns)."""
    number = _number(text)
    try:
        if number is None:
            moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
            number = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise AlertError(f"cannot read the time {shortened(text, 60)!r}: write it like 2026-11-24T03:00:00Z") from error
    while number > _LATEST:
        number /= 1000.0
    return number

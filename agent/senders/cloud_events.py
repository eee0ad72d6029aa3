"""CloudEvents 1.0 that tell of alerts: structured, in a batch, or in binary mode.

Their data is Alertmanager's or Grafana's form, a CDEvents incident, or fields by the names of our own alerts, labels and
annotations among them.
"""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote

import orjson

from agent.alerts import AlertError, entity_of
from agent.notification import Ending, Firing, Told, clean, read_notification
from agent.senders.flat import ending, ends, firing, moment, together
from agent.senders.settings import SenderName
from agent.text_room import Room

_CLOUDEVENTS = SenderName.CLOUDEVENTS
_MOST_EVENTS = 1_000
_IDENTITIES = (
    "fingerprint",
    "dedup_key",
    "dedupKey",
    "alert_id",
    "alertId",
    "incident_id",
    "incidentId",
    "incident_key",
)
_STARTS = ("fired_at", "startsAt", "starts_at", "started_at", "startedAt")
_ENDS = ("ended_at", "endsAt", "ends_at", "resolved_at", "resolvedAt")
_TIMES = ("timestamp", "time")
_STATES = ("status", "state", "alertState", "new_state")


def read_cloud_events(body: object, headers: Mapping[str, str], now: float) -> Told:
    """``body`` is decoded JSON, ``headers`` have their names in lower case. Raises ``AlertError``."""
    room = Room()
    if "ce-specversion" in headers or "ce-type" in headers:
        binary = {
            name[3:]: unquote(value, errors="replace") for name, value in headers.items() if name.startswith("ce-")
        }
        return _read(binary, body, now, room)
    if not isinstance(body, list):
        return _one(body, now, room)
    if not body:
        raise AlertError("this batch has no events")
    told: list[Firing | Ending] = []
    errors: list[AlertError] = []
    unread: list[str] = []
    left_out = max(len(body) - _MOST_EVENTS, 0)
    for item in body[:_MOST_EVENTS]:
        try:
            read = _one(item, now, room)
        except AlertError as error:
            errors.append(error)
            continue
        told += (*read.firings, *read.endings)
        left_out += read.left_out
        unread += read.unread
    return together(told, errors, left_out, unread)


def _one(raw: object, now: float, room: Room) -> Told:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("type"), str):
        raise AlertError(
            "a CloudEvent is a JSON object with specversion, type, source and id; or send them as ce- headers"
        )
    data = raw.get("data")
    try:
        if isinstance(raw.get("data_base64"), str):
            data = orjson.loads(base64.b64decode(raw["data_base64"].encode("utf-8", "replace"), validate=True))
        elif isinstance(data, str):
            data = orjson.loads(data.encode("utf-8", "replace"))
    except (binascii.Error, ValueError):
        raise AlertError("the data of this CloudEvent is no JSON") from None
    envelope = {key: raw[key] for key in ("type", "source", "subject", "time") if isinstance(raw.get(key), str)}
    return _read(envelope, data, now, room)


def _read(envelope: Mapping[str, str], data: object, now: float, room: Room) -> Told:
    for held in (data, _content(data)):
        if isinstance(held, Mapping) and isinstance(held.get("alerts"), list):
            return read_notification(held, _CLOUDEVENTS.value, room)
    if data is not None and not isinstance(data, Mapping):
        raise AlertError(f"the data of an alert is a JSON object, got {type(data).__name__}")
    fields = _fields(envelope, data or {})
    flat = {**_layer(fields.get("annotations")), **_layer(fields.get("labels")), **fields}
    identity = (
        _first(flat, _IDENTITIES)
        or orjson.dumps(
            [clean(str(part)) for part in (envelope.get("source", ""), flat.get("name", ""), entity_of(fields))]
        ).decode()
    )
    # By its names in labels and annotations as well, which the fields hold below.
    started = _moment(flat, _STARTS)
    at = _known(_moment(flat, _TIMES), moment(envelope.get("time"), "time"))
    if ends(_first(flat, _STATES)) or ends(_last_word(envelope.get("type", ""))):
        return together([ending(_CLOUDEVENTS, identity, started, _known(_moment(flat, _ENDS), at))], [])
    begun = _known(started, _known(at, now))
    told = {**fields, **_strings(flat)}
    return together([firing(_CLOUDEVENTS, told, identity, begun or 0.0, room, continues=started is None)], [])


def _fields(envelope: Mapping[str, str], data: Mapping[str, object]) -> dict[str, object]:
    """The fields of an alert; of a CDEvent, those of its subject. Named after the event and its subject, if need be."""
    fields = dict(data)
    if (subject := _subject(data)) is not None:
        fields = {**_layer(subject.get("content")), "incident_id": subject.get("id", "")}
    for name in ("service", "environment"):  # CDEvents refer to them as {"id": …}
        if isinstance(fields.get(name), Mapping):
            fields[name] = _tail(str(_layer(fields[name]).get("id", "")))
    flat = {**_layer(fields.get("annotations")), **_layer(fields.get("labels")), **fields}
    if not _first(flat, ("alertname", "name", "monitor", "title", "rule")):
        fields["name"] = envelope.get("type", "") or "alert"
    if not entity_of(fields):
        fields["service"] = _tail(envelope.get("subject", ""))
    return fields


def _subject(data: object) -> Mapping[str, object] | None:
    """Of a CDEvent, whose data has a context beside its subject."""
    subject = data.get("subject") if isinstance(data, Mapping) and isinstance(data.get("context"), Mapping) else None
    return subject if isinstance(subject, Mapping) else None


def _content(data: object) -> object:
    return (_subject(data) or {}).get("content")


def _tail(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _layer(value: object) -> dict[str, object]:
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def _strings(flat: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in flat.items() if isinstance(value, str | int | float)}


def _first(flat: Mapping[str, object], keys: tuple[str, ...]) -> str:
    return next((clean(str(flat[key])) for key in keys if isinstance(flat.get(key), str | int) and flat[key] != ""), "")


def _moment(flat: Mapping[str, object], keys: tuple[str, ...]) -> float | None:
    return next((found for key in keys if (found := moment(flat.get(key), key)) is not None), None)


def _known(time: float | None, otherwise: float | None) -> float | None:
    return otherwise if time is None else time


def _last_word(type: str) -> str:
    """``dev.cdevents.incident.resolved.0.3.0`` says resolved."""
    words = [word for word in type.split(".") if word and not word[0].isdigit()]
    return words[-1] if words else ""

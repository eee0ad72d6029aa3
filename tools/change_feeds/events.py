"""What is posted to ``/changes``: CloudEvents, CDEvents, flag webhooks, or our own form, folded into ``Change``.

CloudEvents 1.0 come structured, in a batch or in binary mode. What they carry is told by its shape: CDEvents by their
context and subject, flag webhooks by their fields, everything else by the field names of a recording's changes.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

import orjson

from diagnosis.telemetry import Change, ChangeKind
from tools.change_feeds import cdevents, flag_events
from tools.change_feeds.event_errors import ChangeEventError, NotAChangeError
from tools.change_feeds.fields import (
    Fields,
    clipped_diff,
    file_names,
    first,
    first_value,
    mapping,
    moment,
    scoped,
    sha,
    text,
)

MOST_EVENTS = 1_000  # of one batch
_BATCH = "application/cloudevents-batch+json"
_STRUCTURED = "application/cloudevents+json"
_USABLE_ID = re.compile(r"[\w.:/@+-]{8,200}")
_TIMES = ("time", "timestamp", "deployed_at", "deployedAt", "created_at", "createdAt", "date")
_KIND_WORDS: Mapping[str, ChangeKind] = {
    **dict.fromkeys(("flag", "featureflag", "feature", "toggle"), ChangeKind.FLAG),
    **dict.fromkeys(("config", "configuration", "configmap", "setting", "settings", "environment"), ChangeKind.CONFIG),
    **dict.fromkeys(("commit", "push", "pushed", "merge", "merged"), ChangeKind.COMMIT),
    **dict.fromkeys(
        ("deploy", "deployed", "deployment", "release", "released", "rollout", "rollback", "rolledback", "upgraded"),
        ChangeKind.DEPLOY,
    ),
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of a CloudEvent that a change can use; ``time`` is epoch seconds or None."""

    type: str = ""
    source: str = ""
    id: str = ""
    subject: str = ""
    time: float | None = None

    @classmethod
    def of(cls, raw: Fields) -> "Envelope":
        type, source, id, subject = (text(raw.get(name)) for name in ("type", "source", "id", "subject"))
        return cls(type, source, id, subject, moment(raw.get("time")))


def parse_change_event(body: object, headers: Mapping[str, str]) -> list[Change]:
    """The changes that a request tells of, at least one.

    ``body`` is decoded JSON, ``headers`` are those of the request (any case). Of a batch the events that are no
    changes are left out. Raises ``ChangeEventError`` with the value and the remedy.
    """
    lowered = {str(name).lower(): str(value) for name, value in headers.items()}
    content_type = lowered.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == _BATCH or isinstance(body, list):
        return _batch(body)
    if isinstance(body, Mapping) and ("ce-type" in lowered or "ce-specversion" in lowered):
        raw = {name[3:]: unquote(value, errors="replace") for name, value in lowered.items() if name.startswith("ce-")}
        return _read(Envelope.of(raw), body)
    return _one(body, structured=content_type == _STRUCTURED)


def _batch(body: object) -> list[Change]:
    if not isinstance(body, list) or not body:
        raise ChangeEventError("a batch is a JSON list with at least one event")
    if len(body) > MOST_EVENTS:
        raise ChangeEventError(f"a batch of {len(body):,} events is too large: send at most {MOST_EVENTS:,} at once")
    changes: list[Change] = []
    refused: NotAChangeError | None = None
    for place, item in enumerate(body, 1):
        try:
            changes += _one(item, structured=False)
        except NotAChangeError as error:
            refused = refused or error
        except ChangeEventError as error:
            raise ChangeEventError(f"event {place} of {len(body)}: {error} (nothing of the batch was taken)") from error
    if not changes and refused is not None:
        raise refused
    return changes


def _one(raw: object, structured: bool) -> list[Change]:
    if not isinstance(raw, Mapping):
        raise ChangeEventError(f"a change is a JSON object or a list of them, got {type(raw).__name__}")
    if structured or "specversion" in raw:
        return _read(Envelope.of(raw), _data(raw))
    return _read(Envelope(), raw)


def _data(raw: Fields) -> Fields:
    """The data of a structured CloudEvent: an object, JSON in a text, or JSON in base64; none at all is fine."""
    data = raw.get("data")
    try:
        if isinstance(raw.get("data_base64"), str):
            data = orjson.loads(base64.b64decode(raw["data_base64"], validate=True))
        elif isinstance(data, str):
            data = orjson.loads(data)
    except (binascii.Error, ValueError) as error:
        raise ChangeEventError(f"the data of event {first(raw, 'id')[:80]!r} is no JSON ({error})") from error
    if data is not None and not isinstance(data, Mapping):
        raise ChangeEventError(f"the data of a change event is a JSON object, got {type(data).__name__}")
    return mapping(data)


def _read(envelope: Envelope, data: Fields) -> list[Change]:
    if cdevents.is_cdevent(data):
        return [cdevents.change_of(data)]
    if flag_events.is_flag_event(data, _kind_of_words(envelope.type)):
        return flag_events.changes_of(data, envelope.time)
    return [_generic(envelope, data)]


def _generic(envelope: Envelope, data: Fields) -> Change:
    kind = _kind(envelope, data)
    time = next((found for name in _TIMES if (found := moment(data.get(name))) is not None), envelope.time)
    if time is None:
        given = next((text(data[name])[:60] for name in _TIMES if name in data), "nothing")
        raise ChangeEventError(f"a {kind.value} without a time (got {given!r}): give time (RFC 3339 or epoch seconds)")
    tail = envelope.subject.rstrip("/").rpartition("/")[2]
    entity = first(
        data, "service", "service.name", "service_name", "entity", "component", "application", "app", "workload"
    )
    flag = first(data, "flag", "flag_key", "flagKey", "feature")
    commit = first(data, "commit", "sha", "revision", "commit_sha", "git_sha")
    if kind in (ChangeKind.DEPLOY, ChangeKind.CONFIG):
        entity = entity or tail
    if kind is ChangeKind.FLAG:
        flag = flag or tail
    if kind is ChangeKind.COMMIT:
        commit = commit or sha(first(data, "id"))
    said = first(data, "title", "summary", "message", "description")
    key = first(data, "key", "setting") if kind is ChangeKind.CONFIG else ""
    if key and not said:
        said = f"{key} changed"
    change = Change(
        kind, "", time, entity, said,
        first(data, "author", "actor", "user", "deployed_by", "created_by", "changed_by", "who"),
        file_names(data.get("files")), clipped_diff(data.get("diff")), "" if kind is ChangeKind.COMMIT else commit,
        first(data, "version", "tag", "image"), first_value(data, "from", "before", "old", "previous"),
        first_value(data, "to", "after", "new", "value"), key,
    )  # fmt: skip
    return _identified(change, envelope, first(data, "id"), flag if kind is ChangeKind.FLAG else commit)


def _identified(change: Change, envelope: Envelope, own_id: str, natural: str) -> Change:
    """With an id that stays the same when the event is sent again, and that no other sender's event has.

    A commit's is its SHA and a flag's its key, by which diffs and deploys refer to them.
    """
    if natural and change.kind in (ChangeKind.COMMIT, ChangeKind.FLAG):
        return replace(change, id=natural)
    if own_id:
        return replace(change, id=scoped(own_id, envelope.source or change.entity))
    if _USABLE_ID.fullmatch(envelope.id) and _USABLE_ID.fullmatch(known := scoped(envelope.id, envelope.source)):
        return replace(change, id=known)
    told = (change.kind, change.entity, change.title, str(change.time), change.version, change.after)
    parts = (envelope.source, envelope.id) if envelope.id else told
    return replace(change, id="event-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16])


def _kind(envelope: Envelope, data: Fields) -> ChangeKind:
    """What is said, else what the type's words say (the last that says anything), else what the fields tell."""
    for said in (first(data, "kind"), envelope.type, first(data, "type")):
        if (known := _kind_of_words(said)) is not None:
            return known
    if first(data, "flag", "flag_key", "flagKey"):
        return ChangeKind.FLAG
    if first(data, "version", "image", "commit", "sha") and first(data, "service", "entity", "app", "application"):
        return ChangeKind.DEPLOY
    said = first(data, "kind") or envelope.type or "nothing"
    raise ChangeEventError(
        f"cannot tell what kind of change {said[:80]!r} is: give kind, one of {', '.join(ChangeKind)}"
    )


def _kind_of_words(said: str) -> ChangeKind | None:
    words = re.split(r"[^a-z]+", said.lower())
    return next((_KIND_WORDS[word] for word in reversed(words) if word in _KIND_WORDS), None)


__all__ = ["MOST_EVENTS", "ChangeEventError", "Envelope", "NotAChangeError", "parse_change_event"]

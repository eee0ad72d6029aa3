"""Any JSON, read as the settings map it: each field by a JSONPath."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

import orjson
from jsonpath import JSONPathError, compile
from jsonpath.path import JSONPath

from agent.alerts import AlertError
from agent.notification import Ending, Firing, Told, clean
from agent.senders.flat import ending, firing, moment, together
from agent.senders.settings import Mapped, SenderName
from agent.text_room import MOST_LOOKED_AT, Room

_GENERIC = SenderName.GENERIC
_MOST_ALERTS = 1_000
_FIELDS = ("service", "severity", "summary", "metric", "threshold", "observed", "cluster", "namespace")


def read_generic(raw: object, mapping: Mapped | None, now: float) -> Told:
    """``now`` stands for a start that is not told. Raises ``AlertError``, where there is no mapping too."""
    if mapping is None:
        raise AlertError(
            "nothing says how to read this: set senders.generic.mapping in the settings, JSONPath by field, at least name"
        )
    told: list[Firing | Ending] = []
    errors: list[AlertError] = []
    room = Room()
    found = list(islice(_found(mapping.alerts, raw), _MOST_ALERTS + 1))
    if not found:
        raise AlertError(f"no alert is at {mapping.alerts} (senders.generic.mapping.alerts)")
    for item in found[:_MOST_ALERTS]:
        try:
            told.append(_one(item, mapping, now, room))
        except AlertError as error:
            errors.append(error)
    return together(told, errors, len(found[_MOST_ALERTS:]))


def _one(item: object, mapping: Mapped, now: float, room: Room) -> Firing | Ending:
    name = _text(mapping.name, item)
    if not name:
        raise AlertError(f"an alert has no name at {mapping.name} (senders.generic.mapping.name)")
    fields = {field: text for field in _FIELDS if (path := getattr(mapping, field)) and (text := _text(path, item))}
    said = _text(mapping.fingerprint, item) if mapping.fingerprint else ""
    parts = [name, *(fields.get(field, "") for field in ("service", "cluster", "namespace"))]
    identity = said or orjson.dumps(parts).decode()
    started = moment(_text(mapping.started_at, item), "started_at") if mapping.started_at else None
    status = _text(mapping.status, item).strip().lower() if mapping.status else ""
    if status and status in {word.lower() for word in mapping.resolved}:
        ended = moment(_text(mapping.ended_at, item), "ended_at") if mapping.ended_at else None
        return ending(_GENERIC, identity, started, ended)
    begun = now if started is None else started
    return firing(_GENERIC, {"name": name, **fields}, identity, begun, room, continues=started is None)


def _text(path: str, item: object) -> str:
    """The first scalar at the path, as text; cut in the middle of a word only behind what is ever looked at."""
    for value in islice(_found(path, item), 100):
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            return clean(str(value)[: MOST_LOOKED_AT + 1])
    return ""


def _found(path: str, item: object) -> Iterator[object]:
    if not isinstance(item, dict | list):
        return
    try:
        for match in _compiled(path).finditer(item):
            yield match.value
    except (JSONPathError, RecursionError) as error:
        raise AlertError(f"the path {path} cannot be followed in this delivery ({type(error).__name__})") from None


@lru_cache(maxsize=64)
def _compiled(path: str) -> JSONPath:
    found = compile(path, strict=True)
    assert isinstance(found, JSONPath)  # noqa: S101 - strict mode has no others
    return found

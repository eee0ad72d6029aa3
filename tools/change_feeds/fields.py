"""Fields of what other systems send: any type may stand anywhere, so each reader says what it makes of the rest.

Text is bounded and free of what no database and no page can hold (half surrogate pairs, NUL).
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tools.recording_files import epoch

MOST_TEXT = 4_000  # characters of a field
MOST_DIFF = 200_000  # bytes
MOST_FILES = 1_000
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|(?=\d*[a-f])[0-9a-f]{7,12}", re.IGNORECASE)  # a short number is a build
_COUNTED = re.compile(r"v?\d+([._-]\d+)*", re.I)

Fields = Mapping[str, Any]


def text(value: object, most: int = MOST_TEXT) -> str:
    """A scalar as text; "" for nothing, for a list and for an object."""
    if value is None or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return clean(str(value), most).strip()
    except ValueError:  # an integer of more digits than Python prints
        return ""


def clean(words: str, most: int = MOST_TEXT) -> str:
    """At most ``most`` characters, with a question mark for each half surrogate pair."""
    return words[:most].encode("utf-8", "replace").decode().replace("\0", "�")


def shown(value: object) -> str:
    """Any JSON value as text: the value of a flag may be an object."""
    if not isinstance(value, Mapping | list):
        return text(value)
    try:
        return clean(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))
    except (TypeError, ValueError, RecursionError):
        return "(a value that cannot be shown)"


def mapping(value: object) -> Fields:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def first(raw: Fields, *names: str) -> str:
    """The first of the named fields that says something; of an object its name, id or key."""
    for name in names:
        value = raw.get(name)
        if isinstance(value, Mapping):
            value = next((value[key] for key in ("name", "id", "key", "email", "username") if value.get(key)), None)
        if said := text(value):
            return said
    return ""


def first_value(raw: Fields, *names: str) -> str:
    """The first of the named fields that is there, whatever its type, as text."""
    return next((shown(raw[name]) for name in names if raw.get(name) is not None), "")


def moment(value: object) -> float | None:
    """Epoch seconds of a number or an RFC 3339 text; None for what is no time after 1970."""
    if isinstance(value, str) and len(value) > 64:
        return None
    try:
        seconds = epoch(value) if isinstance(value, str | int | float) else None
    except OverflowError:
        return None
    return seconds if seconds is not None and seconds > 0 else None


def sha(value: str) -> str:
    """``value`` in lower case where it looks like a commit id, else ""."""
    return value.lower() if _SHA.fullmatch(value) else ""


def scoped(id: str, source: str) -> str:
    """A bare number or version (``17``, ``v1.2.3``) with its source before it, since every sender counts for itself."""
    return f"{source.rstrip('/')}/{id}" if source and _COUNTED.fullmatch(id) else id


def file_names(value: object) -> tuple[str, ...]:
    """Paths of a list of texts, or of objects with a name."""
    items = sequence(value)[:MOST_FILES]
    names = (first(item, "filename", "path", "name") if isinstance(item, Mapping) else text(item) for item in items)
    return tuple(name for name in names if name)


def clipped_diff(value: object) -> str | None:
    """A diff of at most ``MOST_DIFF`` bytes, cut at a line; None where there is none.

    The cut is marked as unified diffs mark a remark, with a backslash, so that no line reads as code that was removed.
    """
    if not isinstance(value, str):
        return None
    whole = value.encode("utf-8", "replace").replace(b"\0", "�".encode())
    if len(whole) <= MOST_DIFF:
        return whole.decode()
    kept = whole[: MOST_DIFF - 100].rpartition(b"\n")[0]
    return f"{kept.decode('utf-8', 'ignore')}\n\\ cut here: {len(whole) - len(kept):,} more bytes\n"

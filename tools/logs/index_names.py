"""What indices are called in a request: a data stream or an alias for what stands behind it, and paths that fit."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from tools.logs.client import indices_path
from tools.logs.mapping import Fields, Place

_LONGEST_PATH = 3_000  # characters: an HTTP request line holds 4,096
_BACKING = re.compile(r"^\.ds-(.+)-\d{6}$")
_SERIAL = re.compile(r"(?:[-_.]?\d+)+$")


def stream_of(index: str) -> str:
    """The data stream of a backing index; any other index is called by its own name."""
    return _BACKING.sub(r"\1", index)


def is_named(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns names it."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def merged(fields: Mapping[str, Fields], names: Mapping[str, Iterable[str]]) -> dict[str, Fields]:
    """The fields of all indices that are searched under one name; ``names`` gives those of each index.

    Where indices of one name differ in a field, the last by name, which is the newest, has it.
    """
    found: dict[str, dict[str, Place]] = {}
    for index in sorted(fields):
        for name in names.get(index, ()):
            found.setdefault(name, {}).update(fields[index])
    return dict(found)


def paths(members: Iterable[str], others: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The names in as few parts as fit into a request each.

    Where they do not fit into one, wildcards that match no other index stand for their serials.
    """
    names = tuple(members)
    part: list[str] = []
    for name in names if len(indices_path(names)) <= _LONGEST_PATH else _wild(names, tuple(others)):
        if part and len(indices_path((*part, name))) > _LONGEST_PATH:
            yield tuple(part)
            part = []
        part.append(name)
    if part:
        yield tuple(part)


def _wild(names: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    wild: dict[str, None] = {}
    for name in names:
        pattern = _SERIAL.sub("*", name)
        wild[name if any(fnmatchcase(other, pattern) for other in others) else pattern] = None
    return tuple(wild)

"""Reading what a search answered, whatever the engine left out."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from tools.logs.client import Json, Notes, Rejected

T = TypeVar("T")
R = TypeVar("R")


def answered(groups: Iterable[T], ask: Callable[[T], R], notes: Notes) -> list[R]:
    """What each group answers; one that refuses is noted while others answer. Raises ``Rejected`` where none does."""
    found: list[R] = []
    refused: Rejected | None = None
    for group in groups:
        try:
            found.append(ask(group))
        except Rejected as error:
            refused = refused or error
    if refused is not None and not found:
        raise refused
    if refused is not None:
        notes.add(f"some indices were not read: {refused}")
    return found


def total_of(answer: Json) -> int:
    """How many documents a search found."""
    total = answer["hits"].get("total")
    value = total.get("value") if isinstance(total, dict) else total
    return value if isinstance(value, int) else 0


def aggregation_of(answer: Json, *path: str) -> Json:
    """What an aggregation says, nothing where the engine left it out."""
    inner: object = answer.get("aggregations")
    for name in path:
        inner = inner.get(name) if isinstance(inner, dict) else None
    return inner if isinstance(inner, dict) else {}


def buckets_of(answer: Json, *path: str) -> list[Json]:
    """The buckets of an aggregation that name something."""
    buckets = aggregation_of(answer, *path).get("buckets")
    return [b for b in buckets if isinstance(b, dict) and "key" in b] if isinstance(buckets, list) else []

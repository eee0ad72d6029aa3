"""Query bodies, built as values only: whatever somebody wrote stands in a place where it is not a language."""

import math
from collections.abc import Sequence
from typing import Any

from diagnosis.telemetry import Window
from tools.logs.mapping import LogShape, Place

Query = dict[str, Any]
_LONGEST_NEEDLE = 400  # characters of it are asked for; all of it is compared afterwards
_LONGEST_VALUE = 8_000  # characters: what is longer is in no index of whole values


def between(time: Place, window: Window, units_per_second: float) -> Query:
    """From start (included) to end (excluded); a date is asked for in milliseconds, a number in its own unit."""
    if time.is_date:
        start, end = math.floor(window.start * 1e3), math.ceil(window.end * 1e3)
        return {"range": {time.name: {"gte": start, "lt": end, "format": "epoch_millis"}}}
    return {"range": {time.name: {"gte": window.start * units_per_second, "lt": window.end * units_per_second}}}


def since(time: Place, moment: float) -> Query:
    """From a moment on (included), in milliseconds where the field is a date, in its own unit where it is a number."""
    return {"range": {time.name: {"gte": moment, **({"format": "epoch_millis"} if time.is_date else {})}}}


def until(time: Place, moment: float) -> Query:
    """Up to a moment (included, with all of its millisecond where the field is a date)."""
    if time.is_date:
        return {"range": {time.name: {"lt": moment + 1, "format": "epoch_millis"}}}
    return {"range": {time.name: {"lte": moment}}}


def whole_value(place: Place, values: Sequence[str]) -> Query:
    """Documents whose field is one of the values, letter by letter (word by word where whole values have no index)."""
    if place.exact:
        return {"terms": {place.exact: list(values)}}
    phrases = [{"match_phrase": {place.name: value}} for value in values]
    return {"bool": {"should": phrases, "minimum_should_match": 1}}


def containing(shape: LogShape, needle: str) -> Query | None:
    """Lines that hold the words of ``needle`` in this order; None where words cannot find it.

    The last word may go on, as a needle may end within one. Lines are compared with the needle itself afterwards.
    """
    if not needle or not shape.body.is_text or not any(letter.isalnum() for letter in needle):
        return None
    return {"match_phrase_prefix": {shape.body.name: needle[:_LONGEST_NEEDLE]}}


def storable(values: Sequence[str]) -> tuple[str, ...]:
    """The values that can stand in a document at all: a lone surrogate has no place in UTF-8."""
    return tuple(value for value in values if len(value) <= _LONGEST_VALUE and _has_utf8(value))


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def all_of(*parts: Query | None) -> Query:
    """Documents that fit all parts; no part, no condition. Nothing is scored."""
    return {"bool": {"filter": [part for part in parts if part is not None]}}


def none_of(query: Query, *parts: Query) -> Query:
    """Documents of ``query`` that fit none of the parts."""
    return {"bool": {"filter": [query], "must_not": list(parts)}}


def shuffled(query: Query, seed: int) -> Query:
    """The same documents in an order that is random and the same every time."""
    return {
        "function_score": {"query": query, "random_score": {"seed": seed, "field": "_seq_no"}, "boost_mode": "replace"}
    }

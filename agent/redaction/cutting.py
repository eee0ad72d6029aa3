"""``cut_secrets``: every finder on every view of a text, and each secret replaced by ``[secret:KIND]`` for good."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache

from agent.redaction.drawn_strings import DRAWN_SHAPES, encoded_texts, random_strings
from agent.redaction.fixed_places import PLACE_SHAPES, fixed_places
from agent.redaction.named_values import NAMED_SHAPES, named_values
from agent.redaction.provider_tokens import provider_shape, provider_tokens
from agent.redaction.scanning import Cut, Page, Shape
from agent.redaction.text_views import ESCAPE, LIST, PIECES, WRAP, View, joined, unescaped, wrapped

_ROUNDS = 4  # what is left of a line may give away what is left of a secret
_MARK = re.compile(r"\[secret:[a-z-]+\]")
_DEPTH = 2  # encodings in encodings, escapes in escapes


def cut_secrets(text: str) -> str:
    """The text with each secret replaced by ``[secret:KIND]``; cutting twice changes nothing. Takes any string."""
    for _ in range(_ROUNDS):
        cuts = _merged(_outside_marks(text, _found(text, _DEPTH)))
        if not cuts:
            break
        text = _without(text, cuts)
    return text


def redact_json(value: object) -> object:
    """A JSON value with the secrets of its strings cut, keys included.

    A value is read beside its key, so that ``{"password": "…"}`` is cut too, as it is in a pair and in ``{"name": …, "value": …}``. Raises nothing; what is no JSON is kept.
    """
    match value:
        case str():
            return cut_secrets(value)
        case dict():
            named = value.get("name", value.get("key"))
            return {
                redact_json(key): _beside(named if key == "value" and isinstance(named, str) else key, item)
                for key, item in value.items()
            }
        case [str() as key, str() as item]:
            return [redact_json(key), _beside(key, item)]
        case list() | tuple():
            return [redact_json(item) for item in value]
        case _:
            return value


def _beside(key: object, item: object) -> object:
    if not isinstance(key, str) or not isinstance(item, str):
        return redact_json(item)
    cleaned = cut_secrets(item)
    head = f'{key}: "'
    both = cut_secrets(head + cleaned.replace('"', "'") + '"')
    return (
        both[len(head) : -1]
        if both.startswith(head) and "[secret:" in both[len(head) :] and '"' not in cleaned
        else cleaned
    )


def _found(text: str, depth: int) -> Iterator[Cut]:
    view, page = View(text), Page(text, _shapes())
    yield from _in_view(page, depth)
    for change in (*[unescaped] * _DEPTH, joined):
        changed = change(view, page)
        if changed is not view:
            view, page = changed, Page(changed.text, _shapes())
            for cut in _in_view(page, depth):
                yield Cut(*view.source(cut.start, cut.end), cut.kind)
    one = wrapped(view, page)
    if one is not view:
        for cut in provider_tokens(Page(one.text, (provider_shape(),)), to_the_end=False):
            yield Cut(*one.source(cut.start, cut.end), cut.kind)


@cache
def _shapes() -> tuple[Shape, ...]:
    return (*PLACE_SHAPES, *NAMED_SHAPES, *DRAWN_SHAPES, ESCAPE, PIECES, LIST, WRAP, provider_shape())


def _in_view(page: Page, depth: int) -> Iterator[Cut]:
    yield from fixed_places(page)
    yield from provider_tokens(page)
    yield from named_values(page)
    yield from random_strings(page)
    if depth:
        for start, end, decoded in encoded_texts(page):
            if next(_found(decoded, depth - 1), None):
                yield Cut(start, end, "encoded")


def _outside_marks(text: str, cuts: Iterator[Cut]) -> Iterator[Cut]:
    """Cuts without the parts of our own marks that they would break."""
    marks = [match.span() for match in _MARK.finditer(text)]
    for start, end, kind in cuts:
        begin, finish = start, end
        for opened, closed in _near(marks, start, end):
            begin = closed if opened < begin < closed else begin
            finish = opened if opened < finish < closed else finish
        if begin < finish and any(map(str.isalnum, _MARK.sub("", text[begin:finish]))):
            yield Cut(begin, finish, kind)


def _near(marks: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """The marks at the two ends of a span."""
    places = {bisect_right(marks, (place, place)) - 1 for place in (start, end)}
    return [marks[place] for place in sorted(places) if place >= 0]


def _merged(cuts: Iterator[Cut]) -> list[Cut]:
    """Cuts that overlap are one, of the kind that was found first."""
    merged: list[Cut] = []
    for cut in sorted(cuts, key=lambda cut: cut.start):
        if cut.end <= cut.start:
            continue
        if merged and cut.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Cut(last.start, max(last.end, cut.end), last.kind)
        else:
            merged.append(cut)
    return merged


def _without(text: str, cuts: list[Cut]) -> str:
    parts, done = [], 0
    for cut in cuts:
        parts += [text[done : cut.start], f"[secret:{cut.kind}]"]
        done = cut.end
    return "".join([*parts, text[done:]])

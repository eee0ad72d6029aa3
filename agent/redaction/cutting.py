"""``cut_secrets``: every finder on every view of a text, and each secret replaced by ``[secret:KIND]`` for good.

``cut_tokens`` is the same for a name, where only what is certain is a secret.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache, lru_cache

from agent.redaction.drawn_strings import DRAWN_SHAPES, encoded_texts, random_strings
from agent.redaction.fixed_places import NAME_SHAPES, PLACE_SHAPES, fixed_places
from agent.redaction.named_values import NAMED_SHAPES, named_values
from agent.redaction.provider_tokens import provider_shape, provider_tokens
from agent.redaction.scanning import Cut, Page, Shape
from agent.redaction.text_views import ESCAPE, LIST, PIECES, WRAP, View, joined, unescaped, wrapped

_ROUNDS = 4  # what is left of a line may give away what is left of a secret
_MARK = re.compile(r"\[secret:[a-z-]+\]")
_DEPTH = 2  # encodings in encodings, escapes in escapes
_SHORTEST_NAME = 8  # characters; a shorter one holds no token and no address with a password
_HEX = re.compile(r"[0-9a-f]+")


def cut_secrets(text: str) -> str:
    """The text with each secret replaced by ``[secret:KIND]``; cutting twice changes nothing. Takes any string."""
    return _cleaned(text, lambda left: _found(left, _DEPTH))


def cut_tokens(name: str) -> str:
    """A name without the tokens of known shape and the credentials in addresses that it holds.

    Of an entity, a metric, an id, a path: equal names stay equal, and nothing is cut because it looks drawn or because
    of the words beside it, since commits, versions and pods look so too. Takes any string.
    """
    # The ids of traces and commits, most of all names, need no look and no memory.
    return name if len(name) < _SHORTEST_NAME or _HEX.fullmatch(name) else _without_tokens(name)


@lru_cache(maxsize=20_000)
def _without_tokens(name: str) -> str:
    return _cleaned(name, _found_in_name)


def _found_in_name(name: str) -> Iterator[Cut]:
    page = Page(name, _name_shapes())
    yield from fixed_places(page)
    yield from provider_tokens(page)


@cache
def _name_shapes() -> tuple[Shape, ...]:
    return (*NAME_SHAPES, provider_shape())


def _cleaned(text: str, find: Callable[[str], Iterator[Cut]]) -> str:
    for _ in range(_ROUNDS):
        cuts = _merged(_outside_marks(text, find(text)))
        if not cuts:
            break
        text = _without(text, cuts)
    return text


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

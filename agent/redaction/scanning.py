"""One pass over a text in time linear in its length, whatever it holds: RE2 has no backtracking to blow up."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import re2

_DFA_BYTES = 64 << 20


class Cut(NamedTuple):
    """``text[start:end]`` is a secret of this kind."""

    start: int
    end: int
    kind: str


class Shape(NamedTuple):
    """An RE2 pattern, and a shorter one that matches wherever it does: all hints together are looked for in one pass."""

    pattern: str
    hint: str


class Page:
    """A text, and the same as bytes with ``?`` for what is not ASCII, so that both have the same offsets.

    Where the hint of a shape is absent nobody looks for the shape.
    """

    def __init__(self, text: str, shapes: tuple[Shape, ...]) -> None:
        self.text = text
        self.ascii = text.encode("ascii", "replace")
        self._hinted = {shapes[place] for place in _hints(shapes).Match(self.ascii) or ()}

    def spans(self, shape: Shape, group: int = 0) -> Iterator[tuple[int, int]]:
        """Where a shape, one of those of the page, matches: from left to right, without overlap."""
        if shape in self._hinted:
            for match in _compiled(shape.pattern).finditer(self.ascii):
                yield match.span(group)


@cache
def _hints(shapes: tuple[Shape, ...]) -> Any:  # noqa: ANN401 - the library has no types
    found = re2.Set.SearchSet(_options())
    for shape in shapes:
        found.Add(shape.hint.encode("ascii"))
    found.Compile()
    return found


@cache
def _compiled(pattern: str) -> Any:  # noqa: ANN401
    return re2.compile(pattern.encode("ascii"), _options())


def _options() -> Any:  # noqa: ANN401
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _DFA_BYTES
    return options

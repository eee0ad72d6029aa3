"""A text as its reader would see it: escapes decoded, strings in pieces joined; each span leads back to the source."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.redaction.scanning import Page, Shape

ESCAPE = Shape(
    r"\\+(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrt\"'/\\])|%[0-9A-Fa-f]{2}"
    r"|&(?:amp|quot|apos|lt|gt|#[0-9]{1,6}|#x[0-9a-fA-F]{1,5});",
    r"\\[uxnrt\"'/\\]|%[0-9A-Fa-f]{2}|&[a-z#]",
)
_ENTITIES = {"amp": "&", "quot": '"', "apos": "'", "lt": "<", "gt": ">"}
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}
_BETWEEN = r"[ \t]{0,40}(?:[+.&|][ \t]{0,40})?(?:\\?\r?\n[ \t+.&|#/*;]{0,80})?[ \t]{0,40}[bBfFrRuU]?"
# "abc" + "def", 'abc' \ 'def', "abc" "def", and a line that goes on after a backslash; on a line of its own also behind
# the sign of a diff and what begins a comment.
PIECES = Shape(
    "|".join(rf"{quote}{_BETWEEN}{quote}" for quote in "\"'`") + r"|[ \t]?\\\r?\n[ \t+#/*;]{0,80}",
    r"[\"'`][\s+.&|\\#/*;]*[bBfFrRuU]?[\"'`]|\\\r?\n",
)
# A list of pieces, and a line that holds nothing but a word: only a shape that is certain is looked for in these.
LIST = Shape(r"\"[ \t]{0,40},\s{0,80}\"|'[ \t]{0,40},\s{0,80}'", r"[\"'][ \t]*,\s*[\"']")
WRAP = Shape(
    r"(?m)(\r?\n[ \t]{0,80}[-+>#|]?[ \t]{0,9}[\"']?)[A-Za-z0-9_+/=.~-]+[\"']?[ \t,;)\]}.+\\]{0,9}\r?$",
    r"\n",
)
_BEFORE_WRAP = re.compile(r"[\"']?[ \t]{0,9}[,+.\\]?[ \t]{0,9}$")


@dataclass(frozen=True)
class View:
    """``text`` in pieces: the one that begins at ``starts[i]`` begins at ``origins[i]`` in the parent's text.

    A piece is either copied or one escape, whose only character is ``widths[i]`` wide in the parent's text.
    """

    text: str
    parent: "View | None" = None
    starts: tuple[int, ...] = ()
    origins: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The span of the first text that a span (not empty) of this one stands for."""
        if self.parent is None:
            return start, end
        first, last = (bisect_right(self.starts, place) - 1 for place in (start, end - 1))
        begin = self.origins[first] + start - self.starts[first]
        finish = self.origins[last] + end - 1 - self.starts[last] + self.widths[last]
        return self.parent.source(begin, finish)


def unescaped(view: View, page: Page) -> View:
    """Backslash escapes, URL escapes and HTML entities decoded, once. ``page`` is the view's."""
    return _replaced(view, page.spans(ESCAPE), _decoded)


def joined(view: View, page: Page) -> View:
    """Strings that a program would put together are one."""
    return _replaced(view, page.spans(PIECES), _nothing)


def wrapped(view: View, page: Page) -> View:
    """Lists of strings and lines of one word are one."""
    spans = [*page.spans(LIST)]
    for start, end in page.spans(WRAP, 1):
        before = _BEFORE_WRAP.search(view.text, max(0, start - 20), start)
        spans.append((before.start() if before else start, end))
    return _replaced(view, sorted(spans), _nothing)


def _nothing(_: str) -> str:
    return ""


def _decoded(found: str) -> str:
    if found[0] == "%":
        return chr(int(found[1:], 16))
    if found[0] == "&":
        name = found[1:-1]
        if name[0] != "#":
            return _ENTITIES[name]
        number = int(name[2:], 16) if name[1] == "x" else int(name[1:])
        return chr(min(number, 0x10FFFF))
    body = found.lstrip("\\")
    if not body:
        return "\\"
    return chr(int(body[1:], 16)) if body[0] in "ux" else _LETTERS.get(body, body)


def _replaced(view: View, spans: Iterable[tuple[int, int]], replacement: Callable[[str], str]) -> View:
    """The view itself where there are none. A replacement is one character or none."""
    texts: list[str] = []
    starts: list[int] = []
    origins: list[int] = []
    widths: list[int] = []
    length = done = 0

    def add(piece: str, origin: int, width: int) -> None:
        nonlocal length
        if piece:
            texts.append(piece)
            starts.append(length)
            origins.append(origin)
            widths.append(width)
            length += len(piece)

    for start, end in spans:
        if start < done:
            continue
        add(view.text[done:start], done, 1)
        add(replacement(view.text[start:end]), start, end - start)
        done = end
    if not done:
        return view
    add(view.text[done:], done, 1)
    return View("".join(texts), view, tuple(starts), tuple(origins), tuple(widths))

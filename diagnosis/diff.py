"""A diff as hunks of removed, added and kept lines, with what merely moved or was re-wrapped cancelled out.

What is left, the net change, is all that can have changed behaviour: a refactoring whose removed and added lines
say the same leaves (nearly) nothing, however loudly it touches the names that the incident is about.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

_HUNK_PATH = re.compile(r"(?P<path>[\w@.+-]+(?:/[\w@.+\[\]-]+)+|[\w-]+\.[A-Za-z][\w]{0,9})(?=[\s:@]|$)")
_HEADER_FILE = re.compile(r"^\+\+\+ (?:b/)?(?P<path>\S+)")
_COMMENT = re.compile(r"^\s*(//|#(?!include|define|\[|!)|--(?!-)\s|/\*|\*(?:\s|/|$)|<!--|;;|\"\"\"|''')")
_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|[A-Za-z_][\w-]*(?<!-)|\d[\w.]*|[^\s\w]")
_LITERAL = re.compile(r"^(\d|\"|'|`)")


@dataclass(frozen=True)
class Line:
    """A changed line. ``file`` is its path; ``function`` the hunk header's text; ``in_loop`` by the lines before it.

    ``held`` is the line that opens the innermost block around it in which something is held (a lock, a context).
    """

    text: str
    file: str
    function: str = ""
    in_loop: bool = False
    held: str = ""

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        return tuple(_TOKEN.findall(self.text))

    @property
    def is_comment(self) -> bool:
        return bool(_COMMENT.match(self.text)) or not self.text.strip()


@dataclass(frozen=True)
class Pair:
    """A removed line and the added line that took its place."""

    old: Line
    new: Line


@dataclass(frozen=True)
class NetChange:
    """``pairs`` are lines rewritten in place; ``removed`` and ``added`` have no counterpart; ``kept`` is context.

    ``moved`` are lines that occur on both sides; ``removed_words`` and ``added_words`` are counts of tokens that
    one side has more of; ``comments`` are comment lines of the touched hunks;
    ``reordered`` are the moved lines that stand in another order among themselves than before;
    ``entered`` are moved lines that now run while something is held, and did not before.
    """

    pairs: tuple[Pair, ...]
    removed: tuple[Line, ...]
    added: tuple[Line, ...]
    moved: tuple[Line, ...]
    kept: tuple[str, ...]
    comments: tuple[str, ...] = ()
    reordered: tuple[Line, ...] = ()
    entered: tuple[Line, ...] = ()

    @cached_property
    def removed_words(self) -> Counter[str]:
        return self._excess()[0]

    @cached_property
    def added_words(self) -> Counter[str]:
        return self._excess()[1]

    def _excess(self) -> tuple[Counter[str], Counter[str]]:
        old = Counter(token for line in (*self.removed, *(p.old for p in self.pairs)) for token in line.tokens)
        new = Counter(token for line in (*self.added, *(p.new for p in self.pairs)) for token in line.tokens)
        return old - new, new - old


def parse_diff(diff: str, files: tuple[str, ...]) -> NetChange:
    """Parse a unified diff, or the looser form in which an ``@@`` line names the file."""
    pairs: list[Pair] = []
    removed: list[Line] = []
    added: list[Line] = []
    moved: list[Line] = []
    kept: list[str] = []
    comments: list[str] = []
    reordered: list[Line] = []
    entered: list[Line] = []
    for old, new, context in _hunks(diff, files):
        kept += context
        comments += [line.text for line in (*old, *new) if line.is_comment]
        comments += [text for text in context if _COMMENT.match(text)]
        same = Counter(_plain(line.text) for line in old) & Counter(_plain(line.text) for line in new)
        old_left, gone = _without(old, same)
        new_left, came = _without(new, same)
        moved += gone
        reordered += _out_of_order(gone, came)
        entered += _entered(gone, came)
        old_left = [line for line in old_left if not line.is_comment]
        new_left = [line for line in new_left if not line.is_comment]
        if old_left and [t for line in old_left for t in line.tokens] == [t for line in new_left for t in line.tokens]:
            moved += old_left  # only re-wrapped
            continue
        matched, old_rest, new_rest = _pair(old_left, new_left)
        pairs += matched
        removed += old_rest
        added += new_rest
    return NetChange(
        tuple(pairs),
        tuple(removed),
        tuple(added),
        tuple(moved),
        tuple(kept),
        tuple(comments),
        tuple(reordered),
        tuple(entered),
    )


def _hunks(diff: str, files: tuple[str, ...]) -> Iterator[tuple[list[Line], list[Line], list[str]]]:
    file, function = (files[0] if files else ""), ""
    old: list[Line] = []
    new: list[Line] = []
    context: list[str] = []
    loops: list[int] = []
    holders: list[tuple[int, str]] = []
    for raw in diff.splitlines():
        if raw.startswith(("--- ", "diff ", "index ")):
            continue
        header = _HEADER_FILE.match(raw)
        if header or raw.startswith("@@"):
            if old or new or context:
                yield old, new, context
            old, new, context, loops, holders = [], [], [], [], []
            function = "" if header else raw.strip("@ ")
            file = header["path"] if header else _file_of(raw, files, file)
            if _LOOP.match(function):
                loops.append(-1)
            continue
        text = raw[1:] if raw[:1] in "+- " else raw
        if text.strip():
            indent = len(text) - len(text.lstrip())
            loops = [depth for depth in loops if depth < indent]
            holders = [(depth, opener) for depth, opener in holders if depth < indent]
        line = Line(text, file, function, bool(loops), holders[-1][1] if holders else "")
        if raw.startswith("-"):
            old.append(line)
        elif raw.startswith("+"):
            new.append(line)
        else:
            context.append(text)
        if _LOOP.search(text):
            loops.append(len(text) - len(text.lstrip()))
        if _HOLDER.match(text):
            holders.append((len(text) - len(text.lstrip()), text.strip()))
    if old or new or context:
        yield old, new, context


_LOOP = re.compile(
    r"^\s*(for|while|loop)\b|\.(map|forEach|each|flatMap|forall|for_each|stream)\(|\beach do\b|\bfor \w+ in\b"
)

_HOLDER = re.compile(
    r"^\s*((async\s+)?with\b|synchronized\b|lock\s*\(|using\s*\(|.*\b(with_?lock|synchronize)\b.*(do|\{)\s*$)"
)


def _file_of(header: str, files: tuple[str, ...], current: str) -> str:
    """The path in an ``@@`` line if it names one of the commit's files (or any path), else the file so far."""
    for match in _HUNK_PATH.finditer(header):
        path = match["path"]
        known = next((file for file in files if file == path or file.endswith("/" + path)), None)
        if known or "/" in path:
            return known or path
    return current


def _plain(text: str) -> str:
    return " ".join(text.split())


def _without(lines: list[Line], same: Counter[str]) -> tuple[list[Line], list[Line]]:
    left, gone, budget = [], [], Counter(same)
    for line in lines:
        key = _plain(line.text)
        if budget[key] > 0:
            budget[key] -= 1
            gone.append(line)
        else:
            left.append(line)
    return left, gone


def _entered(gone: list[Line], came: list[Line]) -> list[Line]:
    """Lines that say the same as before, inside a block that they were not in before."""
    before = {_plain(line.text): line.held for line in gone}
    return [line for line in came if line.held and before.get(_plain(line.text)) != line.held]


def _out_of_order(gone: list[Line], came: list[Line]) -> list[Line]:
    """Lines outside the longest common order of both sides."""
    before, after = [_plain(line.text) for line in gone], [_plain(line.text) for line in came]
    if before == after:
        return []
    kept: set[int] = set()
    for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        kept |= set(range(block.a, block.a + block.size))
    return [line for place, line in enumerate(gone) if place not in kept]


def skeleton(line: Line) -> tuple[str, ...]:
    """Tokens with every literal folded: equal for two lines that differ in a number or a string only."""
    return tuple("#" if _LITERAL.match(token) else token for token in line.tokens)


def _pair(old: list[Line], new: list[Line]) -> tuple[list[Pair], list[Line], list[Line]]:
    """Match each removed line with the most similar added line; below 0.55 (Ratcliff-Obershelp) they are strangers."""
    pairs: list[Pair] = []
    rest_new = list(new)
    rest_old: list[Line] = []
    for line in old:
        best, score = -1, 0.55
        for index, candidate in enumerate(rest_new[:200]):
            ratio = 1.0 if _alike(line, candidate) else _similarity(line, candidate)
            if ratio > score:
                best, score = index, ratio
        if best >= 0:
            pairs.append(Pair(line, rest_new.pop(best)))
        else:
            rest_old.append(line)
    return pairs, rest_old, rest_new


def _alike(a: Line, b: Line) -> bool:
    """The same but for literals, or a short line that gives the same first word another value."""
    if skeleton(a) == skeleton(b):
        return True
    return len(a.tokens) <= 6 and len(b.tokens) <= 6 and a.tokens[:1] == b.tokens[:1] and a.tokens[0][0].isalpha()


def _similarity(a: Line, b: Line) -> float:
    return SequenceMatcher(None, a.tokens, b.tokens, autojunk=False).ratio() if a.tokens and b.tokens else 0.0

"""What a flag switches, and what a setting was and is: neither has a diff, and this is as good as one."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from diagnosis.telemetry import Change, ChangeKind

_LINES_BEFORE, _LINES_AFTER = 1, 8
_MOST_PLACES = 12


def with_flagged_code(flag: Change, changes: Iterable[Change]) -> Change:
    """The flag with a diff of the lines around each mention of it; as it is where no commit's diff names it."""
    if flag.kind is not ChangeKind.FLAG or flag.diff is not None or len(flag.id) < 4:
        return flag
    places = [place for change in changes if change.kind is ChangeKind.COMMIT for place in _places(flag.id, change)]
    if not places:
        return flag
    files = tuple(dict.fromkeys(file for file, _ in places))
    hunks = (f"--- a/{file}\n+++ b/{file}\n@@\n" + "\n".join(lines) for file, lines in places[:_MOST_PLACES])
    return replace(flag, diff="\n".join(hunks), files=files)


def with_values(change: Change) -> Change:
    """A setting that was changed outside of code, with its two values as a diff: it is judged as one in code is."""
    if change.kind is not ChangeKind.CONFIG or change.diff is not None or not (change.before and change.after):
        return change
    name = change.key or _told_by_its_id(change) or "setting"
    return replace(change, diff=f"@@ settings\n-{name} = {change.before}\n+{name} = {change.after}")


def _told_by_its_id(change: Change) -> str:
    """The longest word of the id that is none of the entity's: where a feed does not name the setting."""
    words = [word for word in re.findall(r"[a-z_]+", change.id.lower()) if word not in change.entity.lower()]
    return max(words, key=len, default="")


def _places(flag: str, commit: Change) -> Iterator[tuple[str, list[str]]]:
    """File and added lines of each part of a commit that names the flag, and of the functions that these lines call."""
    named = re.compile(rf"(?<![\w-]){re.escape(flag)}(?![\w-])")
    added = list(_added_lines(commit.diff or ""))
    called: set[str] = set()
    for place, (file, line) in enumerate(added):
        if named.search(line):
            near = added[max(place - _LINES_BEFORE, 0) : place + _LINES_AFTER]
            lines = [text for other, text in near if other == file]
            called |= {word for text in lines for word in re.findall(r"(\w{4,})\(", text)}
            yield file, lines
    for place, (file, line) in enumerate(added):
        if any(re.match(rf"\+\s*(async\s+)?(def|func|function|fn|fun)\s+{word}\b", line) for word in called):
            yield file, [text for other, text in added[place : place + _LINES_AFTER] if other == file]


def _added_lines(diff: str) -> Iterator[tuple[str, str]]:
    file = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            file = line[4:].removeprefix("b/").strip()
        elif line.startswith("+"):
            yield file, line

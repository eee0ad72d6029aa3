"""A Markdown file as sections under headings, each with its place; front matter and prose apart from code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

_HEADING = re.compile(r"^(?P<marks>#{1,6})\s+(?P<text>\S.*?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_LINKS = ((re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"), (re.compile(r"\[([^\]]*)\]\[[^\]]*\]"), r"\1"))
_NOT_PROSE = re.compile(r"<[^>]{1,200}>|https?://\S+")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading ("" before the first). Lines are counted from 1 and include both ends."""

    heading: str
    text: str
    first_line: int
    last_line: int


def front_matter(text: str) -> tuple[dict[str, object], str, int]:
    """The front matter, the text after it, and how many lines it took. Raises ``yaml.YAMLError``."""
    lines = text.split("\n")
    if lines[0].strip() != "---":
        return {}, text, 0
    end = next((place for place, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        return {}, text, 0
    read = yaml.safe_load("\n".join(lines[1:end]))
    return read if isinstance(read, dict) else {}, "\n".join(lines[end + 1 :]), end + 1


def sections(body: str, offset: int = 0) -> list[Section]:
    """The sections that say anything, in order; ``offset`` lines came before ``body``."""
    return [section for section in _cut(body, offset) if section.text.strip()]


def _cut(body: str, offset: int) -> Iterator[Section]:
    heading, first, held, fenced = "", offset + 1, list[str](), False
    lines = body.split("\n")
    for number, line in enumerate(lines, offset + 1):
        if _FENCE.match(line):
            fenced = not fenced
        match = None if fenced else _HEADING.match(line)
        if match is None:
            held.append(line)
            continue
        yield Section(heading, "\n".join(held), first, number - 1)
        heading, first, held = match["text"], number + 1, []
    yield Section(heading, "\n".join(held), first, offset + len(lines))


def prose(text: str) -> str:
    """The words of a section: links by what they say, no tags, no addresses."""
    for pattern, kept in _LINKS:
        text = pattern.sub(kept, text)
    return _NOT_PROSE.sub(" ", text)


def spaced(name: str) -> str:
    """A name as words: ``KubePodNotReady`` and ``disk-full`` are "Kube Pod Not Ready" and "disk full"."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", name)
    return re.sub(r"[-_./]+", " ", name).strip()

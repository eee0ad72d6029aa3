"""Runbooks on disk: Markdown, with or without front matter, read into sections and steps that know their place.

Reading is lenient, for a team's runbooks are what they are; ``retrieval.lint`` says what could be better. Runbook text
is shown and cited; it never chooses a tool or an argument.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from diagnosis.findings import FaultKind
from retrieval.sections import Section, front_matter, sections, spaced

BUNDLED = Path(__file__).resolve().parent.parent / "runbooks"
MOST_BYTES = 1_000_000  # of a longer file the first million bytes are read: nobody follows more at night
_ITEM = re.compile(r"^ {0,3}(?:\d+[.)]|[-*+])\s+(?P<text>\S.*)$")
_CONTINUED = re.compile(r"^\s{2,}\S")
_ACTS = re.compile(r"\b(mitigat|fix|remed|resol|solution|recover|repair|workaround)", re.I)
_STEP_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, where it stands; ``heading`` is in small letters."""

    text: str
    heading: str
    line: int


@dataclass(frozen=True, slots=True)
class Runbook:
    """``path`` is relative to the folder, with forward slashes; ``digest`` is the SHA-256 of the file's bytes.

    ``fault_kinds`` are those of ours that the front matter names; ``steps`` are those of the sections that act.
    """

    path: str
    digest: str
    name: str
    description: str
    fault_kinds: frozenset[FaultKind]
    services: tuple[str, ...]
    symptoms: tuple[str, ...]
    teams: tuple[str, ...]
    actions: tuple[str, ...]
    sections: tuple[Section, ...]
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        """The name as words."""
        return spaced(self.name)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that was left out, or taken only in part, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} {self.reason}"


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder holds. Of files with the same bytes the first by path counts, and the others are problems."""

    runbooks: tuple[Runbook, ...]
    problems: tuple[Problem, ...]


class RunbookError(ValueError):
    """A folder of runbooks that cannot be read at all; the message says why."""


@lru_cache(maxsize=4)
def load_runbooks(folder: Path = BUNDLED) -> tuple[Runbook, ...]:
    """All runbooks of a folder by path; a folder that is not there has none."""
    return read_folder(folder).runbooks if folder.is_dir() else ()


def read_folder(folder: Path) -> Folder:
    """Every Markdown file below ``folder`` but READMEs, by path. Raises ``RunbookError``."""
    if not folder.is_dir():
        raise RunbookError(f"{folder} is no folder: name one that holds runbooks in Markdown")
    kept: dict[str, Runbook] = {}
    problems: list[Problem] = []
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            runbook, problem = read_runbook(path, name)
        except OSError as error:
            runbook, problem = None, Problem(name, f"cannot be read: {error.strerror or error}")
        if problem is not None:
            problems.append(problem)
        if runbook is not None and runbook.digest in kept:
            problems.append(Problem(name, f"has the same text as {kept[runbook.digest].path}"))
        elif runbook is not None:
            kept[runbook.digest] = runbook
    return Folder(tuple(kept.values()), tuple(problems))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        markdown = path.suffix.lower() in (".md", ".markdown") and path.name.lower() != "readme.md"
        if markdown and ".git" not in path.parts and path.is_file():
            yield path


def read_runbook(path: Path, name: str) -> tuple[Runbook | None, Problem | None]:
    """One file: the runbook, and what is wrong with it, if anything. Raises ``OSError``."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if b"\0" in data:
        return None, Problem(name, "is binary and not Markdown")
    problem = Problem(name, f"is longer than {MOST_BYTES:,} bytes: the rest is left out") if data[MOST_BYTES:] else None
    text = data[:MOST_BYTES].decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
    if "\ufffd" in text:
        problem = problem or Problem(name, "is not UTF-8: letters that cannot be read are left out")
    try:
        front, body, offset = front_matter(text)
    except yaml.YAMLError as error:
        front, body, offset = {}, text, 0
        problem = Problem(name, f"has front matter that is no YAML: {str(error).splitlines()[0]}")
    found = tuple(sections(body, offset))
    if not found:
        return None, Problem(name, "is empty")
    return _runbook(name, hashlib.sha256(data).hexdigest(), front, found), problem


def _runbook(path: str, digest: str, front: dict[str, object], found: tuple[Section, ...]) -> Runbook:
    known = {kind.value for kind in FaultKind}
    kinds = frozenset(FaultKind(kind) for kind in strings(front.get("fault_kinds")) if kind in known)
    stem = path.rpartition("/")[2].rpartition(".")[0]
    return Runbook(
        path, digest, stem, " ".join(strings(front.get("description"))), kinds, strings(front.get("services")),
        strings(front.get("symptoms")), strings(front.get("owner")), strings(front.get("actions")), found,
        tuple(_steps(found)),
    )  # fmt: skip


def strings(value: object) -> tuple[str, ...]:
    """A value of front matter as words: a list of them, one, or none. What is nested is left out."""
    values = value if isinstance(value, list) else [value]
    return tuple(str(item) for item in values if isinstance(item, str | int | float))


def _steps(found: Sequence[Section]) -> Iterator[Step]:
    for section in found:
        if _ACTS.search(section.heading):
            yield from _steps_of(section)


def _steps_of(section: Section) -> Iterator[Step]:
    """The items of a section's lists, each with the lines that go on with it."""
    text, first = "", 0
    for number, line in enumerate([*section.text.split("\n"), ""], section.first_line):
        match = _ITEM.match(line)
        if text and (match or not _CONTINUED.match(line)):
            yield Step(text[:_STEP_CHARACTERS], section.heading.lower(), first)
            text = ""
        if match:
            text, first = match["text"].strip(), number
        elif text:
            text = f"{text} {line.strip()}"


def find_runbook(runbooks: Sequence[Runbook], kind: FaultKind) -> Runbook | None:
    """The runbook that is most particular about this fault kind, or None."""
    fitting = [runbook for runbook in runbooks if kind in runbook.fault_kinds]
    return min(fitting, key=lambda runbook: (len(runbook.fault_kinds), runbook.name), default=None)

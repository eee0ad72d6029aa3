"""Runbooks on disk: Markdown with front matter, read into steps that know their heading and line.

Runbook text is shown and cited; it never chooses a tool or an argument.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from diagnosis.findings import FaultKind

_FOLDER = Path(__file__).resolve().parent.parent / "runbooks"
_STEP = re.compile(r"^(?:\d+\.|[-*])\s+(?P<text>\S.*)$")
_ACTION_HEADINGS = ("mitigate", "fix")


class RunbookError(ValueError):
    """A runbook whose front matter cannot be read; the message names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, where it stands."""

    text: str
    heading: str
    line: int


@dataclass(frozen=True, slots=True)
class Runbook:
    """``file`` is relative to the folder; ``steps`` are those of the mitigate and fix sections."""

    name: str
    description: str
    fault_kinds: frozenset[FaultKind]
    file: str
    steps: tuple[Step, ...]


@lru_cache(maxsize=4)
def load_runbooks(folder: Path = _FOLDER) -> tuple[Runbook, ...]:
    """All runbooks of a folder by name; a folder that is not there has none."""
    return tuple(parse_runbook(path, folder) for path in sorted(folder.rglob("*.md")) if path.name != "README.md")


def parse_runbook(path: Path, folder: Path) -> Runbook:
    """Read one runbook. Raises ``RunbookError``."""
    text = path.read_text(encoding="utf-8")
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0].strip():
        raise RunbookError(f"{path.name} has no front matter; begin it with a block between two lines of ---")
    try:
        front = yaml.safe_load(parts[1]) or {}
        kinds = frozenset(FaultKind(kind) for kind in front.get("fault_kinds", ()))
        name, description = str(front["name"]), str(front["description"])
    except (yaml.YAMLError, KeyError, ValueError, AttributeError) as error:
        raise RunbookError(f"{path.name}: front matter is not usable: {error}") from error
    offset = text[: len(text) - len(parts[2])].count("\n")
    return Runbook(name, description, kinds, path.relative_to(folder).as_posix(), tuple(_steps(parts[2], offset)))


def _steps(body: str, offset: int) -> list[Step]:
    heading, found = "", []
    for number, line in enumerate(body.splitlines(), offset + 1):
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        elif heading.lower() in _ACTION_HEADINGS and (match := _STEP.match(line)):
            found.append(Step(match["text"], heading.lower(), number))
    return found


def find_runbook(runbooks: tuple[Runbook, ...], kind: FaultKind) -> Runbook | None:
    """The runbook that is most particular about this fault kind, or None."""
    fitting = [runbook for runbook in runbooks if kind in runbook.fault_kinds]
    return min(fitting, key=lambda runbook: (len(runbook.fault_kinds), runbook.name), default=None)

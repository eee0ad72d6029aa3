"""What a runbook of ours must have to be of use at night: form, steps that can be checked, links, a recent review."""

import datetime
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from diagnosis.findings import FaultKind
from retrieval.runbooks import Problem, Runbook, read_folder, strings
from retrieval.sections import front_matter

FIELDS = ("name", "description", "fault_kinds", "services", "symptoms", "owner", "reviewed", "actions")
SECTIONS = ("Symptoms", "Confirm", "Mitigate", "Fix", "Verify", "Escalate")
REVIEWED_WITHIN = datetime.timedelta(days=365)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_MOST_CHARACTERS = 400  # of a step: it has to fit a report


def lint_folder(folder: Path, actions: frozenset[str], today: datetime.date | None = None) -> list[Problem]:
    """Everything that is wrong, by path. ``actions`` are the ids that are registered. Raises ``RunbookError``."""
    read = read_folder(folder)
    known = {path.relative_to(folder.resolve()).as_posix() for path in folder.resolve().rglob("*") if path.is_file()}
    found = list(read.problems)
    for runbook in read.runbooks:
        text = (folder / runbook.path).read_text(encoding="utf-8", errors="replace")
        said = [*_front(runbook, text, actions, today or datetime.datetime.now(tz=datetime.UTC).date())]
        said += [*_form(runbook), *_links(runbook, text, known)]
        found += [Problem(runbook.path, reason) for reason in said]
    return sorted(found, key=lambda problem: problem.path)


def _front(runbook: Runbook, text: str, actions: frozenset[str], today: datetime.date) -> Iterator[str]:
    try:
        front, _, _ = front_matter(text)
    except yaml.YAMLError:
        return  # the folder's own problems say so
    missing = [field for field in FIELDS if field not in front]
    if missing:
        yield f"has no {', '.join(missing)} in its front matter"
    if front.get("name") not in (None, runbook.name):
        yield f"is named {front['name']!r} in its front matter and {runbook.name!r} on disk"
    kinds = {kind.value for kind in FaultKind}
    for kind in strings(front.get("fault_kinds")):
        if kind not in kinds:
            yield f"names the unknown fault kind {kind!r}"
    for action in runbook.actions:
        if action not in actions:
            yield f"allows the action {action!r}, which is not registered"
    reviewed = front.get("reviewed")
    if reviewed is not None and not isinstance(reviewed, datetime.date):
        yield f"was reviewed at {reviewed!r}, which is no date"
    elif isinstance(reviewed, datetime.date) and today - reviewed > REVIEWED_WITHIN:
        yield f"was last reviewed on {reviewed}: read it again"


def _form(runbook: Runbook) -> Iterator[str]:
    headings = [section.heading for section in runbook.sections]
    missing = [name for name in SECTIONS if name not in headings]
    if missing:
        yield f"has nothing under {', '.join(missing)}"
    elif [heading for heading in headings if heading in SECTIONS] != list(SECTIONS):
        yield f"has its sections in another order than {', '.join(SECTIONS)}"
    for step in runbook.steps:
        if "Check:" not in step.text:
            yield f"has a step in line {step.line} that does not say how to check it"
        if len(step.text) > _MOST_CHARACTERS:
            yield f"has a step in line {step.line} of more than {_MOST_CHARACTERS} characters"


def _links(runbook: Runbook, text: str, known: set[str]) -> Iterator[str]:
    folder = runbook.path.rpartition("/")[0]
    for target in _LINK.findall(text):
        path = target.partition("#")[0]
        if path and "://" not in path and not path.startswith(("/", "mailto:")):
            parts: list[str] = folder.split("/") if folder else []
            for part in path.split("/"):
                if part == ".." and parts:
                    parts.pop()
                elif part not in (".", ".."):
                    parts.append(part)
            if "/".join(parts) not in known:
                yield f"links to {target}, which is not there"

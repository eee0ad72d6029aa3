"""The shop's source history during an incident.

A commit is a real edit of a copy of the source tree and its diff is the diff of that edit; a release is the tree as
it stood at a commit. So what the change feed says and what the services run cannot differ.
"""

import difflib
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from evals.lab.changes import Commit
from evals.lab.clock import rfc3339

SHOP = Path(__file__).parent / "shop"


@dataclass(frozen=True)
class Edit:
    """One replacement in a file of the tree; ``before`` must occur exactly once."""

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class CommitDraft:
    """A commit that is still to be made."""

    author: str
    title: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Release:
    """A commit's source tree, ready to run; ``folder`` holds the package ``shop``."""

    commit: str
    version: str
    folder: Path


class SourceTree:
    """A working copy of the shop below ``folder``, and one release a commit."""

    def __init__(self, folder: Path, source: Path = SHOP) -> None:
        self._folder = folder
        self._tree = folder / "tree"
        shutil.copytree(source, self._tree / "shop", ignore=shutil.ignore_patterns("__pycache__"))
        contents = "\0".join(path.read_text() for path in sorted(self._tree.rglob("*")) if path.is_file())
        self.release = self._snapshot(_sha1(contents), "1.0.0")

    def commit(self, draft: CommitDraft, time: float) -> Commit:
        """Make the draft's edits; raises ValueError where one does not fit the tree as it is."""
        files = tuple(dict.fromkeys(edit.file for edit in draft.edits))
        old = {file: (self._tree / file).read_text() for file in files}
        new = dict(old)
        for edit in draft.edits:
            new[edit.file] = _replaced(new[edit.file], edit)
        for file, text in new.items():
            (self._tree / file).write_text(text)
        diff = "".join(_unified_diff(file, old[file], new[file]) for file in files)
        parent = self.release
        commit_id = _sha1("\0".join((parent.commit, draft.author, draft.title, rfc3339(time), diff)))
        minor = int(parent.version.split(".")[1]) + 1
        self.release = self._snapshot(commit_id, f"1.{minor}.0")
        return Commit(commit_id, time, draft.author, draft.title, files, diff)

    def _snapshot(self, commit: str, version: str) -> Release:
        folder = self._folder / "releases" / commit
        shutil.copytree(self._tree, folder)
        return Release(commit, version, folder)


def _replaced(text: str, edit: Edit) -> str:
    if text.count(edit.before) != 1:
        raise ValueError(f"{edit.file} holds {text.count(edit.before)} times {edit.before!r}; an edit needs one")
    return text.replace(edit.before, edit.after)


def _unified_diff(file: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{file}", f"b/{file}")
    return "".join(lines)


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

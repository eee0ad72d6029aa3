"""The shop's source history during a run: a real git repository.

A commit is a real edit of the working tree; a release is a worktree at a commit. So what the history says and what the
services run cannot differ, and the product reads the history as it would anywhere.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.lab.changes import Commit
from evals.lab.clock import rfc3339

SHOP = Path(__file__).parent / "shop"
_IMPORTED_BEFORE_SECONDS = 3 * 86400.0
# Nobody's own git settings, hooks or signing keys take part.
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
}


@dataclass(frozen=True)
class Edit:
    """One replacement in a file of the tree; ``before`` must occur exactly once. An empty ``before`` adds a new file."""

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
    """The repository below ``folder``, and one release a commit.

    ``now`` is the epoch time of the run's start, ``imported_at`` that of the first commit.
    """

    def __init__(self, folder: Path, now: float, source: Path = SHOP) -> None:
        self._folder = folder
        self.repository = folder / "repository"
        shutil.copytree(source, self.repository / "shop", ignore=shutil.ignore_patterns("__pycache__"))
        self._git("init", "--quiet", "--initial-branch=main")
        self.imported_at = now - _IMPORTED_BEFORE_SECONDS
        commit = self._record("Shop team", "Import the shop", self.imported_at)
        self.release = self._check_out(commit, "1.0.0")

    def commit(self, draft: CommitDraft, time: float) -> Commit:
        """Make the draft's edits; raises ValueError where one does not fit the tree as it is."""
        new: dict[Path, str] = {}
        for edit in draft.edits:
            path = self.repository / edit.file
            new[path] = _replaced(new.get(path, path.read_text() if path.exists() else ""), edit)
        for path, text in new.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        minor = int(self.release.version.split(".")[1]) + 1
        commit = self._record(draft.author, draft.title, time)
        self.release = self._check_out(commit, f"1.{minor}.0")
        return Commit(commit, time, draft.author, draft.title)

    def commits_in(self, release: Release) -> frozenset[str]:
        """Every commit that a release carries."""
        return frozenset(self._git("rev-list", release.commit).split())

    def _record(self, author: str, title: str, time: float) -> str:
        who = {"NAME": author, "EMAIL": f"{author.partition(' ')[0].lower()}@shop.example", "DATE": rfc3339(time)}
        roles = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in who.items()}
        self._git("add", "--all")
        self._git("commit", "--quiet", "--no-verify", "--message", title, environment=roles)
        return self._git("rev-parse", "HEAD").strip()

    def _check_out(self, commit: str, version: str) -> Release:
        folder = self._folder / "releases" / commit
        self._git("worktree", "add", "--quiet", "--detach", str(folder), commit)
        return Release(commit, version, folder)

    def _git(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        return run_git(self.repository, arguments, environment or {})


def run_git(repository: Path, arguments: Sequence[str], environment: dict[str, str]) -> str:
    """What git says; raises RuntimeError with its complaint where it fails or is not installed."""
    command = ["git", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(command, env=_ENVIRONMENT | environment, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError as error:
        raise RuntimeError(
            "the lab keeps the shop's source in git, which is not installed: apt-get install git"
        ) from error
    if done.returncode != 0:
        raise RuntimeError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def _replaced(text: str, edit: Edit) -> str:
    if not edit.before:
        if text:
            raise ValueError(f"{edit.file} is there already; an edit without `before` makes a new file")
        return edit.after
    if text.count(edit.before) != 1:
        raise ValueError(f"{edit.file} holds {text.count(edit.before)} times {edit.before!r}; an edit needs one")
    return text.replace(edit.before, edit.after)

"""Commits of a local repository, read with git as it came to the branch.

The walk follows first parents, and a merge counts as one change with all that it brought, at the time it came: a
commit of a side branch was written earlier than it could have harmed anybody. For the same reason the time is the
committer's and not the author's. The clone must be kept up to date by whoever owns it: nothing is fetched.

The repository is data. Nothing that its configuration names is run (hooks, monitors, text converters, external
diffs, signature checkers, pagers), and the caller's own configuration and environment stay out.
"""

import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from diagnosis.telemetry import Change, ChangeKind, Window
from tools.change_feeds.fields import MOST_FILES, clean, clipped_diff
from tools.spec import ToolError

MOST_COMMITS = 2_000
_MOST_BYTES = 32_000_000
_LATEST = 32_503_680_000.0  # the year 3000
_ID = re.compile(r"[0-9a-fA-F]{7,64}")
_FIELDS = 6  # id, time, author, subject, body, files
_FORMAT = "--format=%x00%H%x00%ct%x00%an%x00%s%x00%b%x00"
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.attributesFile=/dev/null",
    "diff.orderFile=/dev/null",
    "log.showSignature=false",
    "log.follow=false",
    "protocol.allow=never",  # a partial clone would fetch what it lacks
)
_DIFF = (
    "--first-parent",
    "--diff-merges=first-parent",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--no-color",
    "--no-show-signature",
    "--encoding=UTF-8",
)


class GitFeed:
    """Commits on the checked-out branch of the repository at ``path``, a clone of full depth.

    A git command that takes longer than ``timeout_seconds`` is ended. Methods raise ``ToolError``.
    """

    def __init__(self, path: Path, timeout_seconds: float = 20.0) -> None:
        self._path, self._timeout_seconds = path, timeout_seconds
        self.name = f"git {path.name or path}"

    def changes(self, window: Window) -> Sequence[Change]:
        """The newest commits of the window with their files, without diffs."""
        self._check()
        # git cuts the walk where it meets an older commit, and clocks differ: ask a day more, and sieve.
        since, until = (
            f"@{int(min(max(time, 0.0), _LATEST))} +0000" for time in (window.start - 86_400, window.end + 1)
        )
        out = self._git("log", f"--max-count={MOST_COMMITS}", f"--since={since}", f"--until={until}",
                        "--name-only", *_DIFF, _FORMAT, "HEAD", "--")  # fmt: skip
        return tuple(change for change in _commits(out) if change.time in window)

    def read(self, id: str) -> Change | None:
        """The commit with its diff; None for what is no commit id, or none of this repository."""
        if not _ID.fullmatch(id):
            return None
        self._check()
        try:
            out = self._git("show", "--name-only", *_DIFF, _FORMAT, f"{id}^{{commit}}", "--")
        except _UnknownRevisionError:
            return None
        change = next(_commits(out), None)
        if change is None:
            return None
        return replace(change, diff=clipped_diff(self._git("show", "--format=", "--patch", *_DIFF, change.id, "--")))

    def _check(self) -> None:
        if not self._path.is_dir():
            raise ToolError(f"{self._path} is no folder: give the path of a clone under changes.git in pcause.yaml")
        if self._git("rev-parse", "--is-shallow-repository").strip() == "true":
            raise ToolError(
                f"{self._path} is a shallow clone, in which the oldest commit looks as if it added every file: "
                "run git fetch --unshallow in it"
            )

    def _git(self, command: str, *arguments: str) -> str:
        """What git prints, at most some megabytes of it."""
        program = shutil.which("git")
        if program is None:
            raise ToolError("git is not installed: install it, or take changes.git out of pcause.yaml")
        path = self._path.resolve()
        # The operator named this very folder, so it is safe whoever owns it.
        settings = [part for setting in (*_SETTINGS, f"safe.directory={path}") for part in ("-c", setting)]
        argv = [program, "--no-pager", *settings, "-C", str(path), command, *arguments]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=_environment(path)
            )
            out, timed_out = _read(process, self._timeout_seconds)
            errors.seek(0)
            said = errors.read(2_000).decode("utf-8", "replace").strip()
        if timed_out:
            raise ToolError(f"git {command} in {self._path} took more than {self._timeout_seconds:g} s and was ended")
        if process.returncode and len(out) <= _MOST_BYTES:
            return self._explain(command, said)
        return out[:_MOST_BYTES].decode("utf-8", "replace")

    def _explain(self, command: str, said: str) -> str:
        if "does not have any commits yet" in said or (command == "log" and "bad revision 'HEAD'" in said):
            return ""  # nothing was committed yet
        if "not a git repository" in said:
            raise ToolError(f"{self._path} is no git repository (nor its top folder): give the path of a clone")
        if any(
            words in said
            for words in ("unknown revision", "bad revision", "bad object", "expected commit", "ambiguous")
        ):
            raise _UnknownRevisionError(said)
        raise ToolError(f"git {command} in {self._path} failed: {clean(said, 300)}")


class _UnknownRevisionError(ToolError):
    """The repository has no such commit."""


def _environment(path: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C",
        "GIT_CEILING_DIRECTORIES": str(path.parent),  # a folder inside of another repository is none itself
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _read(process: subprocess.Popen[bytes], timeout_seconds: float) -> tuple[bytes, bool]:
    """The output, cut a byte beyond the most that is of use, and whether the time ran out first."""
    timed_out = threading.Event()

    def end() -> None:
        timed_out.set()
        process.kill()

    timer = threading.Timer(timeout_seconds, end)
    timer.start()
    try:
        with process:
            assert process.stdout is not None  # noqa: S101 - it was asked for as a pipe
            out = process.stdout.read(_MOST_BYTES + 1)
            if len(out) > _MOST_BYTES:
                process.kill()
    finally:
        timer.cancel()
    return out, timed_out.is_set()


def _commits(out: str) -> Iterator[Change]:
    """Commits of the log: no message and no quoted path can hold the NUL that stands between fields."""
    parts = out.split("\0")[1:]
    for place in range(0, len(parts) - _FIELDS + 1, _FIELDS):
        id, time, author, subject, body, files = parts[place : place + _FIELDS]
        if time.isdigit():
            names = tuple(clean(name) for name in files.split("\n") if name)[:MOST_FILES]
            title = clean(_title(subject, body))
            yield Change(ChangeKind.COMMIT, id, float(time), "", title, clean(author, 200), names)


def _title(subject: str, body: str) -> str:
    """The subject; of a merge the first line of its text, where forges put the title of the pull request."""
    told = next((line.strip() for line in body.splitlines() if line.strip()), "")
    return told if told and subject.startswith("Merge ") else subject

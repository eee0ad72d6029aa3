"""An action that is a named script of one folder, with a fixed list of arguments."""

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from tools.actions.known_secrets import KnownSecrets
from tools.actions.placeholders import KEY_NOT_YET, fill_arguments
from tools.actions.processes import Ended, run_program
from tools.actions.running_scripts import RunningScripts
from tools.actions.showing import LONGEST_LINE, shown_whole
from tools.actions.spec import ActionError, Done, DryRun, Happened
from tools.actions.templates import Script, TemplateArguments

_MOST_LINES = 15
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_KEY = "PCAUSE_ACTION_KEY"


class ScriptDoing:
    """Does what a template says with a script in ``folder``. ``passed`` are the variables of ``pass_env`` with their
    values; ``running`` knows which scripts run."""

    repeatable = False

    def __init__(
        self, template: Script, folder: Path, passed: Mapping[str, SecretStr], running: RunningScripts
    ) -> None:  # fmt: skip
        self._template, self._folder, self._passed, self._running = template, folder, passed, running
        self._secrets = KnownSecrets(*passed.values())
        self.settles_seconds = template.timeout_seconds

    def dry_run(self, arguments: TemplateArguments) -> DryRun:
        """The exact command, and what the script's own dry run says. Another content of the script is another state."""
        argv, content = self._look(self._template.argv, arguments.values(KEY_NOT_YET))
        if not self._template.dry_run:
            return shown_whole(f"runs {_shown(argv)}", "", (), content)
        said = self._well(self._ended(self._template.dry_run, arguments.values(KEY_NOT_YET)), self._template.dry_run)
        seen = hashlib.sha256(f"{content}\n{said}".encode()).hexdigest()
        return shown_whole(f"runs {_shown(argv)}", "", [f"it says: {line}" for line in _lines(said)], seen)

    def run(self, arguments: TemplateArguments, key: str) -> Done:
        """Run it once. The memo is the key, by which an undo can name it."""
        return self._done(self._template.argv, arguments.values(key), key)

    def undo(self, arguments: TemplateArguments, key: str, memo: str) -> Done:
        """Run what takes it back."""
        return self._done(self._template.undo, arguments.values(key, memo), key)

    def undo_dry_run(self, arguments: TemplateArguments, memo: str) -> DryRun:
        """The exact command that would take it back."""
        argv, content = self._look(self._template.undo, arguments.values(KEY_NOT_YET, memo))
        return shown_whole(f"runs {_shown(argv)}", "", (), content)

    def happened(self, arguments: TemplateArguments, key: str) -> Happened:
        """Unknown while it runs, which it may do longer than this program; else ask the script, where the settings say how."""
        if not self._template.check or self._running.runs(key):
            return Happened.UNKNOWN
        code = self._ended(self._template.check, arguments.values(key), key).code
        return {0: Happened.YES, 1: Happened.NO}.get(-1 if code is None else code, Happened.UNKNOWN)

    def _look(self, argv: Sequence[str], values: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
        """The command, and what stands for the content of its program."""
        filled = fill_arguments(argv, values)
        return filled, hashlib.sha256(_trusted(self._folder, filled[0]).read_bytes()).hexdigest()

    def _done(self, argv: Sequence[str], values: Mapping[str, str], key: str) -> Done:
        with self._running.noted(key) as note:
            ended = self._ended(argv, values, key, (note,))
        said = _last(self._well(ended, argv))
        return Done(f"{_shown(argv[:1])} ended well{said}", key)

    def _well(self, ended: Ended, argv: Sequence[str]) -> str:
        """What it said. Raises ``ActionError`` unless it ended with 0."""
        if ended.code == 0:
            return ended.output
        how = (
            f"was stopped after {self._template.timeout_seconds:g} s"
            if ended.code is None
            else f"ended with {ended.code}"
        )
        raise ActionError(f"{_shown(argv[:1])} {how}{_last(ended.output)}; see it in the folder of scripts")

    def _ended(
        self, argv: Sequence[str], values: Mapping[str, str], key: str = "", inherited: Sequence[int] = ()
    ) -> Ended:
        """How it ended, with no secret of ours in what it said."""
        program, *rest = fill_arguments(argv, values)
        path = _trusted(self._folder, program)
        passed = {name: value.get_secret_value() for name, value in self._passed.items()}
        environment = {**passed, **({_KEY: key} if key else {})}
        seconds = self._template.timeout_seconds
        try:
            ended = run_program((str(path), *rest), path.parent, environment, seconds, inherited)
        except OSError as error:
            raise ActionError(f"the script {program} cannot be started: {error.strerror}; nothing was done") from None
        return Ended(ended.code, self._secrets.cut(ended.output))


def _trusted(folder: Path, program: str) -> Path:
    """The file, if nobody but us and root could have put it there. Raises ``ActionError``."""
    try:
        root = folder.resolve(strict=True)
        path = (root / program).resolve(strict=True)
        if not path.is_relative_to(root) or path == root:
            raise ActionError(f"the script {program} is not inside the folder of scripts; nothing was done")
        between = [path, *(parent for parent in path.parents if parent.is_relative_to(root))]
        for place in between:
            what = place.stat()
            if what.st_uid not in (0, os.geteuid()) or what.st_mode & _WRITABLE_BY_OTHERS:
                raise ActionError(
                    f"others could change {place.name}: the scripts and their folder must belong to this user or root, "
                    "and be writable by nobody else (chmod go-w); nothing was done"
                )
        if not stat.S_ISREG(path.stat().st_mode) or not os.access(path, os.X_OK):
            raise ActionError(f"the script {program} is no file that can be run (chmod u+x); nothing was done")
    except OSError as error:
        raise ActionError(f"the script {program} cannot be found: {error.strerror}; nothing was done") from None
    return path


def _shown(argv: Sequence[str]) -> str:
    return " ".join(repr(part) if " " in part or not part else part for part in argv)


def _last(output: str) -> str:
    said = " / ".join(_lines(output)[-3:])
    return f": {said}" if said else ""


def _lines(output: str) -> list[str]:
    lines = [line[:LONGEST_LINE] for line in output.splitlines() if line.strip()]
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"… and {more} more lines"] if more > 0 else lines

"""An action that is a named script of one folder, with a fixed list of arguments."""

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.actions.placeholders import KEY_NOT_YET, fill_arguments
from tools.actions.processes import Ended, run_program
from tools.actions.spec import ActionError, ActionSpec, Done, DryRun, Happened
from tools.actions.templates import Script, TemplateArguments

_MOST_LINES = 15
_LONGEST_LINE = 300
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_KEY = "PCAUSE_ACTION_KEY"


def script_action(template: Script, folder: Path, passed: Mapping[str, str]) -> ActionSpec[TemplateArguments]:
    """The action of a script in ``folder``. ``passed`` are the variables of ``pass_env`` with their values."""
    doing = _Doing(template, folder, passed)
    return ActionSpec(
        name=template.name,
        summary=template.summary,
        risk=template.risk_class,
        remediations=template.remediations,
        arguments=TemplateArguments,
        fit=template.fit,
        dry_run=doing.dry_run,
        run=doing.run,
        happened=doing.happened,
        undo=doing.undo if template.undo else None,
    )


class _Doing:
    def __init__(self, template: Script, folder: Path, passed: Mapping[str, str]) -> None:
        self._template, self._folder, self._passed = template, folder, passed

    def dry_run(self, arguments: TemplateArguments) -> DryRun:
        """The exact command, and what the script's own dry run says. Another content of the script is another state."""
        program, *rest = fill_arguments(self._template.argv, arguments.values(KEY_NOT_YET))
        content = hashlib.sha256(_trusted(self._folder, program).read_bytes())
        effect = f"runs {_shown((program, *rest))}"
        if not self._template.dry_run:
            return DryRun(effect, seen=content.hexdigest()[:32])
        ended = self._run(self._template.dry_run, arguments, "")
        content.update(ended.output.encode())
        return DryRun(effect, tuple(f"it says: {line}" for line in _lines(ended.output)), content.hexdigest()[:32])

    def run(self, arguments: TemplateArguments, key: str) -> Done:
        """Run it once."""
        return self._done(self._template.argv, arguments, key)

    def undo(self, arguments: TemplateArguments, key: str, _: str) -> Done:
        """Run what takes it back."""
        if not self._template.undo:
            raise ActionError(f"{self._template.name} has no undo in the settings")
        return self._done(self._template.undo, arguments, key)

    def happened(self, arguments: TemplateArguments, key: str) -> Happened:
        """Ask the script, where the settings say how."""
        if not self._template.check:
            return Happened.UNKNOWN
        code = self._ended(self._template.check, arguments, key).code
        return {0: Happened.YES, 1: Happened.NO}.get(-1 if code is None else code, Happened.UNKNOWN)

    def _done(self, argv: Sequence[str], arguments: TemplateArguments, key: str) -> Done:
        said = " / ".join(_lines(self._run(argv, arguments, key).output)[-3:])
        return Done(f"{_shown(argv[:1])} ended well{f': {said}' if said else ''}")

    def _run(self, argv: Sequence[str], arguments: TemplateArguments, key: str) -> Ended:
        """Raises ``ActionError`` unless it ended with 0."""
        ended = self._ended(argv, arguments, key)
        if ended.code == 0:
            return ended
        how = (
            f"was stopped after {self._template.timeout_seconds:g} s"
            if ended.code is None
            else f"ended with {ended.code}"
        )
        said = " / ".join(_lines(ended.output)[-3:])
        raise ActionError(f"{_shown(argv[:1])} {how}{f': {said}' if said else ''}; see it in the folder of scripts")

    def _ended(self, argv: Sequence[str], arguments: TemplateArguments, key: str) -> Ended:
        program, *rest = fill_arguments(argv, arguments.values(key or KEY_NOT_YET))
        path = _trusted(self._folder, program)
        environment = {**self._passed, **({_KEY: key} if key else {})}
        try:
            return run_program((str(path), *rest), path.parent, environment, self._template.timeout_seconds)
        except OSError as error:
            raise ActionError(f"the script {program} cannot be started: {error.strerror}; nothing was done") from None


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


def _lines(output: str) -> list[str]:
    lines = [line[:_LONGEST_LINE] for line in output.splitlines() if line.strip()]
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"… and {more} more lines"] if more > 0 else lines

"""Something that can be acted on: a file in which every action leaves its key, as a real target would."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from agent.settings import Settings
from diagnosis.findings import Remediation
from tools.actions.spec import ActionArguments, ActionError, ActionSpec, Done, DryRun, Happened, Target, registry
from tools.spec import Risk

POLICY: Mapping[str, Any] = {
    "approvers": [
        {"name": "ann", "terminal": "ann", "slack": "U0ANN", "web_token_env": "PCAUSE_TOKEN_ANN"},
        {"name": "bob", "terminal": "bob", "slack": "U0BOB", "web_token_env": "PCAUSE_TOKEN_BOB"},
    ],
    "rules": [{"action": "roll_back", "service": "store", "decision": "ask"}],
}


class RollBack(ActionArguments):
    change: str


class Switchboard:
    """``done`` is what was done, in order; ``seen`` what a dry run sees. ``breaks`` is called in the middle of a run."""

    def __init__(self, folder: Path, breaks: Callable[[], None] = lambda: None, asks: bool = True) -> None:
        self._file, self._seen, self._breaks, self._asks = folder / "done", folder / "seen", breaks, asks
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def done(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self._file.read_text().splitlines()] if self._file.exists() else []

    def change(self, seen: str) -> None:
        """Let dry runs see another state."""
        self._seen.write_text(seen)

    def actions(self, risk: Risk = Risk.REVERSIBLE, repeatable: bool = False) -> Mapping[str, ActionSpec[Any]]:
        """The registry with ``roll_back``."""

        def fit(target: Target) -> RollBack | None:
            return RollBack(entity=target.entity, change=target.change_id) if target.change_id else None

        def dry_run(arguments: RollBack) -> DryRun:
            seen = self._seen.read_text() if self._seen.exists() else "one"
            return DryRun(f"{arguments.entity} goes back", ("version 2 → 1",), seen)

        def run(arguments: RollBack, key: str) -> Done:
            self._write("run", arguments, key)
            self._breaks()
            return Done(f"rolled {arguments.entity} back", "version 2")

        def undo(arguments: RollBack, key: str, memo: str) -> Done:
            self._write(f"undo {memo}", arguments, key)
            return Done(f"{arguments.entity} is at {memo} again")

        def undo_dry_run(arguments: RollBack, memo: str) -> DryRun:
            return DryRun(f"{arguments.entity} goes to {memo} again")

        def happened(_: RollBack, key: str) -> Happened:
            if not self._asks:
                return Happened.UNKNOWN
            return Happened.YES if any(line["key"] == key for line in self.done) else Happened.NO

        return registry(
            ActionSpec(
                "roll_back", "Roll the deploy back.", risk, frozenset({Remediation.ROLLBACK}), RollBack, fit, dry_run, run,
                happened, undo, repeatable, undo_dry_run, settles_seconds=0.0,
            )
        )  # fmt: skip

    def _write(self, what: str, arguments: RollBack, key: str) -> None:
        with self._file.open("a") as out:
            out.write(json.dumps({"what": what, **arguments.model_dump(), "key": key}) + "\n")


def with_policy(settings: Settings, **changed: object) -> Settings:
    """The settings with a policy file beside the home."""
    path = settings.home.parent / "policy.yaml"
    path.write_text(yaml.safe_dump({**POLICY, **changed}))
    return settings.model_copy(update={"policy": path})


def refuse() -> None:
    """Break in the middle."""
    raise ActionError("the line went dead")

"""A folder with a script that rolls back, and actions over such folders."""

from pathlib import Path

from pydantic import SecretStr

from tools.actions.running_scripts import RunningScripts
from tools.actions.scripts import ScriptDoing
from tools.actions.spec import ActionSpec
from tools.actions.template_action import template_action
from tools.actions.templates import Script, TemplateArguments

KEY, OTHER = "a" * 32, "b" * 32
ARGUMENTS = TemplateArguments(entity="store", change="store@2")
ROLL = """#!/bin/sh
case "$1" in
  dry) echo "$2: $(cat state 2>/dev/null || echo new) -> old" ;;
  run) grep -qx "$PCAUSE_ACTION_KEY" keys 2>/dev/null || { echo "$PCAUSE_ACTION_KEY" >> keys; echo old > state; echo "$#:$2:$3" >> calls; }
       echo rolled back ;;
  undo) echo new > state ;;
  check) grep -qx "$PCAUSE_ACTION_KEY" keys 2>/dev/null || exit 1 ;;
esac
"""


def write(folder: Path, name: str, text: str, mode: int = 0o755) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def action(folder: Path, passed: dict[str, str] | None = None, **fields: object) -> ActionSpec[TemplateArguments]:
    given: dict[str, object] = {
        "name": "roll", "summary": "Roll back by script.", "remediations": ["rollback"], "risk": "reversible",
        "argv": ["roll.sh", "run", "{entity}", "{change}"], "dry_run": ["roll.sh", "dry", "{entity}"],
        "undo": ["roll.sh", "undo", "{entity}"], "check": ["roll.sh", "check"], "timeout_seconds": 10, **fields,
    }  # fmt: skip
    template = Script.model_validate(given)
    held = {name: SecretStr(value) for name, value in (passed or {}).items()}
    return template_action(template, ScriptDoing(template, folder, held, RunningScripts(folder.parent / "running")))


def only(folder: Path, text: str, **fields: object) -> ActionSpec[TemplateArguments]:
    """An action of a script that does one thing."""
    write(folder, "one.sh", text)
    return action(folder, **{"argv": ["one.sh"], "dry_run": [], "undo": [], "check": [], **fields})

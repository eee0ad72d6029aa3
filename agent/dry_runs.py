"""Calling an action's functions beside the loop, and what its dry run said as a part of the action."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from agent.redaction import cut_secrets
from agent.report.text import inert
from agent.state import Action
from tools.actions.spec import MOST_LINES, ActionError, ActionSpec, DryRun, NoAnswer

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST_CALL_SECONDS = 120.0


async def called(function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Call it beside the loop. Whatever goes wrong is an ``ActionError``."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(function, *given, **named), _LONGEST_CALL_SECONDS)
    except ActionError:
        raise
    except TimeoutError:
        raise NoAnswer(f"no answer within {_LONGEST_CALL_SECONDS:.0f} s") from None
    except Exception as error:
        _log.exception("an action broke")
        raise NoAnswer(f"{type(error).__name__}: {error}") from error


async def looked(action: Action, spec: ActionSpec[Any], memo: str) -> Action:
    """The action with what would happen now; ``memo`` is of what it takes back. Raises ``ActionError``."""
    arguments = spec.arguments.model_validate_json(action.arguments)
    if not action.undoes:
        return shown(action, await called(spec.dry_run, arguments))
    if spec.undo_dry_run is not None:
        return shown(action, await called(spec.undo_dry_run, arguments, memo))
    return shown(action, DryRun(f"takes back what was done to {action.target}", seen=memo))


def shown(action: Action, told: DryRun) -> Action:
    """Another system told it, so it is made inert; ``seen`` stands for all of it, as it was told."""
    lines = tuple(clean(line) for line in told.lines[:MOST_LINES])
    whole = json.dumps([told.seen, told.effect, *told.lines])
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
    return action.model_copy(update={"effect": clean(told.effect), "effect_lines": lines, "seen": digest})


def clean(text: str) -> str:
    """What another system says, without secrets and in one line."""
    return inert(cut_secrets(text))

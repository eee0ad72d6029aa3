"""Asking for an action by its name from the terminal: see what it would do, and approve it where you may."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from agent.settings import Settings
    from agent.state import Action


def list_askable(id: str, settings: "Settings", service: str, as_json: bool) -> None:
    """What could be asked for, and what the policy says of each."""
    import asyncio

    from agent.asking import askable

    found = asyncio.run(askable(id, settings, service))
    if as_json:
        typer.echo(json.dumps([asdict(item) for item in found], indent=2))
        return
    for item in found:
        typer.echo(f"{item.name:<24} {item.ruling:<14} {item.summary}")
    if not found:
        typer.echo("No action is configured; the actions of pcause.yaml declare them (docs/actions.md).", err=True)


def ask(id: str, name: str, settings: "Settings", service: str, undo: bool) -> str:
    """Ask, and say what came of it on standard error; the request that waits then, "" for none."""
    import asyncio

    from agent.asking import UNDO, ask_for
    from agent.doors.approving import requester

    action = asyncio.run(ask_for(id, UNDO if undo else name, settings, requester(), service=service))
    for line in told(action):
        typer.echo(line, err=True)
    return action.request_id


def told(action: "Action") -> tuple[str, ...]:
    """What became of asking, for a person; nothing where its card will be shown."""
    if action.request_id:
        return ()
    if action.risk == "dry_run":
        lines = (f"It would: {action.effect}", *(f"  {line}" for line in action.effect_lines))
        return (*lines, "The policy allows to look only, so nothing is asked and nothing was done.")
    return (f"Not possible: {action.sentence}",)

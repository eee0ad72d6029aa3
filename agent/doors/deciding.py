"""``pcause approve``, ``reject`` and ``act``: a person decides or asks, and the investigation goes on."""

from typing import TYPE_CHECKING, Annotated

import typer

from agent.doors.arguments import Id, Json, full_id, read_settings
from agent.doors.completing import complete_action

if TYPE_CHECKING:
    from agent.settings import Settings

Request = Annotated[str, typer.Option("--request", help="Only this request; default: all that wait.")]
Action = Annotated[str, typer.Argument(help="Name of an action; default: list them.", autocompletion=complete_action)]


def approve(
    id: Id,
    request: Request = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: you have read the card elsewhere.")] = False,
    as_json: Json = False,
) -> None:
    """Show exactly what would run, ask you, and go on with the investigation."""
    from rich.console import Console

    from agent.doors.approving import approve_all

    settings = read_settings()
    full = full_id(id, settings)
    approve_all(full, settings, request, yes, Console(stderr=True))
    _go_on(full, settings, as_json)


def reject(
    id: Id,
    reason: Annotated[str, typer.Option(help="Why; the report keeps it.")] = "",
    wrong_cause: Annotated[bool, typer.Option("--wrong-cause", help="Look for another cause.")] = False,
    request: Request = "",
    as_json: Json = False,
) -> None:
    """Reject what waits, and go on with the investigation."""
    from rich.console import Console

    from agent.doors.approving import reject_all

    settings = read_settings()
    full = full_id(id, settings)
    reject_all(full, settings, request, reason, wrong_cause, Console(stderr=True))
    _go_on(full, settings, as_json)


def act(
    id: Id,
    action: Action = "",
    service: Annotated[str, typer.Option(help="The service to touch; default: the one that is blamed.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Ask for the way back from what was done last.")] = False,
    as_json: Json = False,
) -> None:
    """Ask for an action by its name, such as a silence or a ticket; it is approved like any other."""
    from rich.console import Console

    from agent.doors.approving import approve_all
    from agent.doors.asking import ask, list_askable

    settings = read_settings()
    full = full_id(id, settings)
    if not action and not undo:
        list_askable(full, settings, service, as_json)
    elif request := ask(full, action, settings, service, undo):
        approve_all(full, settings, request, False, Console(stderr=True))
        _go_on(full, settings, as_json)


def _go_on(id: str, settings: "Settings", as_json: bool) -> None:
    """Here, unless more answers are needed or a server goes on with it already."""
    from agent.alone import NotResumable, WaitsForDecision
    from agent.approvals import Approvals
    from agent.doors.running import fail, finish
    from agent.investigate import resume

    try:
        finish(resume(id, settings), None, None, as_json)
    except WaitsForDecision:
        pass
    except NotResumable as elsewhere:
        typer.echo(f"{elsewhere}; see it with: pcause show {id}", err=True)
        return
    if Approvals(settings).pending(id):
        fail(f"{id} waits for another approval", code=4)

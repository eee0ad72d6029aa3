"""Approving and rejecting from the terminal, after the whole card was shown."""

from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from agent.approvals import Request
    from agent.settings import Settings


def approve_all(id: str, settings: "Settings", request_id: str, yes: bool, console: "Console") -> None:
    """Show what waits, ask, and count the answer; one request at a time. One that is not approved waits on, and keeps no
    other from being decided."""

    def confirmed(request: "Request") -> bool:
        if yes:
            return True
        console.print("Nothing runs before you say so.", style="dim")
        asked = f"Type {request.action} to approve exactly this"
        return bool(typer.prompt(asked, default="", show_default=False, err=True).strip() == request.action)

    _each(_waiting(id, settings, request_id), settings, console, confirmed, approved=True)


def reject_all(
    id: str, settings: "Settings", request_id: str, reason: str, wrong_cause: bool, console: "Console"
) -> None:
    """Show what waits and reject it, with a reason that the report keeps."""
    waiting = _waiting(id, settings, request_id)
    _each(waiting, settings, console, lambda _: True, approved=False, reason=reason, wrong_cause=wrong_cause)


def terminal_user() -> str:
    """The user of this process by its number, whatever the environment says."""
    import os
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def requester() -> str:
    """As the ledger knows who asks here: ``door:identity``."""
    return f"terminal:{terminal_user()}"


def _waiting(id: str, settings: "Settings", request_id: str) -> "list[Request]":
    from agent.approvals import Approvals

    pending = Approvals(settings).pending(id)
    found = [request for request in pending if request.id.startswith(request_id)]
    if not pending:
        _fail(f"nothing waits for an approval in {id}; pcause act {id} lists what could be asked for")
    if not found:
        _fail(f"no request {request_id} waits in {id}; there is {', '.join(request.id for request in pending)}")
    return found


def _each(
    requests: "list[Request]", settings: "Settings", console: "Console", confirmed: "Callable[[Request], bool]", *,
    approved: bool, reason: str = "", wrong_cause: bool = False,
) -> None:  # fmt: skip
    """Fails where no answer counted."""
    from agent.approvals import ApprovalRefused, Approvals

    approvals, who, counted = Approvals(settings), terminal_user(), 0
    for request in requests:
        try:
            ticket = approvals.ticket(request.id, "terminal", who)  # before it is shown: it is bound to what is shown
            _show(request, console)
            if not confirmed(request):
                typer.echo(f"pcause: {request.action} is not approved: nothing was done", err=True)
                continue
            decided = approvals.decide(ticket, "terminal", who, approved, reason, wrong_cause)
        except ApprovalRefused as refused:
            typer.echo(f"pcause: {refused}", err=True)
            continue
        console.print(told(decided.request), markup=False, highlight=False, soft_wrap=True)
        counted += 1
    if not counted:
        raise typer.Exit(1)


def _show(request: "Request", console: "Console") -> None:
    from rich.markup import escape

    from agent.approval_card import card

    for label, text in card(request):
        console.print(f"[bold]{escape(label):>22}[/]  {escape(text)}", highlight=False, soft_wrap=True)


def told(request: "Request") -> str:
    """What became of a request, in a line."""
    from agent.report.text import inert

    given = sum(vote.approved for vote in request.votes)
    state = f"{given} of {request.needs} approvals" if request.state == "pending" else request.state.value
    return f"{inert(request.action)} of {inert(request.target)}: {state}"


def _fail(message: str) -> NoReturn:
    typer.echo(f"pcause: {message}", err=True)
    raise typer.Exit(1)

"""Approving and rejecting from the terminal, after the whole card was shown; the policy explained; the audit log checked."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from agent.approvals import Request
    from agent.settings import Settings


def approve_all(id: str, settings: "Settings", request_id: str, yes: bool, console: "Console") -> None:
    """Show what waits, ask, and count the answer; one request at a time."""
    for request in _waiting(id, settings, request_id):
        ticket = _ticket(request, settings)  # before it is shown: it is bound to what is shown
        _show(request, console)
        if not yes:
            console.print("Nothing runs before you say so.", style="dim")
        said = request.action if yes else typer.prompt(f"Type {request.action} to approve exactly this", default="", show_default=False, err=True)  # fmt: skip
        if said.strip() != request.action:
            _fail("not approved: nothing was done")
        _decide(request, ticket, settings, approved=True, reason="", wrong_cause=False, console=console)


def reject_all(
    id: str, settings: "Settings", request_id: str, reason: str, wrong_cause: bool, console: "Console"
) -> None:
    """Reject what waits, with a reason that the report keeps."""
    for request in _waiting(id, settings, request_id):
        ticket = _ticket(request, settings)
        _decide(request, ticket, settings, approved=False, reason=reason, wrong_cause=wrong_cause, console=console)


def terminal_user() -> str:
    """The user of this process by its number, whatever the environment says."""
    import os
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _waiting(id: str, settings: "Settings", request_id: str) -> "list[Request]":
    from agent.approvals import Approvals

    found = [r for r in Approvals(settings).pending(id) if not request_id or r.id.startswith(request_id)]
    if not found:
        _fail(f"nothing waits for an approval in {id}")
    return found


def _show(request: "Request", console: "Console") -> None:
    from rich.markup import escape

    from agent.approval_card import card

    for label, text in card(request):
        console.print(f"[bold]{escape(label):>22}[/]  {escape(text)}", highlight=False, soft_wrap=True)


def _ticket(request: "Request", settings: "Settings") -> str:
    from agent.approvals import ApprovalRefused, Approvals

    try:
        return Approvals(settings).ticket(request.id, "terminal", terminal_user())
    except ApprovalRefused as refused:
        _fail(str(refused))


def _decide(
    request: "Request", ticket: str, settings: "Settings", *, approved: bool, reason: str, wrong_cause: bool,
    console: "Console",
) -> None:  # fmt: skip
    from agent.approvals import ApprovalRefused, Approvals

    try:
        decided = Approvals(settings).decide(ticket, "terminal", terminal_user(), approved, reason, wrong_cause)
    except ApprovalRefused as refused:
        _fail(str(refused))
    console.print(told(decided.request))


def told(request: "Request") -> str:
    """What became of a request, in a line."""
    from agent.report.text import inert

    given = sum(vote.approved for vote in request.votes)
    state = f"{given} of {request.needs} approvals" if request.state == "pending" else request.state.value
    return f"{inert(request.action)} of {inert(request.target)}: {state}"


policy_app = typer.Typer(name="policy", help="What may be done, and why.", no_args_is_help=True)
audit_app = typer.Typer(name="audit", help="Who asked for, approved and did what.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@policy_app.command("test")
def policy_test(
    action: Annotated[str, typer.Argument(help="Name of an action.")],
    service: Annotated[str, typer.Argument(help="Service that it touches.")],
    risk: Annotated[str, typer.Option(help="reversible or destructive; default: as the action is declared.")] = "",
    at: Annotated[str, typer.Option(help="When (RFC 3339 or epoch); default: now.")] = "",
    as_json: Json = False,
) -> None:
    """Explain what the policy says of an action, and which rule says it."""
    import time

    from agent.actions import build_actions
    from agent.alerts import parse_time
    from agent.policy import load_policy
    from agent.settings import load_settings
    from tools.spec import Risk

    settings = load_settings()
    known = build_actions(settings).get(action)
    if risk and risk not in list(Risk):
        _fail(f"there is no risk {risk!r}; there is {', '.join(Risk)}", 2)
    chosen = Risk(risk) if risk else known.risk if known else Risk.REVERSIBLE
    policy = load_policy(settings.policy)
    ruling = policy.decide(action, service, chosen, parse_time(at) if at else time.time())
    able = [approver.name for approver in policy.approvers if policy.may(approver.name, action)]
    if as_json:
        told = {**ruling.model_dump(mode="json"), "people": ruling.people, "approvers": able, "configured": bool(known)}
        typer.echo(json.dumps({"action": action, "service": service, "risk": chosen.value, **told}, indent=2))
        return
    typer.echo(f"{action} of {service} ({chosen.value}): {ruling.decision.value}. {ruling.why}.")
    typer.echo(f"Policy: {settings.policy or 'none; set PCAUSE_POLICY or write policy.yaml'}")
    if known is None:
        typer.echo(f"No action is configured as {action!r}; the actions of pcause.yaml declare them.")
    if ruling.people:
        typer.echo(f"Who may approve: {', '.join(able) or 'nobody yet; add approvers'} ({ruling.people} needed)")


@audit_app.command("verify")
def audit_verify(as_json: Json = False) -> None:
    """Check that no row of the audit log was changed, removed or added by somebody else. Fails where one was."""
    from agent.audit import Audit
    from agent.settings import load_settings

    audit = Audit(load_settings().home)
    problem, rows = audit.verify(), len(audit.all())
    if as_json:
        typer.echo(json.dumps({"whole": not problem, "rows": rows, "problem": problem}))
    else:
        typer.echo(f"The audit log is {'whole' if not problem else 'NOT whole: ' + problem} ({rows} rows).")
    if problem:
        raise typer.Exit(1)


@audit_app.command("show")
def audit_show(
    id: Annotated[str, typer.Argument(help="Investigation id; default: all.")] = "", as_json: Json = False
) -> None:
    """Show what happened, oldest first."""
    from agent.audit import Audit
    from agent.ledger import Ledger
    from agent.report.text import inert
    from agent.report.times import stamp
    from agent.settings import load_settings

    home = load_settings().home
    rows = Audit(home).of(Ledger(home).investigation(id).id) if id else Audit(home).all()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        door = f" ({row.door})" if row.door else ""
        typer.echo(f"{row.seq:>5}  {stamp(row.at)}  {row.investigation_id}  {row.what:<12} {inert(row.actor)}{door}  {inert(row.detail)}")  # fmt: skip


def example_policy(path: Path) -> None:
    """Write a policy to begin with: nothing but dry runs, and what an entry looks like."""
    path.write_text(_EXAMPLE, encoding="utf-8")


_EXAMPLE = """\
# Rules are asked in order; where none matches, nothing is done. Explain one with: pcause policy test ACTION SERVICE
version: 1
timezone: UTC
approvers: []
#  - {name: ann, terminal: ann, slack: U0123456, web_token_env: PCAUSE_TOKEN_ANN}
requester_may_approve: true
expires_minutes: 30
rules:
#  - {action: "rollback_*", service: "payments*", between: "Mon-Fri 08:00-18:00", decision: ask}
#  - {action: "*", risk: destructive, decision: ask_two}
  - {action: "*", decision: allow_dry_run}
"""


@policy_app.command("init")
def policy_init(path: Annotated[Path, typer.Argument(help="New file.")] = Path("policy.yaml")) -> None:
    """Write a policy to begin with: dry runs only."""
    if path.exists():
        _fail(f"{path} is there already", 2)
    example_policy(path)
    typer.echo(f"Wrote {path}")


def _fail(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"pcause: {message}", err=True)
    raise typer.Exit(code)

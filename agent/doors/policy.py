"""``pcause policy``: what may be done, and why; a file to begin with."""

import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from agent.doors.arguments import Json

app = typer.Typer(name="policy", help="What may be done, and why.", no_args_is_help=True)


@app.command("test")
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
        _fail(f"there is no risk {risk!r}; there is {', '.join(Risk)}")
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


@app.command("init")
def policy_init(path: Annotated[Path, typer.Argument(help="New file.")] = Path("policy.yaml")) -> None:
    """Write a policy to begin with: dry runs only."""
    if path.exists():
        _fail(f"{path} is there already")
    example_policy(path)
    typer.echo(f"Wrote {path}")


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


def _fail(message: str) -> NoReturn:
    typer.echo(f"pcause: {message}", err=True)
    raise typer.Exit(2)

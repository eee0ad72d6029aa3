"""``pcause audit``: who asked for, approved and did what; whether anybody changed it."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from agent.doors.arguments import Json

app = typer.Typer(name="audit", help="Who asked for, approved and did what.", no_args_is_help=True)


@app.command("verify")
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


@app.command("show")
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

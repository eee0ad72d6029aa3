"""``pcause lab``: cause faults in a world of real services and see what the product says about them."""

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals.lab.end_to_end_command import end_to_end
from evals.lab.opensearch_server import Engine, check_search

if TYPE_CHECKING:
    from evals.lab.scoring import Detail

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def register(app: typer.Typer) -> None:
    """Add the group ``lab`` to the command line."""
    lab = typer.Typer(help="Break a real shop on purpose and have it investigated.", no_args_is_help=True)
    lab.command("list")(list_faults)
    lab.command("run")(run)
    lab.command("end-to-end")(end_to_end)
    app.add_typer(lab, name="lab")


def list_faults(as_json: Json = False) -> None:
    """List the faults that there are."""
    from evals.lab.faults import every_fault

    rows = [
        {"fault": f.name, "service": f.truth.service, "kind": f.truth.kind.value, "summary": f.summary}
        for f in every_fault().values()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows[0], box=None)
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)


def run(
    faults: Annotated[list[str] | None, typer.Argument(help="Names of faults; see `pcause lab list`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every fault, one after the other.")] = False,
    as_json: Json = False,
    keep: Annotated[Path | None, typer.Option(help="Folder for the recordings, one folder a fault in it.")] = None,
    engine: Annotated[Engine, typer.Option(help="What keeps logs and spans.")] = Engine.AUTO,
    opensearch_classpath: Annotated[
        Path | None,
        typer.Option(envvar="PCAUSE_OPENSEARCH_CLASSPATH", help="File with the Java class path of OpenSearch."),
    ] = None,
    investigate: Annotated[
        bool, typer.Option(help="Have the alerts investigated; without it only faults and alerts are tried.")
    ] = True,
    act: Annotated[
        bool, typer.Option("--act", help="Have the action approved that ends the fault, and see whether it does.")
    ] = False,
) -> None:
    """Cause faults for real, each in a fresh world, and score the reports. About two minutes a fault."""
    from evals.lab.assembly import WorldOptions
    from evals.lab.drill import Drill
    from evals.lab.faults import UnknownFaultError, chosen_faults, every_fault
    from evals.lab.mending import MendError, remedy_of
    from evals.lab.scoring import score, summary
    from evals.lab.server_process import ServerError, check_installed

    try:
        chosen = list(every_fault().values()) if every else chosen_faults(faults or [])
        if act and not investigate:
            _fail("--act needs an investigation: leave --no-investigate out", 2)
        for fault in chosen if act else ():
            remedy_of(fault)
        check_installed()
        check_search(engine, opensearch_classpath)
    except (UnknownFaultError, MendError) as error:
        _fail(str(error), 2)
    except ServerError as error:
        _fail(str(error), 1)
    if not chosen:
        _fail("name at least one fault, or --all; `pcause lab list` shows them", 2)
    for stop in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore the first
        signal.signal(stop, signal.default_int_handler)
    options = WorldOptions(engine, opensearch_classpath, investigate, act)
    details: list[Detail] = []
    interrupted = False
    try:
        for fault in chosen:
            details.append(score(Drill(fault, options, _say, keep).run()))
    except KeyboardInterrupt:
        interrupted = True  # what was finished is still told
    if as_json:
        typer.echo(json.dumps(summary(details), indent=2))
    else:
        _print_table(details)
    if interrupted:
        _fail("interrupted; everything that was started is stopped", 130)


def _print_table(details: "list[Detail]") -> None:
    from rich.console import Console
    from rich.table import Table

    from evals.lab.scoring import summary

    table = Table(
        "fault", "happened", "service", "kind", "change", "probability", "s to alert", "s to report", box=None
    )
    for d in details:
        table.add_row(
            d.fault, "yes" if d.happened else "no", _mark(d.said_service, d.true_service, d.service_correct),
            _mark(d.said_kind, d.true_kind, d.kind_correct), _mark(d.said_change, d.true_change, d.change_correct),
            f"{d.probability:.2f}", _seconds(d.seconds_fault_to_alert), _seconds(d.seconds_alert_to_report),
        )  # fmt: skip
    console = Console()
    console.print(table)
    for d in details:
        if d.error:
            console.print(f"{d.fault}: {d.error}", markup=False, highlight=False)
    totals = {key: value for key, value in summary(details).items() if key != "details"}
    console.print(", ".join(f"{key} {value}" for key, value in totals.items()), highlight=False)


def _mark(said: str, true: str, right: bool) -> str:
    if right:
        return said[:20] or "none"
    return f"{said[:20] or 'nothing'} (is {true[:20] or 'none'})"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _fail(message: str, code: int) -> None:
    _say(message)
    raise typer.Exit(code)

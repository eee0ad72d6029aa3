"""Commands that measuring adds to ``pcause`` (by entry point, since nothing imports evals): demo and eval."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option(help="Folder with the benchmark, in its published layout.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    suites = typer.Typer(help="Measure on benchmarks that others made.", no_args_is_help=True)
    app.command()(demo)
    suites.command()(rootcausebench)
    app.add_typer(suites, name="eval")


def demo(
    html: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("report.html"),
    as_json: Json = False,
) -> None:
    """Investigate the bundled incident, a real one from the lab, and write report.html."""
    from agent.doors.cli import run_recording
    from evals.lab import bundled_incident

    folder = bundled_incident()
    run_recording(folder / "alert.json", folder, html=html, as_json=as_json)


def rootcausebench(
    data: Data,
    as_json: Json = False,
    without_culprit: Annotated[
        bool, typer.Option(help="Remove the guilty commit and its deploys; the truth becomes none.")
    ] = False,
    scenario: Annotated[str, typer.Option(help="Only scenarios whose id contains this.")] = "",
    explain: Annotated[str, typer.Option(help="Print the whole report of this scenario.")] = "",
) -> None:
    """RootCauseBench: name the guilty commit, or that there is none."""
    from evals.harness import run_rootcausebench

    run_rootcausebench(data, as_json=as_json, without_culprit=without_culprit, only=scenario, explain=explain)

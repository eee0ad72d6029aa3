"""Commands that measuring adds to ``pcause`` (by entry point, since nothing imports evals): demo and eval."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option(help="Folder with the benchmark, in its published layout.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

# The ranking suites: where each is, and what it is. Their modules load only when they run.
_SUITES = {
    "petshop": ("evals.petshop:PETSHOP", "PetShop: name the node at fault. Protocols: official, strict."),
    "nezha": ("evals.nezha:NEZHA", "Nezha: name the service at fault. Subsets: ob, tt."),
    "rcaeval": ("evals.rcaeval:RCAEVAL", "RCAEval and RCD: name the service at fault. Subsets: re1, re2, re3, rcd."),
    "openrca": ("evals.openrca:OPENRCA", "OpenRCA: name the component at fault. Subsets: bank, telecom, market."),
    "tvdiag": ("evals.tvdiag:TVDIAG", "TVDiag: name the instance at fault. Subsets: gaia, sockshop, hotel."),
}


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    suites = typer.Typer(help="Measure on benchmarks that others made.", no_args_is_help=True)
    app.command()(demo)
    suites.command()(rootcausebench)
    for name, (place, summary) in _SUITES.items():
        suites.command(name, help=summary)(_ranking(place))
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


def _ranking(place: str) -> Callable[..., None]:
    """The command of one ranking suite; all take the same options."""

    def command(
        data: Data,
        as_json: Json = False,
        subset: Annotated[str, typer.Option(help="Only this part of the benchmark; default: all that is there.")] = "",
        protocol: Annotated[str, typer.Option(help="How it is evaluated; default: the published way.")] = "",
        case: Annotated[str, typer.Option(help="Only cases whose id contains this.")] = "",
        without: Annotated[list[str] | None, typer.Option(help="Leave this channel out; repeatable.")] = None,
        explain: Annotated[str, typer.Option(help="Print suspects, findings and path of this case.")] = "",
    ) -> None:
        from evals.ranking import Options, run

        module, _, name = place.partition(":")
        suite = getattr(import_module(module), name)
        run(
            suite, data, Options(subset, protocol, case, frozenset(without or ())), as_json=as_json, explain=explain
        )

    return command

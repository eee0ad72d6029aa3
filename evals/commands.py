"""Commands that measuring adds to ``pcause`` (by entry point, since nothing imports evals): demo and eval."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evals.suite import Suite

Data = Annotated[Path, typer.Option(help="Folder with the benchmark, in its published layout.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

# The ranking suites: where each is, and what it is. Their modules load only when they run.
SUITES = {
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
    suites.command()(runbooks)
    suites.command()(security)
    for name, (_, summary) in SUITES.items():
        suites.command(name, help=summary)(_ranking(name))
    app.add_typer(suites, name="eval")


def demo(
    html: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("report.html"),
    as_json: Json = False,
) -> None:
    """Investigate the bundled incident, a real one from the lab, and write report.html."""
    from agent.doors.running import investigate_recording
    from agent.settings import load_settings
    from evals.lab import bundled_incident

    investigate_recording("", bundled_incident(), load_settings(), html=html, as_json=as_json)


def security(
    corpus: Annotated[
        Path | None, typer.Option(help="Injections, one JSON string a line; default: our own 1,000.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Injections, forged approvals, secrets, queries of death: what was tried, and what it did. Fails unless nothing did."""
    from evals.security.suite import CorpusError, held, run

    try:
        found = run(corpus, lambda text: typer.echo(text, err=True))
    except CorpusError as error:
        typer.echo(f"pcause: {error}", err=True)
        raise typer.Exit(2) from None
    details = found["details"]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        for name in (name for name in found if name != "details"):
            typer.echo(f"{name.replace('_', ' ')}: {found[name]:,}")
        for text in (text for values in details.values() if isinstance(values, list) for text in values):
            typer.echo(f"  {text}")
    if not held(found):
        raise typer.Exit(1)


def rootcausebench(
    data: Data,
    as_json: Json = False,
    without_culprit: Annotated[
        bool, typer.Option(help="Remove the guilty commit and its deploys; the truth becomes none.")
    ] = False,
    scenario: Annotated[str, typer.Option(help="Only scenarios whose id contains this.")] = "",
    explain: Annotated[str, typer.Option(help="Print the whole report of this scenario.")] = "",
    reasoner: Annotated[str, typer.Option(help="auto, statistical or llm; default: as the settings say.")] = "",
    model: Annotated[str, typer.Option(help="Language model, like openai:gpt-5-mini; see OPENAI_BASE_URL.")] = "",
) -> None:
    """RootCauseBench: name the guilty commit, or that there is none."""
    from agent.doors.reading import with_models
    from agent.settings import load_settings
    from evals.harness import run_rootcausebench

    settings = with_models(load_settings(), reasoner, model)
    run_rootcausebench(data, settings, as_json, without_culprit, only=scenario, explain=explain)


def runbooks(
    data: Annotated[Path, typer.Option(help="Folder with runbooks in Markdown.")],
    queries: Annotated[Path, typer.Option(help="File of JSON lines: query, and the paths that are relevant.")],
    as_json: Json = False,
) -> None:
    """Runbook retrieval: find the runbooks that a question is about."""
    from evals.retrieval import run_runbooks

    run_runbooks(data, queries, as_json)


def suite_of(name: str) -> "Suite":
    """The ranking suite of that name."""
    if name not in SUITES:
        from agent.doors.reading import InputError

        raise InputError(f"{name!r} is no ranking suite; there are {', '.join(SUITES)}")
    module, _, attribute = SUITES[name][0].partition(":")
    found: Suite = getattr(import_module(module), attribute)
    return found


def _ranking(name: str) -> Callable[..., None]:
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

        options = Options(subset, protocol, case, frozenset(without or ()))
        run(suite_of(name), data, options, as_json=as_json, explain=explain)

    return command

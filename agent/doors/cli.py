"""The command line: parse, call the core, render, choose the exit code. Heavy parts load inside the commands.

Exit codes: 0 done, 1 failed, 2 usage, 3 a ceiling ended it, 4 waits for approval.
"""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agent.events import Event
    from agent.settings import Settings
    from agent.state import Report

app = typer.Typer(
    name="pcause",
    help="An alert in, a checked root-cause report out. Needs no key and no server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Html = Annotated[Path | None, typer.Option(help="Also write the report as one self-contained HTML page.")]
Markdown = Annotated[Path | None, typer.Option(help="Also write the report as Markdown.")]


def _complete_id(incomplete: str) -> list[str]:
    from agent.investigate import investigation_ids
    from agent.settings import load_settings

    return [id for id in investigation_ids(load_settings()) if id.startswith(incomplete)]


Id = Annotated[str, typer.Argument(help="Investigation id, or its first characters.", autocompletion=_complete_id)]


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"pcause {version('probable-cause')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options for every command."""


@app.command()
def investigate(
    alert: Annotated[
        str, typer.Argument(help="Alert as JSON: a file, or - for standard input; default: the recording's.")
    ] = "",
    recording: Annotated[Path | None, typer.Option(help="Folder with a recorded incident.")] = None,
    service: Annotated[str, typer.Option(help="The service, where the alert names none.")] = "",
    budget_usd: Annotated[str | None, typer.Option(help="Ceiling in US dollars for this investigation.")] = None,
    html: Html = None,
    markdown: Markdown = None,
    as_json: Json = False,
) -> None:
    """Investigate an alert over a recording and print the report."""
    if recording is None:
        _fail("no telemetry to read: give --recording DIR (live sources come later)", code=2)
    assert recording is not None  # noqa: S101 - _fail does not return
    source = alert or str(recording / "alert.json")
    run_recording(
        source,
        recording,
        html=html,
        markdown=markdown,
        as_json=as_json,
        service=service,
        budget_usd=budget_usd,
    )


@app.command()
def resume(id: Id, html: Html = None, markdown: Markdown = None, as_json: Json = False) -> None:
    """Go on with an investigation that was interrupted, where it stopped."""
    from agent.investigate import resume as go_on

    settings = _settings()
    _finish(go_on(_full_id(id, settings), settings), html, markdown, as_json)


@app.command()
def replay(id: Id, as_json: Json = False) -> None:
    """Run an ended investigation again over its recorded answers; fails when the report differs."""
    from agent.events import Compared
    from agent.investigate import replay as again

    settings = _settings()
    events = _finish(again(_full_id(id, settings), settings), None, None, as_json)
    verdict = next((event for event in events if isinstance(event, Compared)), None)
    if verdict is None or not verdict.same:
        names = ", ".join(verdict.differences) if verdict else "it did not end"
        _fail(f"the replay differs from the recorded report: {names}", code=1)
    typer.echo("The replay gives the same report, but for ids and times.", err=True)


@app.command("list")
def list_(limit: Annotated[int, typer.Option(help="How many, newest first.")] = 20, as_json: Json = False) -> None:
    """List investigations."""
    from agent.doors.listing import print_listing

    print_listing(_settings(), limit, as_json)


@app.command()
def show(id: Id, html: Html = None, markdown: Markdown = None, as_json: Json = False) -> None:
    """Show the report of an investigation."""
    from agent.ledger import Ledger
    from agent.state import Report

    settings = _settings()
    ledger = Ledger(settings.home)
    row = ledger.investigation(_full_id(id, settings))
    if not row.report:
        stage = next((name for name, _ in reversed(ledger.stages(row.id))), "no stage")
        _fail(
            f"{row.id} is {row.status} after {stage} and has no report yet; go on with: pcause resume {row.id}", code=1
        )
    _print(Report.model_validate_json(row.report), html, markdown, as_json)


@app.command()
def explain(
    id: Id,
    html: Annotated[Path | None, typer.Option(help="Write it as one self-contained HTML page instead.")] = None,
    as_json: Json = False,
) -> None:
    """Show what stands behind a verdict: suspects, what each channel adds, series, the call graph, findings."""
    from agent.doors.explaining import print_explanation

    settings = _settings()
    print_explanation(_full_id(id, settings), settings, html, as_json)


@app.command()
def record(id: Id, folder: Annotated[Path, typer.Argument(help="New folder for the recording.")]) -> None:
    """Write what an investigation saw as a recording, to share it or to make a test of it."""
    from agent.recorder import record_investigation

    settings = _settings()
    written = record_investigation(_full_id(id, settings), folder, settings)
    typer.echo(f"Wrote {', '.join(written)} to {folder}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check that this installation can work, and say how to mend what cannot."""
    from agent.doors.doctor import examine

    raise typer.Exit(examine(_settings(), as_json))


def _settings() -> "Settings":
    from agent.settings import load_settings

    return load_settings()


def _full_id(id: str, settings: "Settings") -> str:
    from agent.ledger import Ledger

    return Ledger(settings.home).investigation(id).id


def run_recording(
    alert: str | Path, recording: Path, *, html: Path | None = None, markdown: Path | None = None, as_json: bool = False,
    service: str = "", budget_usd: str | None = None,
) -> None:  # fmt: skip
    """Investigate one alert over one recording and print the report."""
    from agent.alerts import parse_alert
    from agent.doors.reading import read_json, with_budget
    from agent.investigate import investigate as begin
    from agent.sources import Source
    from tools.recording import recording_tools

    recording_tools(recording)  # a folder that is no recording is an error of usage, before anything starts
    parsed = parse_alert(read_json(alert))
    if service:
        parsed = parsed.model_copy(update={"entity": service})
    settings = with_budget(_settings(), budget_usd)
    source = Source(kind="recording", place=str(recording.resolve()))
    _finish(begin(parsed, source, settings), html, markdown, as_json)


def _finish(events: "AsyncIterator[Event]", html: Path | None, markdown: Path | None, as_json: bool) -> "list[Event]":
    """Drain the events, print the report, and exit with the code that says how it went."""
    import asyncio

    from rich.console import Console

    from agent.doors.progress import drain
    from agent.events import ApprovalNeeded

    seen, report = asyncio.run(drain(events, Console(stderr=True)))
    waiting = next((event for event in seen if isinstance(event, ApprovalNeeded)), None)
    if waiting is not None:
        typer.echo(f"Waits for approval: {', '.join(a.sentence for a in waiting.actions)}", err=True)
        raise typer.Exit(4)
    if report is None:
        _fail("the investigation ended without a report", code=1)
    assert report is not None  # noqa: S101 - _fail does not return
    _print(report, html, markdown, as_json)
    if report.ceiling is not None:
        raise typer.Exit(3)
    return seen


def _print(report: "Report", html: Path | None, markdown: Path | None, as_json: bool) -> None:
    from rich.console import Console

    from agent.doors.reading import write_text
    from agent.report.as_json import render_json

    if html is not None:
        from agent.report.html import render_html

        write_text(html, render_html(report))
    if markdown is not None:
        from agent.report.markdown import render_markdown

        write_text(markdown, render_markdown(report))
    if as_json:
        typer.echo(render_json(report))
        return
    from agent.report.terminal import render_terminal

    Console().print(render_terminal(report))
    if html is not None:
        typer.echo(f"Wrote {html}", err=True)


def _fail(message: str, code: int) -> None:
    typer.echo(f"pcause: {message}", err=True)
    raise typer.Exit(code)


def main() -> None:
    """Entry point: errors that a person can mend are one line, and Ctrl+C leaves a resumable investigation."""
    from agent.doors.errors import friendly

    for entry in entry_points(group="pcause.commands"):
        entry.load()(app)
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("Interrupted. Go on with: pcause resume ID (pcause list shows the id)", err=True)
        sys.exit(130)
    except Exception as error:
        message = friendly(error)
        if message is None:
            raise
        typer.echo(f"pcause: {message}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

"""The command line: parse, call the core, render, choose the exit code. Heavy parts load inside the commands.

Exit codes: 0 done, 1 failed, 2 usage, 3 a ceiling ended it, 4 waits for approval.
"""

import logging
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from agent.doors import deciding
from agent.doors.arguments import Html, Id, Json, Markdown, full_id, read_settings

_INTERRUPTED = 130

app = typer.Typer(
    name="pcause",
    help="An alert in, a checked root-cause report out. Needs no key and no server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    recording: Annotated[Path | None, typer.Option(help="Folder with a recorded incident; default: live.")] = None,
    service: Annotated[str, typer.Option(help="The service, where the alert names none, or there is no alert.")] = "",
    start: Annotated[
        str, typer.Option(help="Without an alert: when the trouble was first seen (RFC 3339 or epoch).")
    ] = "",
    end: Annotated[str, typer.Option(help="Without an alert: look no further than this; default: now.")] = "",
    budget_usd: Annotated[str | None, typer.Option(help="Ceiling in US dollars for this investigation.")] = None,
    reasoner: Annotated[
        str, typer.Option(help="auto asks a model only where causes are close; statistical never, llm always.")
    ] = "",
    model: Annotated[str, typer.Option(help="Language model, like openai:gpt-5-mini or ollama:qwen3.")] = "",
    html: Html = None,
    markdown: Markdown = None,
    as_json: Json = False,
) -> None:
    """Investigate an alert over live systems (PROMETHEUS_URL, OPENSEARCH_URL, pcause.yaml) or over a recording."""
    from agent.doors.reading import with_budget, with_models
    from agent.doors.running import alert_of, finish, investigate_recording, live_source

    settings = with_models(with_budget(read_settings(), budget_usd), reasoner, model)
    if recording is not None:
        investigate_recording(alert, recording, settings, service, html, markdown, as_json)
        return
    from agent.doors.approving import requester
    from agent.investigate import investigate as begin

    source, parsed = live_source(settings), alert_of(alert, service, start, end)
    finish(begin(parsed, source, settings, requested_by=requester()), html, markdown, as_json)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; other than this machine needs a token.")] = "",
    port: Annotated[int | None, typer.Option(help="Port; default 8687.")] = None,
) -> None:
    """Take alerts and changes over HTTP, investigate each alert, and show the reports."""
    from agent.doors.server import serve as run

    settings = read_settings()
    if settings.prometheus is None and settings.opensearch is None:
        typer.echo(
            "No telemetry is configured, so no report can find a cause: set PROMETHEUS_URL or OPENSEARCH_URL", err=True
        )
    given = {name: value for name, value in (("host", host or None), ("port", port)) if value is not None}
    settings = settings.model_copy(update={"server": settings.server.model_copy(update=given)})
    typer.echo(f"Pages: http://{settings.server.host}:{settings.server.port}/investigations", err=True)
    run(settings)


@app.command()
def resume(id: Id, html: Html = None, markdown: Markdown = None, as_json: Json = False) -> None:
    """Go on with an investigation that was interrupted, where it stopped."""
    from agent.doors.running import finish
    from agent.investigate import resume as go_on

    settings = read_settings()
    finish(go_on(full_id(id, settings), settings), html, markdown, as_json)


app.command()(deciding.approve)
app.command()(deciding.reject)
app.command()(deciding.act)


@app.command()
def replay(id: Id, as_json: Json = False) -> None:
    """Run an ended investigation again over its recorded answers; fails when the report differs."""
    from agent.doors.running import fail, finish
    from agent.events import Compared
    from agent.investigate import replay as again

    settings = read_settings()
    events = finish(again(full_id(id, settings), settings), None, None, as_json)
    verdict = next((event for event in events if isinstance(event, Compared)), None)
    if verdict is None or not verdict.same:
        names = ", ".join(verdict.differences) if verdict else "it did not end"
        fail(f"the replay differs from the recorded report: {names}", code=1)
    typer.echo("The replay gives the same report, but for ids and times.", err=True)


@app.command("list")
def list_(limit: Annotated[int, typer.Option(help="How many, newest first.")] = 20, as_json: Json = False) -> None:
    """List investigations."""
    from agent.doors.listing import print_listing

    print_listing(read_settings(), limit, as_json)


@app.command()
def show(id: Id, html: Html = None, markdown: Markdown = None, as_json: Json = False) -> None:
    """Show the report of an investigation."""
    from agent.doors.running import fail, print_report
    from agent.ledger import Ledger
    from agent.report.model import Report

    settings = read_settings()
    ledger = Ledger(settings.home)
    row = ledger.investigation(full_id(id, settings))
    if not row.report:
        stage = next((name for name, _ in reversed(ledger.stages(row.id))), "no stage")
        fail(
            f"{row.id} is {row.status} after {stage} and has no report yet; go on with: pcause resume {row.id}", code=1
        )
    print_report(Report.model_validate_json(row.report), html, markdown, as_json)


@app.command()
def explain(
    id: Id,
    html: Annotated[Path | None, typer.Option(help="Write it as one self-contained HTML page instead.")] = None,
    as_json: Json = False,
) -> None:
    """Show what stands behind a verdict: suspects, what each channel adds, series, the call graph, findings."""
    from agent.doors.explaining import print_explanation

    settings = read_settings()
    print_explanation(full_id(id, settings), settings, html, as_json)


@app.command()
def record(id: Id, folder: Annotated[Path, typer.Argument(help="New folder for the recording.")]) -> None:
    """Write what an investigation saw as a recording, to share it or to make a test of it."""
    from agent.recorder import record_investigation

    settings = read_settings()
    written = record_investigation(full_id(id, settings), folder, settings)
    typer.echo(f"Wrote {', '.join(written)} to {folder}")


@app.command()
def confirm(
    id: Id, fix: Annotated[str, typer.Option(help="What helped, in a sentence; default: what was proposed.")] = ""
) -> None:
    """Say that a report was right: it is kept, and shown when the same is found again."""
    from agent.past_incidents import confirm as keep

    settings = read_settings()
    typer.echo(f"Kept as {keep(full_id(id, settings), settings, fix)}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check that this installation can work, and say how to mend what cannot."""
    from agent.doors.doctor import examine

    raise typer.Exit(examine(read_settings(), as_json))


def _own_log() -> logging.Handler:
    """Warnings on standard error, without secrets; what cuts them loads with the first line."""

    def cut(record: logging.LogRecord) -> bool:
        from agent.redaction import RedactingFilter

        return RedactingFilter().filter(record)

    handler = logging.StreamHandler()
    handler.addFilter(cut)
    return handler


def main() -> None:
    """Entry point: errors that a person can mend are one line, and Ctrl+C leaves a resumable investigation."""
    from agent.doors import audit, chat, cost, mcp, policy, runbooks, slack, training
    from agent.doors.errors import friendly

    logging.basicConfig(level=logging.WARNING, handlers=[_own_log()], format="%(levelname)s: %(message)s")
    app.command()(cost.cost)
    app.command()(training.export_training)
    app.command()(chat.chat)
    app.command()(slack.slack)
    app.command()(mcp.mcp)
    app.command("mcp-tools")(mcp.mcp_tools)
    app.add_typer(runbooks.app, name="runbooks")
    app.add_typer(policy.app, name="policy")
    app.add_typer(audit.app, name="audit")
    for entry in entry_points(group="pcause.commands"):
        entry.load()(app)
    try:
        app()
    except (KeyboardInterrupt, SystemExit) as ended:
        if isinstance(ended, SystemExit) and ended.code != _INTERRUPTED:  # Typer ends the program itself
            raise
        typer.echo("Interrupted. Go on with: pcause resume ID (pcause list shows the id)", err=True)
        sys.exit(_INTERRUPTED)
    except Exception as error:
        message = friendly(error)
        if message is None:
            raise
        typer.echo(f"pcause: {message}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

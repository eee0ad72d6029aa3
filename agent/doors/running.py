"""Running an investigation from the terminal: what to look at, the progress, the report, the exit code."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import typer

from agent.events import Event
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from agent.state import Alert


def investigate_recording(
    alert: str | Path, recording: Path, settings: Settings, service: str = "", html: Path | None = None,
    markdown: Path | None = None, as_json: bool = False,
) -> None:  # fmt: skip
    """Investigate one alert over one recording and print the report."""
    from agent.alerts import parse_alert
    from agent.doors.approving import requester
    from agent.doors.reading import read_json
    from agent.investigate import investigate as begin
    from tools.recording import recording_tools

    recording_tools(recording)  # a folder that is no recording is an error of usage, before anything starts
    parsed = parse_alert(read_json(alert or recording / "alert.json"))
    if service:
        parsed = parsed.model_copy(update={"entity": service})
    source = Source(kind="recording", place=str(recording.resolve()))
    finish(begin(parsed, source, settings, requested_by=requester()), html, markdown, as_json)


def live_source(settings: Settings) -> Source:
    """The live systems of the settings; ends the program where there are none."""
    if settings.prometheus is None and settings.opensearch is None:
        fail("no telemetry to read: give --recording DIR, or set PROMETHEUS_URL and OPENSEARCH_URL", code=2)
    return Source(kind="live")


def alert_of(alert: str, service: str, start: str, end: str) -> Alert:
    """The alert that was given; without one, somebody's question about a service and a time."""
    from agent.alerts import parse_alert, parse_time
    from agent.doors.reading import read_json

    if alert:
        parsed = parse_alert(read_json(alert))
        return parsed.model_copy(update={"entity": service}) if service else parsed
    if not service:
        fail("nothing to investigate: give an alert (a file, or - for standard input) or --service NAME", code=2)
    until = parse_time(end) if end else None
    fired_at = parse_time(start) if start else until or time.time()
    raw = {"name": f"asked about {service}", "service": service, "fired_at": fired_at}
    return parse_alert(raw, source="terminal").model_copy(update={"until": until})


def finish(events: AsyncIterator[Event], html: Path | None, markdown: Path | None, as_json: bool) -> list[Event]:
    """Drain the events, print the report, and exit with the code that says how it went."""
    import asyncio

    from rich.console import Console

    from agent.doors.progress import drain
    from agent.events import ApprovalNeeded

    seen, report = asyncio.run(drain(events, Console(stderr=True)))
    waiting = next((event for event in seen if isinstance(event, ApprovalNeeded)), None)
    if waiting is not None:
        if report is not None:
            print_report(report, html, markdown, as_json)
        what = ", ".join(f"{action.name} of {action.target}" for action in waiting.actions)
        id = waiting.investigation_id
        typer.echo(f"Waits for approval: {what}. Look and decide: pcause approve {id}, or pcause reject {id}", err=True)
        raise typer.Exit(4)
    if report is None:
        fail("the investigation ended without a report", code=1)
    print_report(report, html, markdown, as_json)
    if report.ceiling is not None:
        raise typer.Exit(3)
    return seen


def print_report(report: Report, html: Path | None, markdown: Path | None, as_json: bool) -> None:
    """The report on standard output, and in the files that were asked for."""
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


def fail(message: str, code: int) -> NoReturn:
    """One line on standard error, and the exit code."""
    typer.echo(f"pcause: {message}", err=True)
    raise typer.Exit(code)

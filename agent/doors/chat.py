"""``pcause chat``: ask in words, watch, steer and decide, in a terminal or line by line from a pipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agent.doors.chatting.session import Session
    from agent.settings import Settings


def chat(
    id: Annotated[str, typer.Argument(help="Investigation to open, or its first characters; default: none.")] = "",
    recording: Annotated[Path | None, typer.Option(help="Ask about a recorded incident; default: live.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer each line of standard input with a line of JSON.")] = False,
) -> None:  # fmt: skip
    """Ask in words, follow investigations, steer them, and decide about actions. Reads lines where input is no terminal."""
    from agent.settings import load_settings

    raise typer.Exit(run_chat(open_session(load_settings(), id, recording, as_json)))


def open_session(settings: "Settings", id: str, recording: Path | None, as_json: bool) -> "Session":
    """Raises ``UnknownInvestigation``, ``RecordingError``, ``LedgerError``."""
    import sys

    from rich.console import Console

    from agent.doors.approving import terminal_user
    from agent.doors.chatting.session import Session
    from agent.ledger import Ledger
    from agent.sources import Source

    source = Source(kind="live")
    if recording is not None:
        from tools.recording import recording_tools

        recording_tools(recording)  # a folder that is no recording is told before anything starts
        source = Source(kind="recording", place=str(recording.resolve()))
    full = Ledger(settings.home).investigation(id).id if id else ""
    console = Console(highlight=False)
    both = console.is_terminal and sys.stdin.isatty() and not as_json
    progress = console if both else Console(stderr=True, highlight=False)
    return Session(settings, source, console, terminal_user(), progress, full, as_json)


def run_chat(session: "Session") -> int:
    """The exit code."""
    import asyncio
    import sys

    if sys.stdin.isatty() and session.console.is_terminal and not session.json:
        from agent.doors.chatting.terminal import converse

        asyncio.run(converse(session))
        return 0
    from agent.doors.chatting.plain import answer_lines

    return asyncio.run(answer_lines(session))

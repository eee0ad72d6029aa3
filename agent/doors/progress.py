"""A run from a command: told on standard error in a terminal, silent elsewhere."""

from collections.abc import AsyncIterator

from rich.console import Console

from agent.doors.watching import Telling
from agent.events import ApprovalNeeded, Event, Finished
from agent.report.model import Report


async def drain(events: AsyncIterator[Event], console: Console) -> tuple[list[Event], Report | None]:
    """Show every event and collect them; the report when there is one."""
    seen: list[Event] = []
    report: Report | None = None
    with Telling(console) as telling:
        async for event in events:
            seen.append(event)
            if isinstance(event, Finished | ApprovalNeeded):
                report = event.report
            # The command says itself how to answer what waits.
            if console.is_terminal and not isinstance(event, ApprovalNeeded):
                telling.show(event)
    return seen, report

"""Stages as they happen, on standard error: live in a terminal, silent elsewhere."""

from collections.abc import AsyncIterator
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from agent.events import (
    ApprovalNeeded,
    Event,
    EvidenceFound,
    Finished,
    Performed,
    Ranked,
    StageFinished,
    StageStarted,
    Started,
    Verified,
)
from agent.report.model import Report
from agent.report.text import inert


class Progress:
    """A context manager; ``show`` takes every event."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, transient=True, refresh_per_second=8) if console.is_terminal else None
        self._lines: list[str] = []
        self._answers = 0

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, event: Event) -> None:
        match event:
            case Started(id, alert, resumed):
                self._say(f"{'resuming' if resumed else 'investigating'} {inert(alert.name)} as {id}")
            case StageStarted(stage, branch):
                self._lines.append(f"  {stage}{' ' + branch if branch else ''} …")
            case StageFinished(stage, branch):
                running = f"  {stage}{' ' + branch if branch else ''} …"
                if running in self._lines:
                    self._lines[self._lines.index(running)] = running.replace(" …", " done")
            case EvidenceFound(item):
                self._answers += 1
                self._lines.append(f"    {item.tool}: {inert(item.summary)[:90]}")
            case Ranked(hypotheses):
                self._lines.append(
                    f"    leading: {inert(hypotheses[0].sentence)[:90]} ({hypotheses[0].probability:.0%})"
                )
            case Performed(action, result):
                self._lines.append(f"    {action}: {result.outcome.replace('_', ' ')}. {inert(result.detail)[:90]}")
            case Verified(verification):
                self._lines.append(f"    {inert(verification.sentence)[:90]}")
            case _:
                return
        if self._live:
            self._live.update(Text("\n".join(self._lines[-12:])))

    def _say(self, text: str) -> None:
        if self._live:
            self._lines.append(text)


async def drain(events: AsyncIterator[Event], console: Console) -> tuple[list[Event], Report | None]:
    """Show every event and collect them; the report when there is one."""
    seen: list[Event] = []
    report: Report | None = None
    with Progress(console) as progress:
        async for event in events:
            progress.show(event)
            seen.append(event)
            if isinstance(event, Finished | ApprovalNeeded):
                report = event.report
    return seen, report

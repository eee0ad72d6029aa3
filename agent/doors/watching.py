"""A run as it happens: each stage, answer and ranking is a line that stays; below them a live one says what goes on."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from agent.event_log import as_logged
from agent.events import Event, Started
from agent.report.text import inert
from agent.report.times import duration, percent

_BAR = 10
_SPIN = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Telling:
    """A context manager; ``show`` takes the events of a run of ours, ``tell`` those of another's as its log has them."""

    def __init__(self, console: Console, stop: str = "Ctrl+C stops") -> None:
        self._console, self._stop, self._began = console, stop, time.monotonic()
        self._stage, self._answers = "beginning", 0
        alive = console.is_terminal and not console.is_dumb_terminal
        self._live = Live(console=console, get_renderable=self._line, transient=True, refresh_per_second=6) if alive else None  # fmt: skip

    def __enter__(self) -> "Telling":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, event: Event) -> None:
        """Print what happens here."""
        if isinstance(event, Started):
            verb = "Going on with" if event.resumed else "Investigating"
            words = f"{verb} {inert(event.alert.name, 120)} as {event.investigation_id}"
            self._console.print(words, markup=False, highlight=False)
        if logged := as_logged(event):
            self.tell(*logged)

    def tell(self, kind: str, body: Mapping[str, Any]) -> None:
        """Print what happened, in a line or some."""
        if kind == "stage":
            self._stage = f"{body['stage']} {body['branch']}".strip()
        self._answers += kind == "evidence"
        for line in told(kind, body):
            self._console.print(line)

    def _line(self) -> Text:
        seconds = time.monotonic() - self._began
        spin = _SPIN[int(seconds * 8) % len(_SPIN)]
        words = f"{spin} {inert(self._stage, 40)} · {duration(seconds)} · {self._answers} answers · {self._stop}"
        line = Text(words, style="dim", no_wrap=True)
        line.truncate(self._console.width - 1, overflow="ellipsis")
        return line


def told(kind: str, body: Mapping[str, Any]) -> list[Text]:
    """An event in lines; what it says is inert."""
    match kind:
        case "stage":
            return [Text(f"▸ {inert(str(body['stage']))} {inert(str(body['branch']))}".rstrip(), style="bold")]
        case "evidence":
            outcome = "" if body["outcome"] == "rows" else f"{inert(str(body['outcome']))}: "
            return [Text(f"  {inert(str(body['id']), 20)} {inert(str(body['tool']), 30)}: {outcome}{inert(str(body['summary']), 160)}", overflow="fold")]  # fmt: skip
        case "ranked":
            return [_hypothesis(h) for h in body["hypotheses"][:3]]
        case "approval_needed":
            return [Text("An action waits for approval.", style="bold")]  # fmt: skip
        case "decided":
            reason = f": {inert(str(body['reason']))}" if body["reason"] else ""
            return [
                Text(f"  {inert(str(body['state']))} by {inert(str(body['by']))} ({inert(str(body['door']))}){reason}")
            ]
        case "acted":
            return [Text(f"  {inert(str(body['action']))}: {str(body['outcome']).replace('_', ' ')}. {inert(str(body['detail']), 300)}")]  # fmt: skip
        case "verified":
            return [Text(f"  {inert(str(body['sentence']), 300)}")]
        case "steered":
            return [Text(f"  {inert(str(body['by']))} said: {inert(str(body['text']), 300)}")]
        case _:
            return []


def _hypothesis(item: Mapping[str, Any]) -> Text:
    probability = float(item["probability"])
    bar = "█" * round(probability * _BAR)
    return Text(f"  {inert(str(item['id']), 8)} {bar:<{_BAR}} {percent(probability):>10}  {inert(str(item['sentence']), 200)}", overflow="fold")  # fmt: skip

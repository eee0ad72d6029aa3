"""A real pseudo-terminal with the chat in it, and a screen that shows what a person would see."""

import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pyte

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("chat_program.py")


class _Screen(pyte.HistoryScreen):
    """Answers where the cursor is, as a real terminal does."""

    child: "pexpect.spawn[bytes]"

    def write_process_input(self, data: str) -> None:
        self.child.send(data)


class Terminal:
    """``raw`` is everything that was written, ``shown`` what stands on the screen and above it."""

    def __init__(
        self, home: Path, id: str, recording: str, board: str, columns: int, rows: int, env: Mapping[str, str]
    ):
        told = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "TZ": "UTC", **env}
        told.pop("COLUMNS", None)
        told.pop("LINES", None)
        if "NO_COLOR" not in env:
            told.pop("NO_COLOR", None)
        arguments = [str(PROGRAM), str(home), id, recording, board]
        self.child = pexpect.spawn(
            sys.executable, arguments, dimensions=(rows, columns), env=told, cwd=str(home.parent)
        )
        self.screen = _Screen(columns, rows, history=5_000, ratio=0.5)
        self.screen.child = self.child
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._mark = 0

    @property
    def shown(self) -> str:
        return "\n".join(self._lines())

    @property
    def fresh(self) -> str:
        """What is shown since the last question was typed."""
        return "\n".join(self._lines()[self._mark :])

    def _lines(self) -> list[str]:
        above = ["".join(line[x].data for x in range(self.screen.columns)) for line in self.screen.history.top]
        return [*above, *self.screen.display]

    def pump(self, seconds: float = 0.05) -> None:
        """Take what the program writes for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                data = self.child.read_nonblocking(65_536, timeout=0.05)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return
            self.raw += data
            self._stream.feed(data)

    def until(self, text: str, seconds: float = 60) -> str:
        """Wait until a text is shown, however its lines are broken; everything that is shown then."""
        wanted, end = _flat(text), time.monotonic() + seconds
        while wanted not in _flat(self.fresh):
            assert time.monotonic() < end, f"{text!r} is not shown:\n{self.shown[-3000:]}"
            assert self.child.isalive() or not self._gone(), f"it ended:\n{self.shown[-3000:]}"
            self.pump()
        return self.fresh

    def _gone(self) -> bool:
        self.pump(0.2)
        return True

    def type(self, text: str) -> None:
        self.child.send(text + "\r")

    def ask(self, text: str, answer: str, seconds: float = 60) -> str:
        """Type a line, and wait for its answer and the next prompt; what is shown since then."""
        self.mark()
        self.type(text)
        self.until(answer, seconds)
        self.pump(0.3)
        return self.fresh

    def mark(self) -> None:
        """What is fresh begins at the cursor."""
        self.pump(0.1)
        self._mark = len(self.screen.history.top) + self.screen.cursor.y

    def leave(self) -> int:
        """Ctrl+D, again where it came before the prompt (a terminal drops what it has between two modes); the exit code."""
        end = time.monotonic() + 30
        while self.child.isalive() and time.monotonic() < end:
            self.child.sendeof()
            self.pump(2.0)
        self.child.close()
        assert self.child.exitstatus is not None, f"killed by {self.child.signalstatus}"
        return self.child.exitstatus


@contextmanager
def terminal(
    home: Path,
    id: str = "",
    recording: str = "",
    board: str = "",
    columns: int = 100,
    rows: int = 40,
    busy: bool = False,
    **env: str,
) -> Iterator[Terminal]:
    """The chat, ready for the first line unless it is ``busy``."""
    chat = Terminal(home, id, recording, board, columns, rows, env)
    try:
        chat.until("Ctrl+D exits")
        if not busy:
            chat.until("> ")
            chat.pump(0.3)
        yield chat
    finally:
        chat.child.close(force=True)


def _flat(text: str) -> str:
    return re.sub(r"\s+", "", text)

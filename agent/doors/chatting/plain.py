"""Without a terminal: a line of standard input is a question, and its answer is plain text or a line of JSON."""

import asyncio
import sys
from typing import BinaryIO

from agent.doors.chatting.commands import take_command
from agent.doors.chatting.pasting import bounded
from agent.doors.chatting.session import Session
from agent.doors.errors import friendly

_MOST_LINES = 200
_LONGEST_LINE = 65_536  # bytes
_MOST_PIECES = 1_000  # of a line that is too long; one that goes on is taken for one without an end


async def answer_lines(session: Session) -> int:
    """Answer line by line to the end of the input; 1 where one could not be answered."""
    failed = 0
    for number in range(_MOST_LINES + 1):
        raw, pieces = await asyncio.to_thread(read_line, sys.stdin.buffer)
        if not raw:
            return failed
        if number == _MOST_LINES or pieces > _MOST_PIECES:
            what = f"More than {_MOST_LINES} questions" if number == _MOST_LINES else "A line without an end"
            session.progress.print(f"{what}: the rest is not read.")
            return 1
        line, cut = bounded(raw.decode("utf-8", "replace"))
        if pieces > 1:
            cut = f"That line was longer than {_LONGEST_LINE:,} bytes: its beginning is taken, the rest was cut."
        if cut:
            session.progress.print(cut, markup=False, highlight=False)
        try:
            failed |= not await _answer(session, line)
        except EOFError:
            return failed
    return failed


def read_line(lines: BinaryIO) -> tuple[bytes, int]:
    """A line to its break, of which the first piece is kept; and how many pieces it had."""
    first = piece = lines.readline(_LONGEST_LINE)
    pieces = 1
    while (
        pieces <= _MOST_PIECES and not piece.endswith(b"\n") and (piece := lines.readline(_LONGEST_LINE)).strip(b"\n")
    ):
        pieces += 1
    return first, pieces


async def _answer(session: Session, line: str) -> bool:
    if not line:
        return True
    try:
        await (take_command(session, line) if line.startswith("/") else session.ask(line))
    except EOFError:
        raise
    except Exception as error:
        message = friendly(error)
        if message is None:
            raise
        session.progress.print(f"pcause: {message}", markup=False, highlight=False)
        return False
    return True

"""Without a terminal: a line of standard input is a question, and its answer is plain text or a line of JSON."""

import asyncio
import sys

from agent.doors.chatting.commands import take_command
from agent.doors.chatting.pasting import bounded
from agent.doors.chatting.session import Session
from agent.doors.errors import friendly

_MOST_LINES = 200
_LONGEST_LINE = 65_536  # bytes


async def answer_lines(session: Session) -> int:
    """Answer line by line to the end of the input; 1 where one could not be answered."""
    failed = 0
    for number in range(_MOST_LINES + 1):
        raw = await asyncio.to_thread(sys.stdin.buffer.readline, _LONGEST_LINE)
        if not raw:
            return failed
        if number == _MOST_LINES:
            session.progress.print(f"More than {_MOST_LINES} questions: the rest is not read.")
            return 1
        line, cut = bounded(raw.decode("utf-8", "replace"))
        if cut:
            session.progress.print(cut, markup=False, highlight=False)
        try:
            failed |= not await _answer(session, line)
        except EOFError:
            return failed
    return failed


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

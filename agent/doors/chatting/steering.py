"""Steering from the chat: what a person says to an investigation, running or ended."""

from typing import TYPE_CHECKING

from agent.report.text import inert
from agent.steering import steer, wrong_hypotheses

if TYPE_CHECKING:
    from agent.doors.chatting.session import Session


async def steer_it(session: "Session", text: str) -> None:
    """ "H2 is wrong because …" excludes H2; other words are noted. Raises ``LedgerError``."""
    if session.nothing_open():
        return
    if not text:
        session.say("Say what is wrong, such as: /steer H2 is wrong because the cache was off. /hypotheses shows them.")
        return
    try:
        sentences = steer(session.settings.home, session.id, session.by, text, wrong_hypotheses(text))
    except ValueError as error:
        session.say(inert(str(error)))
        return
    session.say("Noted; it is weighed again without:" if sentences else "Noted; it is read before the next weighing.")
    for sentence in sentences:
        session.say(f"  {inert(sentence)}")
    row = session.row
    if row is not None and row.status == "decided":  # it had ended, or what waited was taken back: it goes on
        await session.go_on()
    elif row is not None and row.status == "interrupted":
        session.say("/resume goes on with it.")

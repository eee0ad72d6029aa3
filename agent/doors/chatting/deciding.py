"""Approving, rejecting and undoing in the chat: the whole card first, then the exact words, then one answer."""

from typing import TYPE_CHECKING

from agent.approval_card import card
from agent.approvals import ApprovalRefused, Approvals, Decided, Request
from agent.doors.approving import told
from agent.doors.chatting.drawing import draw_card
from agent.policy import PolicyError
from agent.report.text import inert

if TYPE_CHECKING:
    from agent.doors.chatting.session import Session

_DOOR = "terminal"
_WRONG_CAUSE = "wrong cause"


async def approve(session: "Session", argument: str, undo: bool = False) -> None:
    """Show each request that waits, and count a "yes" to exactly it. ``argument`` is the beginning of a request's id."""
    waiting = _waiting(session, argument, undo)
    ready = False
    for request in waiting:
        ticket = _ticket(session, request)
        if ticket is None:
            continue
        draw_card(card(request), session.console)
        wanted = f"yes {request.action}"
        said = await session.confirm(f"Type “{wanted}” to approve exactly this: ")
        if " ".join(said.split()) != wanted:
            session.say("Not approved: nothing was done.")
            continue
        ready |= _decide(session, request, ticket, True)
    if ready:
        await session.go_on()


async def reject(session: "Session", argument: str) -> None:
    """Turn down what waits, with a reason; "wrong cause: …" has the machine look for another cause."""
    wrong = argument.lower().startswith(_WRONG_CAUSE)
    reason = argument[len(_WRONG_CAUSE) :].lstrip(" :,") if wrong else argument
    ready = False
    for request in _waiting(session, "", False):
        ticket = _ticket(session, request)
        if ticket is None:
            continue
        draw_card(card(request), session.console)
        wanted = f"no {request.action}"
        said = await session.confirm(f"Type “{wanted}” to reject it: ")
        if " ".join(said.split()) != wanted:
            session.say("Not decided: it still waits.")
            continue
        ready |= _decide(session, request, ticket, False, reason, wrong)
    if ready:
        await session.go_on()


def _waiting(session: "Session", argument: str, undo: bool) -> list[Request]:
    if not session.id:
        session.say("No investigation is open; /list shows them, /open ID opens one.")
        return []
    if not session.console.is_terminal:
        session.say(f"Deciding needs a person at a terminal: pcause chat {session.id}, or pcause approve {session.id}.")
        return []
    pending = Approvals(session.settings).pending(session.id)
    found = [r for r in pending if r.id.startswith(argument) and (bool(r.undoes) or not undo)]
    if not found:
        what = "There is nothing to undo that waits" if undo else "Nothing waits for an approval"
        session.say(f"{what} in {session.id}.")
    return found


def _ticket(session: "Session", request: Request) -> str | None:
    try:
        return Approvals(session.settings).ticket(request.id, _DOOR, session.user)
    except (ApprovalRefused, PolicyError) as refused:
        draw_card(card(request), session.console)
        session.say(f"You cannot decide this: {inert(str(refused))}")
        return None


def _decide(
    session: "Session", request: Request, ticket: str, approved: bool, reason: str = "", wrong: bool = False
) -> bool:  # fmt: skip
    """Whether the investigation goes on now."""
    try:
        decided: Decided = Approvals(session.settings).decide(ticket, _DOOR, session.user, approved, reason, wrong)
    except (ApprovalRefused, PolicyError) as refused:
        session.say(f"This answer does not count: {inert(str(refused))}")
        return False
    session.say(told(decided.request))
    return decided.ready

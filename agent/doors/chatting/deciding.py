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


async def approve(session: "Session", argument: str) -> None:
    """Show each request that waits, and count a "yes" to exactly it. ``argument`` is the beginning of a request's id."""
    await _each(session, argument, True)


async def reject(session: "Session", argument: str) -> None:
    """Turn down what waits, with a reason; "wrong cause: …" has the machine look for another cause."""
    wrong = argument.lower().startswith(_WRONG_CAUSE)
    reason = argument[len(_WRONG_CAUSE) :].lstrip(" :,") if wrong else argument
    await _each(session, "", False, reason, wrong)


async def _each(session: "Session", id: str, approved: bool, reason: str = "", wrong: bool = False) -> None:
    ready = False
    for request in _waiting(session, id):
        ticket = _ticket(session, request)
        if ticket is None:
            continue
        draw_card(card(request), session.console)
        wanted = f"{'yes' if approved else 'no'} {request.action}"
        meant = "approve exactly this" if approved else "reject it"
        said = await session.confirm(f"Type “{wanted}” to {meant}: ")
        if " ".join(said.split()) != wanted:
            session.say("Not approved: nothing was done." if approved else "Not decided: it still waits.")
            continue
        ready |= _decide(session, request, ticket, approved, reason, wrong)
    if ready:
        await session.go_on()


def _waiting(session: "Session", id: str) -> list[Request]:
    if session.nothing_open():
        return []
    if not session.console.is_terminal:
        session.say(f"Deciding needs a person at a terminal: pcause chat {session.id}, or pcause approve {session.id}.")
        return []
    pending = Approvals(session.settings).pending(session.id)
    found = [request for request in pending if request.id.startswith(id)]
    if not found:
        others = ", ".join(request.id for request in pending)
        session.say(f"No request {inert(id, 40)} waits; there is {others}." if others else f"Nothing waits for an approval in {session.id}.")  # fmt: skip
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

"""Asking for an action in the chat, by its name; what waits then is approved like everything else."""

from typing import TYPE_CHECKING

from agent.doors.asking import told
from agent.doors.chatting.deciding import approve
from agent.doors.chatting.drawing import draw_table
from agent.report.text import inert
from tools.spec import Table

if TYPE_CHECKING:
    from agent.doors.chatting.session import Session


async def act(session: "Session", argument: str, undo: bool = False) -> None:
    """``argument`` is the name of an action, and perhaps a service; without it, what could be asked for is listed."""
    from agent.asking import REFUSALS, UNDO, ask_for

    name, _, service = argument.partition(" ")
    if session.nothing_open():
        return
    try:
        if not name and not undo:
            await _list(session)
            return
        wanted = UNDO if undo else name
        action = await ask_for(
            session.id, wanted, session.settings, session.by, service=service.strip(), specs=session.actions
        )
    except REFUSALS as error:
        session.say(inert(str(error)))
        return
    for line in told(action):
        session.say(inert(line))
    if action.request_id:
        await approve(session, action.request_id)


async def _list(session: "Session") -> None:
    from agent.asking import askable

    found = await askable(session.id, session.settings, "", session.actions)
    if not found:
        session.say("No action is configured; the actions of pcause.yaml declare them (docs/actions.md).")
        return
    rows = tuple((item.name, item.risk, item.ruling, inert(item.summary, 120)) for item in found)
    title = inert(f"What can be asked for, and what the policy says of it for {found[0].service or 'no service'}")
    draw_table(Table(title, ("action", "risk", "policy", "what it does"), rows), session.console)

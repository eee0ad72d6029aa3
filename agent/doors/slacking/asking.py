"""Asking for an action in a thread: "act open_ticket for payments", "undo", or "act" alone for what there is."""

from collections.abc import Sequence

from agent.asking import REFUSALS, ask_for, askable
from agent.doors.asking import told
from agent.settings import Settings


async def ask_in_thread(settings: Settings, id: str, member: str, name: str, service: str) -> Sequence[str]:
    """What to answer; the card of what waits then comes with the message of the thread."""
    by = f"slack:{member}"
    try:
        if not name:
            known = await askable(id, settings, service)
            return [f"{item.name}: {item.summary} ({item.ruling})" for item in known] or [
                "No action is configured here."
            ]
        action = await ask_for(id, name, settings, by, service=service)
    except REFUSALS as error:
        return [str(error)]
    return told(action) or [f"Asked for {action.name} of {action.target}: nothing is done before it is approved."]

"""Steering from the chat: what a person says to a running investigation, or to an ended one, which then begins anew."""

import re
import time
from typing import TYPE_CHECKING

from agent.audit import Audit
from agent.event_log import append_event
from agent.ledger_database import Database
from agent.questions.desk import original
from agent.redaction import cut_secrets
from agent.report.text import inert
from agent.sources import Source
from agent.state import Alert
from agent.steering import shown_hypotheses, steer, told
from agent.steering_rows import Steering, add_steering

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agent.doors.chatting.session import Session
    from agent.events import Event

_WRONG = re.compile(r"\b(h\d{1,2})\b(?=[^.]{0,40}\b(?:wrong|not\s+it|exclude\w*|innocent|can(?:not|'t)\s+be|isn't|out)\b)", re.IGNORECASE)  # fmt: skip
_LONGEST = 1_000


def says_wrong(text: str) -> bool:
    """Whether somebody says that a hypothesis is wrong: "H2 is wrong, the cache was off"."""
    return bool(_WRONG.search(text))


async def steer_it(session: "Session", text: str) -> None:
    """ "H2 is wrong because …" excludes H2; other words are noted. Raises ``LedgerError``."""
    row = session.row
    if row is None:
        session.say("No investigation is open; /list shows them, /open ID opens one.")
        return
    if not text:
        session.say("Say what is wrong, such as: /steer H2 is wrong because the cache was off. /hypotheses shows them.")
        return
    excluded = tuple(dict.fromkeys(found.upper() for found in _WRONG.findall(text)))
    home = session.settings.home
    if row.status in ("done", "failed"):
        known = shown_hypotheses(home, row.id)
        unknown = [id for id in excluded if id not in known]
        if unknown:
            session.say(f"There is no hypothesis {', '.join(unknown)}; there is {', '.join(known) or 'none'}.")
            return
        session.say(f"{row.id} has ended, so a new one begins with what you said.")
        earlier = told(home, row.id)
        said = Steering(session.by, cut_secrets(text)[:_LONGEST], tuple(known[id][0] for id in excluded))
        await session.run(_anew(session, row.alert, row.source, (*earlier, said)))
        return
    try:
        sentences = steer(home, row.id, session.by, text, excluded)
    except ValueError as error:
        session.say(inert(str(error)))
        return
    session.say("Noted; it is weighed again without:" if sentences else "Noted; it is read before the next weighing.")
    for sentence in sentences:
        session.say(f"  {inert(sentence)}")
    row = session.row
    if row is not None and row.status == "decided":  # what waited was taken back, so it goes on
        await session.go_on()
    elif row is not None and row.status == "interrupted":
        session.say("/resume goes on with it.")


async def _anew(
    session: "Session", alert: str, source: str, said: tuple[Steering, ...]
) -> "AsyncGenerator[Event, None]":
    """The same alert over the same source, steered before anything is weighed."""
    from contextlib import aclosing

    from agent.events import Started
    from agent.investigate import investigate

    place = original(Source.model_validate_json(source), session.settings)
    events = investigate(
        Alert.model_validate_json(alert), place, session.settings, backends=session.backends, actions=session.actions,
        requested_by=session.by,
    )  # fmt: skip
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Started):
                _carry(session, event.investigation_id, said)
            yield event


def _carry(session: "Session", id: str, said: tuple[Steering, ...]) -> None:
    home = session.settings.home
    audit = Audit(home)
    with Database(home).transaction() as db:
        now = time.time()
        for item in said:
            add_steering(db, id, item.by, item.text, item.excluded, now)
            append_event(db, id, "steered", {"by": item.by, "text": item.text}, now)
            audit.append(db, id, item.by, "", "steered", f"{len(item.excluded)} excluded: {item.text}")
    audit.keep_head()

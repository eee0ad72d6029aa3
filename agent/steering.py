"""Steering: a person tells an investigation that a cause is wrong, or something to keep in mind."""

import re
import time
from pathlib import Path

import sqlalchemy as sa

from agent.approvals import Approvals
from agent.audit import Audit
from agent.event_log import EventLog, append_event
from agent.ledger import Ledger
from agent.ledger_database import Database
from agent.ledger_schema import INVESTIGATIONS
from agent.redaction import cut_secrets
from agent.report.model import Report
from agent.settings import Settings
from agent.steering_rows import Steering, add_steering, steerings

_LONGEST = 1_000
_ID = re.compile(r"h\d{1,2}", re.IGNORECASE)
_IDS = r"\b(h\d{1,2}\b(?:\s*(?:,|and|or|&)\s*h\d{1,2}\b)*)"
# What is said of ids ends with its clause, or where the next id begins.
_SAID = re.compile(
    _IDS + r":?((?:(?!\bh\d{1,2}\b)[^.,;:?\n]){0,40}?\b(?:wrong|not it|excluded?|innocent|cannot be|can't be)\b)",
    re.IGNORECASE,
)
_TOLD = re.compile(r"\b(?<!not )(?<!n't )(?:exclude|rule out)\s+" + _IDS, re.IGNORECASE)
_NOT_WRONG = re.compile(r"\b(?:not|isn't|never|hardly|whether|if)\b.*\b(?:wrong|excluded?|innocent)$", re.IGNORECASE)


def steer(home: Path, investigation_id: str, by: str, text: str, excluded: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Note it; the machine reads it before it weighs the next time. ``excluded`` are ids as they were shown (``H2``); one
    that has ended is taken up for them.

    The sentences of what was excluded. Raises ``ValueError`` for an id that was not shown, ``LedgerError``.
    """
    shown = shown_hypotheses(home, investigation_id)
    unknown = [id for id in excluded if id not in shown]
    if unknown:
        known = ", ".join(shown) or "none yet"
        raise ValueError(f"there is no hypothesis {', '.join(unknown)} in {investigation_id}; there is {known}")
    text = cut_secrets(text.encode("utf-8", "replace").decode().replace("\x00", ""))[:_LONGEST]
    audit = Audit(home)
    with Database(home).transaction() as db:
        now = time.time()
        add_steering(db, investigation_id, by, text, tuple(shown[id][0] for id in excluded), now)
        append_event(db, investigation_id, "steered", {"by": by, "text": text}, now)
        audit.append(db, investigation_id, by, "", "steered", f"{' '.join(excluded)} {text}".strip())
        if excluded:
            ended = sa.and_(INVESTIGATIONS.c.id == investigation_id, INVESTIGATIONS.c.status == "done")
            db.execute(sa.update(INVESTIGATIONS).where(ended).values(status="decided", updated_at=now))
    audit.keep_head()
    if excluded:  # what waits for leave rests on a cause that somebody says is wrong
        Approvals(Settings(home=home)).withdraw(investigation_id, by, text)
    return tuple(shown[id][1] for id in excluded)


def wrong_hypotheses(text: str) -> tuple[str, ...]:
    """The ids that somebody says are wrong: H2 of "H1 is right, but H2 is wrong: the cache was off". A question says nothing."""
    if text.rstrip().endswith("?"):
        return ()
    said = [ids for ids, rest in _SAID.findall(text) if not _NOT_WRONG.search(rest)]
    named = [id.upper() for ids in (*said, *_TOLD.findall(text)) for id in _ID.findall(ids)]
    return tuple(dict.fromkeys(named))


def shown_hypotheses(home: Path, investigation_id: str) -> dict[str, tuple[str, str]]:
    """Identity and sentence by the id under which each was shown last."""
    ranked = EventLog(home).last(investigation_id, "ranked")
    if ranked is not None:
        return {h["id"]: (h["identity"], h["sentence"]) for h in ranked.body["hypotheses"]}
    row = Ledger(home).investigation(investigation_id)
    views = Report.model_validate_json(row.report).hypotheses if row.report else ()
    return {f"H{n}": (view.identity, view.sentence) for n, view in enumerate(views, 1) if view.identity}


def repeat_steering(home: Path, earlier: str, id: str) -> None:
    """Say to one investigation what was said to an earlier one."""
    with Database(home).transaction() as db:
        for said in steerings(db, earlier):
            add_steering(db, id, said.by, said.text, said.excluded, time.time())


def told(home: Path, investigation_id: str) -> tuple[Steering, ...]:
    """What people told it, oldest first."""
    with Database(home).transaction() as db:
        return steerings(db, investigation_id)

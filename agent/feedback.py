"""What people said of a verdict: right or wrong, one word a person, the last one counts."""

import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from agent.audit import Audit
from agent.ledger_database import Database
from agent.ledger_schema import FEEDBACK
from agent.past_incidents import confirm, unconfirm
from agent.settings import Settings


@dataclass(frozen=True, slots=True)
class Feedback:
    """``person`` is as the door knows them, ``at`` epoch seconds."""

    investigation_id: str
    door: str
    person: str
    right: bool
    at: float


def give_feedback(home: Path, investigation_id: str, door: str, person: str, right: bool) -> bool:
    """Note it; False where this person has said the same before. Raises ``LedgerError``."""
    audit = Audit(home)
    with Database(home).transaction() as db:
        before = db.execute(sa.select(FEEDBACK.c.right).where(_of(investigation_id, door, person))).scalar_one_or_none()
        if before is not None and bool(before) == right:
            return False
        db.execute(sa.delete(FEEDBACK).where(_of(investigation_id, door, person)))
        values = {"investigation_id": investigation_id, "door": door, "person": person}
        db.execute(sa.insert(FEEDBACK).values(**values, right=right, at=time.time()))
        audit.append(db, investigation_id, person, door, "said right" if right else "said wrong")
    audit.keep_head()
    return True


def take_back(home: Path, investigation_id: str, door: str, person: str, right: bool) -> bool:
    """Forget what this person said, where it was this; whether it was. Raises ``LedgerError``."""
    audit = Audit(home)
    with Database(home).transaction() as db:
        where = sa.and_(_of(investigation_id, door, person), FEEDBACK.c.right == right)
        gone = db.execute(sa.delete(FEEDBACK).where(where)).rowcount > 0
        if gone:
            audit.append(db, investigation_id, person, door, "took back")
    if gone:
        audit.keep_head()
    return gone


def feedback(home: Path, investigation_id: str = "") -> tuple[Feedback, ...]:
    """Of one investigation or of all, oldest first. Raises ``LedgerError``."""
    query = sa.select(FEEDBACK).order_by(FEEDBACK.c.at)
    if investigation_id:
        query = query.where(FEEDBACK.c.investigation_id == investigation_id)
    with Database(home).transaction() as db:
        rows = db.execute(query).all()
    return tuple(Feedback(row.investigation_id, row.door, row.person, bool(row.right), row.at) for row in rows)


def keep_as_said(
    settings: Settings, investigation_id: str, door: str, person: str, right: bool, gone: bool = False
) -> None:
    """Keep the incident as a confirmed one, or no more, as it will stand with this word: somebody says right and nobody
    wrong. To be called before the word is noted, so that a try that breaks off is made again.

    What was confirmed by hand, and never called right here, stays. Raises what ``confirm`` and ``unconfirm`` raise.
    """
    before = {(word.door, word.person): word.right for word in feedback(settings.home, investigation_id)}
    after = {key: said for key, said in before.items() if key != (door, person)}
    if not gone:
        after[door, person] = right
    elif before.get((door, person)) is not right:
        return
    if after == before:
        return
    if after and all(after.values()):
        confirm(investigation_id, settings)
    elif any(before.values()):
        unconfirm(investigation_id, settings)


def _of(investigation_id: str, door: str, person: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        FEEDBACK.c.investigation_id == investigation_id, FEEDBACK.c.door == door, FEEDBACK.c.person == person
    )

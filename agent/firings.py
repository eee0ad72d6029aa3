"""Which firing of which alert became which investigation. What decides is decided in one transaction of the ledger."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from agent.ledger_database import Database
from agent.ledger_schema import FIRINGS, INVESTIGATIONS
from agent.notification import Ending, Firing

# An alert that joins a group this long after the first is what an investigation of the first has looked at; later than
# this it is news.
_SAME_INCIDENT_SECONDS = 900.0
_UNFINISHED = ("accepted", "running", "interrupted")
_DECIDED = "decided"  # waited for an answer, wherever it was begun


class Overloaded(Exception):  # noqa: N818 - a state, named as one reads it
    """Too many accepted investigations wait already; nothing was written."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What an investigation is opened with; all but the id is JSON."""

    id: str
    alert: str
    source: str
    settings: str


@dataclass(frozen=True, slots=True)
class Admission:
    """The investigation of a notification, its status, and whether it was there before."""

    id: str
    status: str
    duplicate: bool


class Firings:
    """The firings in the ledger of ``home``."""

    def __init__(self, home: Path) -> None:
        self._transaction = Database(home).transaction

    def admit(
        self, firings: Sequence[Firing], open_with: Callable[[Sequence[Firing]], Opening], most_waiting: int
    ) -> Admission:
        """Find the investigation of these firings (at least one), or open one for those that no investigation covers.

        Holds across processes. Raises ``Overloaded`` when ``most_waiting`` investigations wait and one more would.
        """
        with self._transaction() as db:
            known = {firing: id for firing in firings if (id := _investigation_of(db, firing)) is not None}
            fresh = [firing for firing in firings if firing not in known]
            joined = _newest(db, set(known.values())) if known else ""
            if joined:
                joining, fresh = _parted(db, joined, fresh)
                _record(db, joined, joining)
            if not fresh:
                return Admission(joined, _status(db, joined), duplicate=True)
            if _waiting(db) >= most_waiting:
                raise Overloaded(f"{most_waiting:,} investigations wait already")
            opening = open_with(fresh)
            _open(db, opening)
            _record(db, opening.id, fresh)
        return Admission(opening.id, "accepted", duplicate=False)

    def end(self, endings: Sequence[Ending]) -> str | None:
        """Note when firings ended (the first telling counts); the investigation of the last that is known, or None."""
        last = None
        with self._transaction() as db:
            for ending in endings:
                last = _investigation_of(db, ending) or last
                db.execute(
                    sa.update(FIRINGS)
                    .where(_is(ending), FIRINGS.c.resolved_at.is_(None))
                    .values(resolved_at=ending.ended_at or time.time())
                )
        return last

    def unfinished(self, without: Collection[str] = ()) -> str | None:
        """The oldest accepted investigation that has not ended and waits for nobody."""
        query = (
            sa.select(INVESTIGATIONS.c.id)
            .where(
                sa.or_(
                    sa.and_(INVESTIGATIONS.c.status.in_(_UNFINISHED), _was_told()), INVESTIGATIONS.c.status == _DECIDED
                ),
                INVESTIGATIONS.c.id.not_in(without),
            )
            .order_by(INVESTIGATIONS.c.created_at, INVESTIGATIONS.c.id)
            .limit(1)
        )
        with self._transaction() as db:
            found: str | None = db.execute(query).scalar_one_or_none()
        return found

    def waiting(self) -> int:
        """How many investigations are accepted and not begun."""
        with self._transaction() as db:
            return _waiting(db)


def _was_told() -> sa.ColumnElement[bool]:
    """Only what came in as a notification: an investigation of the terminal is for its user to go on with."""
    return sa.exists().where(FIRINGS.c.investigation_id == INVESTIGATIONS.c.id)


def _is(firing: Firing | Ending) -> sa.ColumnElement[bool]:
    return sa.and_(FIRINGS.c.fingerprint == firing.fingerprint, FIRINGS.c.started_at == firing.started_at)


def _investigation_of(db: sa.Connection, firing: Firing | Ending) -> str | None:
    found: str | None = db.execute(sa.select(FIRINGS.c.investigation_id).where(_is(firing))).scalar_one_or_none()
    return found


def _newest(db: sa.Connection, ids: Collection[str]) -> str:
    query = sa.select(INVESTIGATIONS.c.id).where(INVESTIGATIONS.c.id.in_(ids))
    order = INVESTIGATIONS.c.created_at.desc(), INVESTIGATIONS.c.id
    return str(db.execute(query.order_by(*order).limit(1)).scalar_one())


def _parted(db: sa.Connection, id: str, fresh: Sequence[Firing]) -> tuple[list[Firing], list[Firing]]:
    """What belongs to the incident of an investigation (soon after its first, and not one of its alerts anew), and
    what does not."""
    query = sa.select(FIRINGS.c.fingerprint, FIRINGS.c.started_at).where(FIRINGS.c.investigation_id == id)
    rows = db.execute(query).all()
    known, first = {row.fingerprint for row in rows}, min(row.started_at for row in rows)
    joining: list[Firing] = []
    others: list[Firing] = []
    for firing in fresh:
        soon = abs(firing.started_at - first) <= _SAME_INCIDENT_SECONDS
        (joining if soon and firing.fingerprint not in known else others).append(firing)
    return joining, others


def _record(db: sa.Connection, id: str, firings: Sequence[Firing]) -> None:
    values = {(f.fingerprint, f.started_at): id for f in firings}
    if values:
        rows = [{"fingerprint": f, "started_at": at, "investigation_id": id} for f, at in values]
        db.execute(sa.insert(FIRINGS), rows)


def _open(db: sa.Connection, opening: Opening) -> None:
    now = time.time()
    db.execute(
        sa.insert(INVESTIGATIONS).values(
            id=opening.id, status="accepted", alert=opening.alert, source=opening.source, settings=opening.settings,
            created_at=now, updated_at=now, headline="", probability=0.0, report="",
        )
    )  # fmt: skip


def _status(db: sa.Connection, id: str) -> str:
    return str(db.execute(sa.select(INVESTIGATIONS.c.status).where(INVESTIGATIONS.c.id == id)).scalar_one())


def _waiting(db: sa.Connection) -> int:
    query = sa.select(sa.func.count()).select_from(INVESTIGATIONS).where(INVESTIGATIONS.c.status == "accepted")
    return int(db.execute(query).scalar_one())

"""Which firing of which alert became which investigation. What decides is decided in one transaction of the ledger."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from agent.approval_rows import RequestState
from agent.group_commit import GroupCommit
from agent.incidents import Aimed, Incidents
from agent.known_calls import KnownCalls
from agent.ledger_database import Database
from agent.ledger_schema import APPROVAL_REQUESTS, FIRINGS, INVESTIGATIONS, STEERINGS
from agent.notification import Ending, Firing, with_another
from agent.senders.settings import Senders
from agent.state import Alert

# An alert that joins a group this long after the first is what an investigation of the first has looked at; later than
# this it is news.
_SAME_INCIDENT_SECONDS = 900.0
_UNFINISHED = ("accepted", "running", "interrupted")
_DECIDED = "decided"  # waited for an answer, wherever it was begun


class Overloaded(Exception):  # noqa: N818 - a state, named as one reads it
    """Too many accepted investigations wait already; nothing was written."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What an investigation is opened with; ``alert``, ``source`` and ``settings`` are JSON."""

    id: str
    alert: str
    source: str
    settings: str
    requested_by: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """The investigation of a notification, its status, and whether it was there before."""

    id: str
    status: str
    duplicate: bool


class Firings:
    """The firings in the ledger of ``home``. Without ``senders`` only what its sender tells together is one incident."""

    def __init__(self, home: Path, senders: Senders | None = None) -> None:
        told = senders or Senders(storm_seconds=0.0)
        self._transaction = Database(home).transaction
        self._together = GroupCommit(self._transaction)
        self._incidents = Incidents(KnownCalls(home, told.calls, told.hops), told.storm_seconds)

    def admit(
        self, firings: Sequence[Firing], open_with: Callable[[Sequence[Firing]], Opening], most_waiting: int
    ) -> Admission:
        """Find the investigation of these firings (at least one), or open one for those that no investigation covers.

        Holds across processes. Raises ``Overloaded`` when ``most_waiting`` investigations wait and one more would.
        """
        aimed = [self._incidents.aim(firing) for firing in {_key(f): f for f in reversed(firings)}.values()][::-1]

        def decide(db: sa.Connection) -> Admission:
            found = [(one, _episode(db, one.firing)) for one in aimed]
            known = {id for _, id in found if id is not None}
            fresh = [one for one, id in found if id is None]
            joined = _newest(db, known) if known else ""
            if joined:
                joining, fresh = _parted(db, joined, fresh)
                self._join(db, joined, joining)
            related, fresh = self._related(db, fresh)
            for id, joining in related.items():
                self._join(db, id, joining)
                _name(db, id, [one.firing for one in joining])
                joined = joined or id
            if not fresh:
                return Admission(joined, _status(db, joined), duplicate=True)
            if _waiting(db) >= most_waiting:
                raise Overloaded(f"{most_waiting:,} investigations wait already")
            opening = open_with([one.firing for one in fresh])
            _open(db, opening)
            self._record(db, opening.id, fresh, min(one.firing.started_at for one in fresh))
            return Admission(opening.id, "accepted", duplicate=False)

        return self._together.run(decide)

    def ask(self, key: str, opening: Opening, most_waiting: int) -> Admission:
        """Open an investigation once for whatever ``key`` names; no alert joins it. Raises ``Overloaded``."""

        def decide(db: sa.Connection) -> Admission:
            asked = sa.and_(FIRINGS.c.fingerprint == key, FIRINGS.c.started_at == 0.0)
            known = db.execute(sa.select(FIRINGS.c.investigation_id).where(asked)).scalar_one_or_none()
            if known is not None:
                return Admission(known, _status(db, known), duplicate=True)
            if _waiting(db) >= most_waiting:
                raise Overloaded(f"{most_waiting:,} investigations wait already")
            _open(db, opening)
            db.execute(sa.insert(FIRINGS).values(fingerprint=key, started_at=0.0, investigation_id=opening.id))
            return Admission(opening.id, "accepted", duplicate=False)

        return self._together.run(decide)

    def end(self, endings: Sequence[Ending]) -> str | None:
        """Note when firings ended (the first telling counts); the investigation of the last that is known, or None."""

        def note(db: sa.Connection) -> str | None:
            last = None
            for ending in endings:
                ended_at = ending.ended_at or time.time()
                row = _ended_row(db, ending, ended_at)
                if row is None:
                    continue
                last = str(row.investigation_id)
                this = sa.and_(FIRINGS.c.fingerprint == ending.fingerprint, FIRINGS.c.started_at == row.started_at)
                db.execute(sa.update(FIRINGS).where(this, FIRINGS.c.resolved_at.is_(None)).values(resolved_at=ended_at))
            return last

        return self._together.run(note)

    def _related(self, db: sa.Connection, fresh: Sequence[Aimed]) -> tuple[dict[str, list[Aimed]], list[Aimed]]:
        """By the incident that each belongs to, and what belongs to none."""
        related: dict[str, list[Aimed]] = {}
        others: list[Aimed] = []
        for one in fresh:
            id = self._incidents.find(db, one)
            (related.setdefault(id, []) if id else others).append(one)
        return related, others

    def _join(self, db: sa.Connection, id: str, joining: Sequence[Aimed]) -> None:
        if joining:
            first_at = self._incidents.first_at(db, id)
            began = min(one.firing.started_at for one in joining) if first_at is None else first_at
            self._record(db, id, joining, began)

    def _record(self, db: sa.Connection, id: str, aimed: Sequence[Aimed], first_at: float) -> None:
        rows = [{"fingerprint": f, "started_at": at, "investigation_id": id} for f, at in map(_key_of, aimed)]
        db.execute(sa.insert(FIRINGS), rows)
        self._incidents.record(db, id, aimed, first_at)

    def unfinished(self, without: Collection[str] = ()) -> str | None:
        """The oldest accepted investigation that has not ended and waits for nobody."""
        query = (
            sa.select(INVESTIGATIONS.c.id)
            .where(
                sa.or_(
                    sa.and_(INVESTIGATIONS.c.status.in_(_UNFINISHED), sa.or_(_was_told(), _was_decided())),
                    INVESTIGATIONS.c.status == _DECIDED,
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


def _was_decided() -> sa.ColumnElement[bool]:
    """People decided something about it, or said something to it: whoever died over that, it is gone on with."""
    decided = sa.and_(
        APPROVAL_REQUESTS.c.investigation_id == INVESTIGATIONS.c.id, APPROVAL_REQUESTS.c.state != RequestState.PENDING
    )
    return sa.or_(sa.exists().where(decided), sa.exists().where(STEERINGS.c.investigation_id == INVESTIGATIONS.c.id))


def _key(firing: Firing) -> tuple[str, float]:
    return firing.fingerprint, firing.started_at


def _key_of(aimed: Aimed) -> tuple[str, float]:
    return _key(aimed.firing)


def _episode(db: sa.Connection, firing: Firing) -> str | None:
    """The investigation that has this firing. One that continues is what goes on, or what had not ended by then."""
    mine, began = FIRINGS.c.fingerprint == firing.fingerprint, FIRINGS.c.started_at
    query = sa.select(FIRINGS.c.investigation_id)
    found: str | None = None
    if firing.continues:
        not_over = sa.or_(FIRINGS.c.resolved_at.is_(None), FIRINGS.c.resolved_at >= firing.started_at)
        found = db.execute(query.where(mine, not_over).order_by(began.desc()).limit(1)).scalar_one_or_none()
    if found is None:
        found = db.execute(query.where(mine, began == firing.started_at)).scalar_one_or_none()
    return found


def _ended_row(db: sa.Connection, ending: Ending, ended_at: float) -> sa.Row[Any, Any] | None:
    """Of the firing that ends: the one that began then, or the newest that began before the end."""
    began = FIRINGS.c.started_at
    which = began <= ended_at if ending.started_at is None else began == ending.started_at
    query = sa.select(FIRINGS.c.investigation_id, began).where(FIRINGS.c.fingerprint == ending.fingerprint, which)
    return db.execute(query.order_by(began.desc()).limit(1)).one_or_none()


def _newest(db: sa.Connection, ids: Collection[str]) -> str:
    query = sa.select(INVESTIGATIONS.c.id).where(INVESTIGATIONS.c.id.in_(ids))
    order = INVESTIGATIONS.c.created_at.desc(), INVESTIGATIONS.c.id
    return str(db.execute(query.order_by(*order).limit(1)).scalar_one())


def _parted(db: sa.Connection, id: str, fresh: Sequence[Aimed]) -> tuple[list[Aimed], list[Aimed]]:
    """What belongs to the incident of an investigation (soon after its first, and not one of its alerts anew), and
    what does not."""
    query = sa.select(FIRINGS.c.fingerprint, FIRINGS.c.started_at).where(FIRINGS.c.investigation_id == id)
    rows = db.execute(query).all()
    known, first = {row.fingerprint for row in rows}, min(row.started_at for row in rows)
    joining: list[Aimed] = []
    others: list[Aimed] = []
    for one in fresh:
        soon = abs(one.firing.started_at - first) <= _SAME_INCIDENT_SECONDS
        (joining if soon and one.firing.fingerprint not in known else others).append(one)
    return joining, others


def _name(db: sa.Connection, id: str, joining: Sequence[Firing]) -> None:
    """Who joins an incident is named in its alert, as long as nobody has begun with it."""
    mine = INVESTIGATIONS.c.id == id
    query = sa.select(INVESTIGATIONS.c.alert).where(mine, INVESTIGATIONS.c.status == "accepted")
    alert = db.execute(query).scalar_one_or_none()
    if alert is not None:
        named = with_another(Alert.model_validate_json(alert), joining)
        db.execute(sa.update(INVESTIGATIONS).where(mine).values(alert=named.model_dump_json()))


def _open(db: sa.Connection, opening: Opening) -> None:
    now = time.time()
    db.execute(
        sa.insert(INVESTIGATIONS).values(
            id=opening.id, status="accepted", alert=opening.alert, source=opening.source, settings=opening.settings,
            created_at=now, updated_at=now, headline="", probability=0.0, report="", requested_by=opening.requested_by,
        )
    )  # fmt: skip


def _status(db: sa.Connection, id: str) -> str:
    return str(db.execute(sa.select(INVESTIGATIONS.c.status).where(INVESTIGATIONS.c.id == id)).scalar_one())


def _waiting(db: sa.Connection) -> int:
    query = sa.select(sa.func.count()).select_from(INVESTIGATIONS).where(INVESTIGATIONS.c.status == "accepted")
    return int(db.execute(query).scalar_one())

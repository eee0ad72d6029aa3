"""Changes that were posted to us, kept in the ledger's file: both the store and a feed of the change tools."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import sqlalchemy as sa

from agent.ledger_database import Database
from agent.ledger_schema import CHANGES
from agent.redacted_bodies import redacted_change
from agent.redaction import cut_tokens
from diagnosis.telemetry import Change, ChangeKind, Window
from tools.changes import fold, identity

KEPT_SECONDS = 90 * 86_400.0
MOST_KEPT = 50_000


class ChangeStore:
    """The posted changes of ``home``. Every method raises ``LedgerError`` where the file cannot be used."""

    def __init__(self, home: Path, now: Callable[[], float] = time.time, most_kept: int = MOST_KEPT) -> None:
        self._transaction, self._now, self._most_kept = Database(home).transaction, now, most_kept

    @property
    def name(self) -> str:
        """How a report names this feed."""
        return "posted changes"

    def add(self, changes: Iterable[Change]) -> int:
        """Keep them without their secrets, each once: of two tellings of one change the richer stays. Returns how many were new.

        What took effect more than 90 days ago is let go, and the oldest arrivals beyond 50,000.
        """
        new = 0
        with self._transaction() as db:
            for change in map(redacted_change, changes):
                new += _put(db, change)
            db.execute(sa.delete(CHANGES).where(CHANGES.c.time < self._now() - KEPT_SECONDS))
            newest = sa.select(sa.func.max(CHANGES.c.seq)).scalar_subquery()
            db.execute(sa.delete(CHANGES).where(CHANGES.c.seq <= newest - self._most_kept))
        return new

    def changes(self, window: Window) -> Sequence[Change]:
        """Changes that took effect in the window, oldest first, without diffs."""
        query = sa.select(CHANGES.c.body, sa.null().label("diff"))
        query = query.where(CHANGES.c.time >= window.start, CHANGES.c.time < window.end)
        with self._transaction() as db:
            rows = db.execute(query.order_by(CHANGES.c.time, CHANGES.c.seq)).all()
        return [_change(row.body, row.diff) for row in rows]

    def read(self, id: str) -> Change | None:
        """One change with its diff (of a flag its last flip); None for an id that was not posted."""
        query = sa.select(CHANGES.c.body, CHANGES.c.diff).where(CHANGES.c.id == cut_tokens(id))
        with self._transaction() as db:
            row = db.execute(query.order_by(CHANGES.c.time.desc(), CHANGES.c.seq.desc()).limit(1)).one_or_none()
        return _change(row.body, row.diff) if row is not None else None


def _put(db: sa.Connection, change: Change) -> int:
    """1 where it is new, else 0."""
    named = dict(zip(("kind", "id", "entity", "flip"), identity(change), strict=True))
    same = sa.and_(*(CHANGES.c[column] == value for column, value in named.items()))
    known = db.execute(sa.select(CHANGES.c.body, CHANGES.c.diff).where(same)).one_or_none()
    if known is None:
        db.execute(sa.insert(CHANGES).values(**named, **_columns(change)))
        return 1
    before = _change(known.body, known.diff)
    # Only tellings of one moment compete; the time of the first one stands.
    richest = fold((before, replace(change, time=before.time)))[0]
    db.execute(sa.update(CHANGES).where(same).values(**_columns(richest)))
    return 0


def _columns(change: Change) -> dict[str, object]:
    body = asdict(replace(change, diff=None))
    return {"time": change.time, "body": json.dumps(body), "diff": change.diff}


def _change(body: str, diff: str | None) -> Change:
    raw = json.loads(body)
    return Change(**{**raw, "kind": ChangeKind(raw["kind"]), "files": tuple(raw["files"]), "diff": diff})

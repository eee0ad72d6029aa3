"""Investigations in a line each: what a list shows, without reading their reports."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from agent.ledger_database import Database
from agent.ledger_schema import FIRINGS, INVESTIGATIONS

_ENDED = frozenset(("done", "failed"))
_COLUMNS = [INVESTIGATIONS.c[name] for name in ("id", "status", "alert", "created_at", "updated_at", "headline", "probability")]  # fmt: skip
_OF_IT = FIRINGS.c.investigation_id == INVESTIGATIONS.c.id


@dataclass(frozen=True, slots=True)
class Summary:
    """One investigation. ``seconds`` run from its acceptance to its end, or to now; times are epoch seconds.

    ``probability`` is None without a verdict, ``resolved_at`` while an alert of it fires or nobody has said that it
    ended; ``alerts`` is how many firing alerts it covers, 0 where it came from the terminal.
    """

    id: str
    status: str
    headline: str
    service: str
    alert: str
    probability: float | None
    created_at: float
    seconds: float
    resolved_at: float | None
    alerts: int


class Summaries:
    """The investigations in the ledger of ``home``. Methods raise ``LedgerError``."""

    def __init__(self, home: Path, now: Callable[[], float] = time.time) -> None:
        self._transaction, self._now = Database(home).transaction, now

    def newest(self, limit: int) -> list[Summary]:
        """Newest first."""
        return self._read(_query().order_by(INVESTIGATIONS.c.created_at.desc(), INVESTIGATIONS.c.id).limit(limit))

    def of(self, id: str) -> Summary | None:
        """The investigation with exactly this id; None where there is none."""
        return next(iter(self._read(_query().where(INVESTIGATIONS.c.id == id))), None)

    def _read(self, query: sa.Select[tuple[object, ...]]) -> list[Summary]:
        with self._transaction() as db:
            rows = db.execute(query).all()
        return [self._summary(row) for row in rows]

    def _summary(self, row: sa.Row[tuple[object, ...]]) -> Summary:
        alert = json.loads(row.alert)
        end = row.updated_at if row.status in _ENDED else self._now()
        return Summary(
            id=row.id,
            status=row.status,
            headline=row.headline,
            service=alert["entity"],
            alert=alert["name"],
            probability=row.probability if row.headline else None,
            created_at=row.created_at,
            seconds=round(max(end - row.created_at, 0.0), 3),
            resolved_at=row.resolved_at if row.alerts and row.ended == row.alerts else None,
            alerts=row.alerts,
        )


def _query() -> sa.Select[tuple[object, ...]]:
    def of_firings(what: sa.Function[Any], name: str) -> sa.Label[Any]:
        return sa.select(what).where(_OF_IT).scalar_subquery().label(name)

    return sa.select(
        *_COLUMNS,
        of_firings(sa.func.count(), "alerts"),
        of_firings(sa.func.count(FIRINGS.c.resolved_at), "ended"),
        of_firings(sa.func.max(FIRINGS.c.resolved_at), "resolved_at"),
    )

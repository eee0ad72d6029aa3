"""The ledger: investigations, their calls and spends, their stages, their actions. SQLite here, one interface.

Every write that decides something (a reservation, an action's claim) reads and writes in one immediate transaction, so
that it holds across processes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from agent.ceilings import CeilingReached
from agent.ledger_calls import CallLedger, CallRow
from agent.ledger_database import LedgerError
from agent.ledger_schema import ACTIONS, INVESTIGATIONS, STAGES


class UnknownInvestigation(LookupError):  # noqa: N818 - said as one says it
    """No investigation, or more than one, has this id."""


@dataclass(frozen=True, slots=True)
class InvestigationRow:
    """One investigation; ``alert``, ``source``, ``settings`` (``begun.Begun``) and ``report`` are JSON, ``report`` ""
    until there is one."""

    id: str
    status: str
    alert: str
    source: str
    settings: str
    created_at: float
    updated_at: float
    headline: str
    probability: float
    report: str
    requested_by: str = ""


@dataclass(frozen=True, slots=True)
class ActionRow:
    """``state`` is claimed or finished; ``result`` (JSON of ``ActionResult``) is "" until it is finished; ``begun_at`` is
    when it was claimed last, in epoch seconds."""

    state: str
    result: str
    memo: str
    begun_at: float


class Ledger(CallLedger):
    """Opens (and makes, if need be) ``home/ledger.db``; its calls and spends are ``CallLedger``'s."""

    # Investigations

    def create_investigation(self, id: str, alert: str, source: str, settings: str, requested_by: str = "") -> None:
        now = time.time()
        with self._transaction() as db:
            db.execute(
                sa.insert(INVESTIGATIONS).values(
                    id=id, status="running", alert=alert, source=source, settings=settings, created_at=now, updated_at=now,
                    headline="", probability=0.0, report="", requested_by=requested_by,
                )
            )  # fmt: skip

    def investigation(self, id: str) -> InvestigationRow:
        """By id or its first characters. Raises ``UnknownInvestigation``."""
        with self._transaction() as db:
            query = sa.select(INVESTIGATIONS).where(INVESTIGATIONS.c.id.startswith(id, autoescape=True)).limit(2)
            rows = db.execute(query).all()
        if len(rows) != 1 or not id:
            what = "more than one investigation begins" if rows and id else "no investigation begins"
            raise UnknownInvestigation(f"{what} with {id!r}; pcause list shows them")
        return InvestigationRow(**rows[0]._mapping)

    def investigations(self, limit: int = 20) -> list[InvestigationRow]:
        """Newest first."""
        with self._transaction() as db:
            rows = db.execute(sa.select(INVESTIGATIONS).order_by(INVESTIGATIONS.c.created_at.desc()).limit(limit)).all()
        return [InvestigationRow(**row._mapping) for row in rows]

    def set_status(self, id: str, status: str) -> None:
        self._update(id, status=status)

    def save_report(self, id: str, headline: str, probability: float, report: str) -> None:
        """Saving again replaces: the same investigation has one report."""
        self._update(id, headline=headline, probability=probability, report=report)

    def _update(self, id: str, **values: object) -> None:
        with self._transaction() as db:
            db.execute(
                sa.update(INVESTIGATIONS).where(INVESTIGATIONS.c.id == id).values(updated_at=time.time(), **values)
            )

    # Stages

    def stages(self, id: str) -> list[tuple[str, str]]:
        """(stage, branch) in the order in which they began."""
        with self._transaction() as db:
            query = (
                sa.select(STAGES.c.stage, STAGES.c.branch).where(STAGES.c.investigation_id == id).order_by(STAGES.c.seq)
            )
            return [(row.stage, row.branch) for row in db.execute(query)]

    # Actions

    def claim_action(self, key: str, id: str) -> bool:
        """True for the one caller who may run the action of this key."""
        with self._transaction() as db:
            if db.execute(sa.select(ACTIONS.c.key).where(ACTIONS.c.key == key)).one_or_none() is not None:
                return False
            values = {"key": key, "investigation_id": id, "state": "claimed", "result": "", "begun_at": time.time()}
            db.execute(sa.insert(ACTIONS).values(**values))
        return True

    def begin_again(self, key: str) -> None:
        """Note that a claimed action is sent now."""
        with self._transaction() as db:
            db.execute(sa.update(ACTIONS).where(ACTIONS.c.key == key).values(begun_at=time.time()))

    def finish_action(
        self, key: str, result: str, memo: str = "", also: Callable[[sa.Connection], None] = lambda _: None
    ) -> None:
        """Keep what came of it (JSON of ``ActionResult``), and what its undo needs; ``also`` writes in the same transaction."""
        with self._transaction() as db:
            done = sa.update(ACTIONS).where(ACTIONS.c.key == key)
            db.execute(done.values(state="finished", result=result, memo=memo))
            also(db)

    def action(self, key: str) -> ActionRow | None:
        """An action that somebody began, or None."""
        with self._transaction() as db:
            columns = (ACTIONS.c.state, ACTIONS.c.result, ACTIONS.c.memo, ACTIONS.c.begun_at)
            row = db.execute(sa.select(*columns).where(ACTIONS.c.key == key)).one_or_none()
        return ActionRow(row.state, row.result, row.memo, row.begun_at) if row is not None else None


__all__ = ["CallRow", "CeilingReached", "InvestigationRow", "Ledger", "LedgerError", "UnknownInvestigation"]

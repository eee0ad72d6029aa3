"""The ledger: investigations, their calls and spends, their stages, their actions. SQLite here, one interface.

Every write that decides something (a reservation, an action's claim) reads and writes in one immediate transaction, so
that it holds across processes.
"""

import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from agent.ledger_database import Database, LedgerError
from agent.ledger_schema import ACTIONS, CALLS, INVESTIGATIONS, STAGES
from agent.settings import Ceilings
from agent.state import Spend


class UnknownInvestigation(LookupError):  # noqa: N818 - said as one says it
    """No investigation, or more than one, has this id."""


class CeilingReached(Exception):  # noqa: N818 - an answer of the budget, not a malfunction
    """A call would pass a ceiling, so it is not made."""

    def __init__(self, resource: str, limit: str, spent: str, wanted: str) -> None:
        self.resource, self.limit, self.spent, self.wanted = resource, limit, spent, wanted
        super().__init__(
            f"ceiling {resource} of {limit} would be passed (spent {spent}, next call up to {wanted}); "
            f"raise it in pcause.yaml (ceilings.{resource}) or by environment"
        )


@dataclass(frozen=True, slots=True)
class InvestigationRow:
    """One investigation; ``alert``, ``source``, ``settings`` and ``report`` are JSON, ``report`` "" until there is one."""

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


@dataclass(frozen=True, slots=True)
class CallRow:
    """One tool call: ``state`` is reserved, settled or refunded; ``evidence`` is JSON once settled."""

    call_id: str
    tool: str
    arguments: str
    state: str
    points: int
    seconds: float
    usd: Decimal
    evidence: str


class Ledger:
    """Opens (and makes, if need be) ``home/ledger.db``."""

    def __init__(self, home: Path) -> None:
        self._transaction = Database(home).transaction

    # Investigations

    def create_investigation(self, id: str, alert: str, source: str, settings: str) -> None:
        now = time.time()
        with self._transaction() as db:
            db.execute(
                sa.insert(INVESTIGATIONS).values(
                    id=id, status="running", alert=alert, source=source, settings=settings, created_at=now, updated_at=now,
                    headline="", probability=0.0, report="",
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

    def stage_started(self, id: str, stage: str, branch: str = "") -> None:
        with self._transaction() as db:
            db.execute(
                sa.insert(STAGES).values(investigation_id=id, stage=stage, branch=branch, started_at=time.time())
            )

    def stages(self, id: str) -> list[tuple[str, str]]:
        """(stage, branch) in the order in which they began."""
        with self._transaction() as db:
            query = (
                sa.select(STAGES.c.stage, STAGES.c.branch).where(STAGES.c.investigation_id == id).order_by(STAGES.c.seq)
            )
            return [(row.stage, row.branch) for row in db.execute(query)]

    # Calls and spends

    def reserve(
        self, id: str, call_id: str, tool: str, arguments: str, points: int, usd: Decimal, ceilings: Ceilings
    ) -> CallRow | None:
        """Reserve the worst case of a call, or raise ``CeilingReached``; atomic across processes.

        Returns None to go ahead, or the settled call when it was already answered (a crash came after the answer).
        An open reservation of the same call is taken over: its process is gone.
        """
        with self._transaction() as db:
            known = db.execute(
                sa.select(CALLS).where(CALLS.c.investigation_id == id, CALLS.c.call_id == call_id)
            ).one_or_none()
            if known is not None and known.state == "settled":
                return _call(known)
            others = db.execute(
                sa.select(CALLS.c.points, CALLS.c.usd).where(
                    CALLS.c.investigation_id == id, CALLS.c.call_id != call_id, CALLS.c.state != "refunded"
                )
            ).all()
            _check("tool_calls", ceilings.tool_calls, len(others), 1)
            _check("points", ceilings.points, sum(row.points for row in others), points)
            _check("usd", ceilings.usd, sum((Decimal(row.usd) for row in others), Decimal(0)), usd)
            values = {"tool": tool, "arguments": arguments, "state": "reserved", "points": points, "seconds": 0.0}
            values |= {"usd": str(usd), "evidence": ""}
            if known is None:
                db.execute(sa.insert(CALLS).values(investigation_id=id, call_id=call_id, **values))
            else:
                db.execute(_of_call(sa.update(CALLS), id, call_id).values(**values))
        return None

    def settle(self, id: str, call_id: str, points: int, seconds: float, usd: Decimal, evidence: str) -> None:
        """Replace the reservation by what was really used, and keep the evidence."""
        with self._transaction() as db:
            statement = _of_call(sa.update(CALLS), id, call_id)
            db.execute(
                statement.values(state="settled", points=points, seconds=seconds, usd=str(usd), evidence=evidence)
            )

    def refund(self, id: str, call_id: str) -> None:
        """Give the reservation back: the call used nothing."""
        with self._transaction() as db:
            db.execute(_of_call(sa.update(CALLS), id, call_id).values(state="refunded", points=0, usd="0"))

    def spent(self, id: str) -> Spend:
        """What was settled so far."""
        done = [call for call in self.calls(id) if call.state == "settled"]
        return Spend(
            tool_calls=len(done),
            points=sum(call.points for call in done),
            seconds=round(sum(call.seconds for call in done), 3),
            usd=sum((call.usd for call in done), Decimal(0)),
        )

    def calls(self, id: str) -> list[CallRow]:
        with self._transaction() as db:
            rows = db.execute(sa.select(CALLS).where(CALLS.c.investigation_id == id).order_by(CALLS.c.call_id)).all()
        return [_call(row) for row in rows]

    # Actions

    def claim_action(self, key: str, id: str) -> bool:
        """True for the one caller who may run the action of this key."""
        with self._transaction() as db:
            if db.execute(sa.select(ACTIONS.c.key).where(ACTIONS.c.key == key)).one_or_none() is not None:
                return False
            db.execute(sa.insert(ACTIONS).values(key=key, investigation_id=id, state="claimed", result=""))
        return True

    def finish_action(self, key: str, result: str) -> None:
        with self._transaction() as db:
            db.execute(sa.update(ACTIONS).where(ACTIONS.c.key == key).values(state="finished", result=result))

    def action(self, key: str) -> tuple[str, str] | None:
        """(state, result JSON) of an action, or None."""
        with self._transaction() as db:
            row = db.execute(sa.select(ACTIONS.c.state, ACTIONS.c.result).where(ACTIONS.c.key == key)).one_or_none()
        return (row.state, row.result) if row is not None else None


def _of_call(statement: sa.Update, id: str, call_id: str) -> sa.Update:
    return statement.where(CALLS.c.investigation_id == id, CALLS.c.call_id == call_id)


def _call(row: sa.Row[tuple[object, ...]]) -> CallRow:
    return CallRow(
        row.call_id, row.tool, row.arguments, row.state, row.points, row.seconds, Decimal(row.usd), row.evidence
    )


def _check(resource: str, limit: int | Decimal, spent: int | Decimal, wanted: int | Decimal) -> None:
    if spent + wanted > limit:
        raise CeilingReached(resource, f"{limit}", f"{spent}", f"{wanted}")


__all__ = ["CallRow", "CeilingReached", "InvestigationRow", "Ledger", "LedgerError", "UnknownInvestigation"]

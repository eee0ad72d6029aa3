"""Calls and spends in the ledger: reserved at their worst case before they are made, settled by what they used.

A call belongs to an investigation, an alert source, a day and a month; each scope's running total is changed in the same
immediate transaction as the call, so that a ceiling holds across processes.
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from agent.ceilings import limits
from agent.ledger_database import Database
from agent.ledger_schema import CALLS, METERS, CallKind, CallState
from agent.ledger_totals import Amounts, Scope, add, amounts, audit, keys, meter, nano, of_call, read, sums
from agent.owners import is_gone, this_process
from agent.prices import Tokens
from agent.settings import Ceilings, Periods
from agent.state import Spend

_log = logging.getLogger(__name__)

_LEASE_SECONDS = 3_600.0  # for owners that cannot be looked at from here; no call takes as long
_ABANDONED = (CallState.RESERVED, CallState.LOST)
_NO_TOKENS = Tokens()


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call. ``tool`` is the tool's or the model's name; a settled tool call has ``evidence`` (JSON), a settled model
    call its ``answer``, as it was given to ``settle``."""

    call_id: str
    tool: str
    arguments: str
    state: str
    points: int
    seconds: float
    usd: Decimal
    evidence: str
    kind: str = CallKind.TOOL
    node: str = ""
    tokens: Tokens = _NO_TOKENS
    answer: str = ""

    @property
    def model(self) -> str:
        """The model's name, "" for a tool."""
        return self.tool if self.kind == CallKind.MODEL else ""


@dataclass(frozen=True, slots=True)
class SpendRow:
    """What the calls of one kind used; ``state`` is settled, lost or reserved (both at their worst case)."""

    day: str
    source: str
    kind: str
    tool: str
    node: str
    state: str
    amounts: Amounts


class CallLedger:
    """The calls in ``home/ledger.db``. Every method raises ``LedgerError`` where the file cannot be used."""

    def __init__(self, home: Path) -> None:
        self._transaction = Database(home).transaction

    def reserve(
        self, id: str, call_id: str, tool: str, arguments: str, points: int, usd: Decimal, ceilings: Ceilings,
        periods: Periods | None = None, *, kind: CallKind = CallKind.TOOL, node: str = "", source: str = "",
        tokens_in: int = 0, tokens_out: int = 0, at: float | None = None,
    ) -> CallRow | None:  # fmt: skip
        """Reserve the worst case of a call, or raise ``CeilingReached``; atomic across processes.

        Returns None to go ahead, or the settled call when it was already answered (a crash came after the answer).
        An open reservation of the same call is nobody's any more, since one process runs an investigation: a tool's is
        taken over. A model may have been paid for an answer that nobody read, so its reservation stays, as lost, under
        a name of its own, and another one is made beside it.
        """
        at = time.time() if at is None else at
        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        scopes = keys(id, source, day)
        wanted = Amounts(
            int(kind == CallKind.TOOL), int(kind == CallKind.MODEL), points, tokens_in, tokens_out, nano_usd=nano(usd)
        )
        values = {
            "kind": kind, "tool": tool, "arguments": arguments, "node": node, "source": source, "day": day,
            "state": CallState.RESERVED, "owner": this_process(), "reserved_at": at, "points": points,
            "tokens_in": tokens_in, "tokens_out": tokens_out, "tokens_cached": 0, "tokens_reasoning": 0,
            "nano_usd": wanted.nano_usd, "seconds": 0.0, "evidence": "", "answer": "",
        }  # fmt: skip
        with self._transaction() as db:
            known = _find(db, id, call_id)
            if known is not None and known.state == CallState.SETTLED:
                return _call(known)
            if known is not None and known.state in _ABANDONED:
                # A refusal below takes this back with the rest of the transaction.
                if known.kind == CallKind.MODEL:
                    _set_aside(db, known)
                    known = None
                else:
                    known = _refunded(db, known)
            spent = read(db, scopes)
            for limit in limits(ceilings, periods or Periods()):
                limit.check(spent[limit.scope] if limit.scope else Amounts(), wanted)
            if known is None:
                db.execute(sa.insert(CALLS).values(investigation_id=id, call_id=call_id, **values))
            else:
                db.execute(_is(sa.update(CALLS), id, call_id).values(**values))
            add(db, scopes, wanted)
        return None

    def settle(
        self, id: str, call_id: str, points: int, seconds: float, usd: Decimal, evidence: str, *,
        tokens: Tokens = _NO_TOKENS, answer: str = "",
    ) -> None:  # fmt: skip
        """Replace the reservation by what was really used, and keep what was answered; the first settlement stands.

        What was used is counted even where it is more than was reserved: the next call meets the ceiling.
        """
        with self._transaction() as db:
            known = _reserved(db, id, call_id)
            if known.state == CallState.SETTLED:
                return
            if nano(usd) > known.nano_usd:
                _log.warning("call %s of %s cost %s USD, more than was reserved for it", call_id, id, usd)
            _change(
                db, known, state=CallState.SETTLED, points=points, seconds=seconds, nano_usd=nano(usd),
                tokens_in=tokens.input, tokens_out=tokens.output, tokens_cached=tokens.cached,
                tokens_reasoning=tokens.reasoning, evidence=evidence, answer=answer,
            )  # fmt: skip

    def settle_at_worst(self, id: str, call_id: str, seconds: float, answer: str) -> None:
        """Settle a call by what was reserved for it, since nobody counted what it used."""
        with self._transaction() as db:
            known = _reserved(db, id, call_id)
            if known.state in _ABANDONED:
                _change(db, known, state=CallState.SETTLED, seconds=seconds, answer=answer)

    def give_up(self, id: str, call_id: str) -> None:
        """Nobody waits for the answer any more: what was reserved counts, as lost, and the call may be made anew."""
        with self._transaction() as db:
            known = _reserved(db, id, call_id)
            if known.state == CallState.RESERVED:
                _change(db, known, state=CallState.LOST)

    def refund(self, id: str, call_id: str) -> None:
        """Give the reservation back: the call used nothing. What is settled stays."""
        with self._transaction() as db:
            known = _reserved(db, id, call_id)
            if known.state != CallState.SETTLED:
                _refunded(db, known)

    def settle_lost(self, at: float | None = None) -> int:
        """Settle what was left open by processes that are gone, at its worst case. Returns how many calls that were.

        Gone is whom this host does not run any more; of another host, who has held a call for an hour. Who was taken
        for gone and is not settles as ever.
        """
        lease_began = (time.time() if at is None else at) - _LEASE_SECONDS
        with self._transaction() as db:
            rows = db.execute(sa.select(CALLS).where(CALLS.c.state == CallState.RESERVED)).all()
            gone = {owner for owner in {row.owner for row in rows} if is_gone(owner)}
            lost = [row for row in rows if row.owner in gone or row.reserved_at < lease_began]
            for row in lost:
                _change(db, row, state=CallState.LOST)
        return len(lost)

    def spent(self, id: str) -> Spend:
        """What an investigation has used: settled calls, and lost ones at their worst case."""
        query = sa.select(*sums(), sa.func.sum(CALLS.c.seconds).label("seconds")).where(
            CALLS.c.investigation_id == id, CALLS.c.state.in_((CallState.SETTLED, CallState.LOST))
        )
        with self._transaction() as db:
            row = db.execute(query).one()
        if row.seconds is None:  # of no calls
            return Spend()
        used = amounts(row)
        return Spend(
            tool_calls=used.tool_calls, points=used.points, seconds=round(row.seconds, 3), usd=used.usd,
            model_calls=used.model_calls, tokens_in=used.tokens_in, tokens_out=used.tokens_out,
            tokens_cached=used.tokens_cached, tokens_reasoning=used.tokens_reasoning,
        )  # fmt: skip

    def counted(self, id: str, source: str, at: float | None = None) -> dict[Scope, Amounts]:
        """What counts against the ceilings of a call made now, scope by scope; open reservations count."""
        day = datetime.fromtimestamp(time.time() if at is None else at, UTC).date().isoformat()
        with self._transaction() as db:
            return read(db, keys(id, source, day))

    def calls(self, id: str) -> list[CallRow]:
        """All calls of an investigation, those of models too."""
        with self._transaction() as db:
            rows = db.execute(sa.select(CALLS).where(CALLS.c.investigation_id == id).order_by(CALLS.c.call_id)).all()
        return [_call(row) for row in rows]

    def spends(self, since_day: str) -> list[SpendRow]:
        """What was used by day, source, what was called, node and state, from a day (like 2026-11-29) on."""
        by = [CALLS.c[name] for name in ("day", "source", "kind", "tool", "node", "state")]
        query = sa.select(*by, *sums()).where(CALLS.c.day >= since_day, CALLS.c.state != CallState.REFUNDED)
        with self._transaction() as db:
            rows = db.execute(query.group_by(*by).order_by(*by)).all()
        return [SpendRow(row.day, row.source, row.kind, row.tool, row.node, row.state, amounts(row)) for row in rows]

    def metered(self) -> list[SpendRow]:
        """What was ever used by what was called and node: settled, which only grows, and lost; days and sources "" ."""
        lost = [CALLS.c.kind, CALLS.c.tool, CALLS.c.node]
        query = sa.select(*lost, *sums()).where(CALLS.c.state == CallState.LOST).group_by(*lost)
        with self._transaction() as db:
            rows = [(CallState.SETTLED, row) for row in db.execute(sa.select(METERS))]
            rows += [(CallState.LOST, row) for row in db.execute(query)]
        return [SpendRow("", "", row.kind, row.tool, row.node, state, amounts(row)) for state, row in rows]

    def audit(self) -> list[str]:
        """Where the running totals and the calls differ, in words; nothing where all is well."""
        with self._transaction() as db:
            return audit(db)


def _is(statement: sa.Update, id: str, call_id: str) -> sa.Update:
    return statement.where(CALLS.c.investigation_id == id, CALLS.c.call_id == call_id)


def _find(db: sa.Connection, id: str, call_id: str) -> Any | None:  # noqa: ANN401 - a row of the calls
    return db.execute(sa.select(CALLS).where(CALLS.c.investigation_id == id, CALLS.c.call_id == call_id)).one_or_none()


def _reserved(db: sa.Connection, id: str, call_id: str) -> Any:  # noqa: ANN401 - a row of the calls
    known = _find(db, id, call_id)
    if known is None:
        raise ValueError(f"call {call_id} of investigation {id} was not reserved")
    return known


def _change(db: sa.Connection, before: Any, **values: object) -> Any:  # noqa: ANN401 - a row of the calls
    """Change a call and every total that it counts for; the row as it is then. Its day and source stay."""
    db.execute(_is(sa.update(CALLS), before.investigation_id, before.call_id).values(**values))
    after = _reserved(db, before.investigation_id, str(values.get("call_id", before.call_id)))
    add(db, keys(after.investigation_id, after.source, after.day), of_call(after) - of_call(before))
    if after.state == CallState.SETTLED:
        meter(db, after.kind, after.tool, after.node, of_call(after))
    return after


def _refunded(db: sa.Connection, known: Any) -> Any:  # noqa: ANN401 - rows of the calls
    return _change(db, known, state=CallState.REFUNDED, points=0, tokens_in=0, tokens_out=0, nano_usd=0)


def _set_aside(db: sa.Connection, known: Any) -> None:  # noqa: ANN401 - a row of the calls
    """Keep an abandoned request as lost under a name of its own, so that the call can be made anew."""
    same = CALLS.c.call_id.startswith(f"{known.call_id}~", autoescape=True)
    query = sa.select(sa.func.count()).where(CALLS.c.investigation_id == known.investigation_id, same)
    attempt = int(db.execute(query).scalar_one()) + 1
    _change(db, known, call_id=f"{known.call_id}~{attempt}", state=CallState.LOST)


def _call(row: Any) -> CallRow:  # noqa: ANN401 - a row of the calls
    tokens = Tokens(row.tokens_in, row.tokens_out, row.tokens_cached, row.tokens_reasoning)
    usd = Amounts(nano_usd=row.nano_usd).usd
    return CallRow(
        row.call_id, row.tool, row.arguments, row.state, row.points, row.seconds, usd, row.evidence, row.kind, row.node,
        tokens, row.answer,
    )  # fmt: skip

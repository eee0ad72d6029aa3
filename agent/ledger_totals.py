"""Running totals of the calls, kept in the transaction that changes a call: what is spent is one row a scope to read.

They always equal what the calls table adds up to; ``audit`` says where not, ``rebuild`` makes them anew.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from agent.ledger_schema import CALLS, METERS, TOTALS, CallKind, CallState

_NANO = 10**9
_COUNTED = (CallState.RESERVED, CallState.SETTLED, CallState.LOST)


class Scope(StrEnum):
    """What a ceiling holds for, beside the single call."""

    INVESTIGATION = "investigation"
    SOURCE_DAY = "source_day"
    DAY = "day"
    MONTH = "month"


_KEYS: Mapping[Scope, sa.ColumnElement[str]] = {
    Scope.INVESTIGATION: CALLS.c.investigation_id,
    Scope.SOURCE_DAY: CALLS.c.source + " " + CALLS.c.day,
    Scope.DAY: CALLS.c.day,
    Scope.MONTH: sa.func.substr(CALLS.c.day, 1, 7),
}


def keys(investigation_id: str, source: str, day: str) -> dict[Scope, str]:
    """The rows of the totals that a call belongs to; ``day`` is like 2026-11-29."""
    return {
        Scope.INVESTIGATION: investigation_id,
        Scope.SOURCE_DAY: f"{source} {day}",
        Scope.DAY: day,
        Scope.MONTH: day[:7],
    }


@dataclass(frozen=True, slots=True)
class Amounts:
    """What calls use, each added for itself; ``nano_usd`` is in billionths of a US dollar."""

    tool_calls: int = 0
    model_calls: int = 0
    points: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    nano_usd: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def usd(self) -> Decimal:
        return Decimal(self.nano_usd) / _NANO


_NAMES = tuple(field.name for field in fields(Amounts))
_READ = sa.select(TOTALS).where(sa.tuple_(TOTALS.c.scope, TOTALS.c.key).in_(sa.bindparam("places", expanding=True)))


def nano(usd: Decimal) -> int:
    """US dollars as whole billionths, rounded up: what is counted is never less than what was spent."""
    return int((usd * _NANO).to_integral_value(ROUND_CEILING))


def amounts(row: Any) -> Amounts:  # noqa: ANN401 - a row with the columns of the amounts
    """The amounts of a row of the totals or meters."""
    return Amounts(*(int(getattr(row, name)) for name in _NAMES))


def of_call(row: Any) -> Amounts:  # noqa: ANN401 - a row of the calls
    """What a call counts for now: its worst case while it is open or lost, nothing once it is refunded."""
    if row.state not in _COUNTED:
        return Amounts()
    return Amounts(
        int(row.kind == CallKind.TOOL), int(row.kind == CallKind.MODEL), row.points, row.tokens_in, row.tokens_out,
        row.tokens_cached, row.tokens_reasoning, row.nano_usd,
    )  # fmt: skip


def add(db: sa.Connection, scopes: Mapping[Scope, str], more: Amounts) -> None:
    """Count towards every scope; what is negative is taken back."""
    if more != Amounts():
        _add(db, TOTALS, [{"scope": scope, "key": key} for scope, key in scopes.items()], more)


def meter(db: sa.Connection, kind: str, tool: str, node: str, more: Amounts) -> None:
    """Count what was used. A counter never goes back, so only what is settled counts, once."""
    _add(db, METERS, [{"kind": kind, "tool": tool, "node": node}], more)


def read(db: sa.Connection, scopes: Mapping[Scope, str]) -> dict[Scope, Amounts]:
    """What counts in each scope."""
    rows = {row.scope: amounts(row) for row in db.execute(_READ, {"places": list(scopes.items())})}
    return {scope: rows.get(scope, Amounts()) for scope in scopes}


def audit(db: sa.Connection) -> list[str]:
    """Where totals and calls differ, in words; nothing where all is well."""
    found = []
    for table, wanted in _from_calls(db):
        key = [column.name for column in table.primary_key]
        kept = {tuple(getattr(row, name) for name in key): amounts(row) for row in db.execute(sa.select(table))}
        for name in sorted({*kept, *wanted}):
            has, should = kept.get(name, Amounts()), wanted.get(name, Amounts())
            if has != should:
                found.append(f"{table.name} {' '.join(name)}: {has} is kept, the calls are {should}")
    return found


def rebuild(db: sa.Connection) -> None:
    """Make totals and meters anew from the calls."""
    for table, wanted in _from_calls(db):
        db.execute(sa.delete(table))
        names = [column.name for column in table.primary_key]
        for key, total in wanted.items():
            _add(db, table, [dict(zip(names, key, strict=True))], total)


def _add(db: sa.Connection, table: sa.Table, places: list[dict[str, str]], more: Amounts) -> None:
    values = dict(zip(_NAMES, astuple(more), strict=True))
    db.execute(_GROWN[table.name], [{**place, **values} for place in places])


def _grown(table: sa.Table) -> sa.Insert:
    """Insert a row, or add to the one that is there."""
    statement = insert(table)
    sums = {name: table.c[name] + statement.excluded[name] for name in _NAMES}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums)


_GROWN = {table.name: _grown(table) for table in (TOTALS, METERS)}


def _from_calls(db: sa.Connection) -> list[tuple[sa.Table, dict[tuple[str, ...], Amounts]]]:
    """What both tables should hold, by primary key."""
    totals = {
        (scope.value, *name): total
        for scope, key in _KEYS.items()
        for name, total in _summed(db, [key], _COUNTED).items()
    }
    return [(TOTALS, totals), (METERS, _summed(db, [CALLS.c.kind, CALLS.c.tool, CALLS.c.node], (CallState.SETTLED,)))]


def _summed(
    db: sa.Connection, by: list[sa.ColumnElement[str]], states: tuple[CallState, ...]
) -> dict[tuple[str, ...], Amounts]:
    query = sa.select(*by, *sums()).where(CALLS.c.state.in_(states)).group_by(*by)
    return {tuple(row[: len(by)]): amounts(row) for row in db.execute(query)}


def sums() -> list[sa.ColumnElement[int]]:
    """The amounts of a group of calls, as columns."""
    kinds = {
        "tool_calls": sa.case((CALLS.c.kind == CallKind.TOOL, 1), else_=0),
        "model_calls": sa.case((CALLS.c.kind == CallKind.MODEL, 1), else_=0),
    }
    return [sa.func.sum(kinds[name] if name in kinds else CALLS.c[name]).label(name) for name in _NAMES]

"""What people told an investigation, as rows of the ledger."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from agent.ledger_schema import STEERINGS


@dataclass(frozen=True, slots=True)
class Steering:
    """``excluded`` are identities of hypotheses (``Hypothesis.identity``) that this person says are wrong."""

    by: str
    text: str
    excluded: tuple[str, ...]


def add_steering(
    db: sa.Connection, investigation_id: str, by: str, text: str, excluded: tuple[str, ...], at: float
) -> None:
    """Add a row within a transaction."""
    values = {"investigation_id": investigation_id, "at": at, "by": by, "text": text, "excluded": json.dumps(excluded)}
    db.execute(sa.insert(STEERINGS).values(**values))


def exclusions(said: Sequence[Steering]) -> int:
    """How many of them say that a cause is wrong."""
    return sum(bool(steering.excluded) for steering in said)


def steerings(db: sa.Connection, investigation_id: str) -> tuple[Steering, ...]:
    """Of an investigation, oldest first."""
    query = sa.select(STEERINGS).where(STEERINGS.c.investigation_id == investigation_id).order_by(STEERINGS.c.seq)
    return tuple(Steering(row.by, row.text, tuple(json.loads(row.excluded))) for row in db.execute(query))

"""What investigations tell, kept in the ledger: a door of another process follows one as if it ran there."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from agent.events import ApprovalNeeded, Event, EvidenceFound, Finished, Performed, Ranked, StageStarted, Verified
from agent.ledger import InvestigationRow, Ledger
from agent.ledger_database import Database
from agent.ledger_schema import EVENTS, STAGES

_LOOK_AGAIN_SECONDS = 0.5
_ENDED = frozenset(("done", "failed"))


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """``kind`` is stage, evidence, ranked, approval_needed, decided, acted, verified, steered or finished; ``at`` is epoch
    seconds."""

    seq: int
    investigation_id: str
    at: float
    kind: str
    body: Mapping[str, Any]


class EventLog:
    """The log in the ledger of ``home``. Raises ``LedgerError``."""

    def __init__(self, home: Path) -> None:
        self._transaction = Database(home).transaction

    def tell(self, investigation_id: str, events: Sequence[Event]) -> None:
        """Append what can be told, and each stage to the list of stages, in one transaction."""
        told = [(event, loggable) for event in events if (loggable := as_logged(event)) is not None]
        if not told:
            return
        now = time.time()
        with self._transaction() as db:
            for event, (kind, body) in told:
                if isinstance(event, StageStarted):
                    stage = {"stage": event.stage, "branch": event.branch, "started_at": now}
                    db.execute(sa.insert(STAGES).values(investigation_id=investigation_id, **stage))
                append_event(db, investigation_id, kind, body, now)

    def since(self, investigation_id: str, seq: int = 0, limit: int = 500) -> list[LoggedEvent]:
        """What was told after ``seq``, oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.investigation_id == investigation_id, EVENTS.c.seq > seq)
        with self._transaction() as db:
            rows = db.execute(query.order_by(EVENTS.c.seq).limit(limit)).all()
        return [_event(row) for row in rows]

    def last(self, investigation_id: str, kind: str) -> LoggedEvent | None:
        """The newest of a kind."""
        query = sa.select(EVENTS).where(EVENTS.c.investigation_id == investigation_id, EVENTS.c.kind == kind)
        with self._transaction() as db:
            row = db.execute(query.order_by(EVENTS.c.seq.desc()).limit(1)).one_or_none()
        return None if row is None else _event(row)


def _event(row: sa.Row[Any]) -> LoggedEvent:
    return LoggedEvent(row.seq, row.investigation_id, row.at, row.kind, json.loads(row.body))


async def told_to(
    log: EventLog, investigation_id: str, events: AsyncGenerator[Event, None]
) -> AsyncGenerator[Event, None]:
    """The events as they come, each told to the log; those within a stage together, since every write waits for a disk."""
    untold: list[Event] = []
    try:
        async with aclosing(events):
            async for event in events:
                untold.append(event)
                if isinstance(event, StageStarted | Performed | Verified | Ranked):
                    log.tell(investigation_id, untold)
                    untold = []
                yield event
    finally:
        log.tell(investigation_id, untold)


def has_ended(row: InvestigationRow) -> bool:
    """Whether nothing more is told of it, unless somebody takes it up."""
    return row.status in _ENDED


async def follow(
    log: EventLog, ledger: Ledger, id: str, after: int = 0, over: Callable[[InvestigationRow], bool] = has_ended
) -> AsyncIterator[LoggedEvent]:
    """Everything after ``after`` as it comes; ends when the investigation is ``over`` and all was told."""
    while True:
        # Asked before the events: what is written between the two is told in the next round.
        ended = over(await asyncio.to_thread(ledger.investigation, id))
        events = await asyncio.to_thread(log.since, id, after)
        for event in events:
            after = event.seq
            yield event
        if events:
            continue
        if ended:
            return
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def append_event(db: sa.Connection, investigation_id: str, kind: str, body: Mapping[str, Any], at: float) -> None:
    """Append within a transaction."""
    values = {"investigation_id": investigation_id, "at": at, "kind": kind, "body": json.dumps(body, default=str)}
    db.execute(sa.insert(EVENTS).values(**values))


def as_logged(event: Event) -> tuple[str, dict[str, Any]] | None:
    """Kind and body of an event; None for what is not told to others."""
    match event:
        case StageStarted(stage, branch):
            return "stage", {"stage": stage, "branch": branch}
        case EvidenceFound(item):
            told = {"id": item.id, "tool": item.tool, "outcome": item.outcome.value}
            return "evidence", {**told, "summary": item.summary, "points": item.points}
        case Ranked(hypotheses):
            shown = [
                {"id": h.id, "sentence": h.sentence, "probability": h.probability, "identity": h.identity}
                for h in hypotheses[:8]
            ]
            return "ranked", {"hypotheses": shown}
        case ApprovalNeeded(_, actions):
            return "approval_needed", {"requests": [action.request_id for action in actions]}
        case Performed(action, result):
            return "acted", {"action": action, "outcome": result.outcome, "detail": result.detail}
        case Verified(verification):
            return "verified", {"outcome": verification.outcome, "sentence": verification.sentence}
        case Finished(report):
            return "finished", {"headline": report.headline, "probability": report.probability, "status": "done"}
        case _:
            return None

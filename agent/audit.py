"""The audit log: who asked for, approved, refused and did what. Append-only, each row sealed over the one before."""

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from agent.ledger_database import Database
from agent.ledger_schema import AUDIT
from agent.redaction import cut_secrets
from agent.seals import Seals

_log = logging.getLogger(__name__)

_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One thing that happened. ``at`` is epoch seconds; ``door`` is terminal, web, slack or "" for the machine itself."""

    seq: int
    at: float
    investigation_id: str
    actor: str
    door: str
    what: str
    detail: str
    hash: str


class Audit:
    """The log in the ledger of ``home``. Raises ``LedgerError``, ``OSError``."""

    def __init__(self, home: Path) -> None:
        self._transaction, self._seals = Database(home).transaction, Seals(home)
        self._head = home / "audit.head"

    def note(self, investigation_id: str, actor: str, door: str, what: str, detail: str = "") -> None:
        """Append a row of its own."""
        with self._transaction() as db:
            self.append(db, investigation_id, actor, door, what, detail)
        self.keep_head()

    def append(
        self, db: sa.Connection, investigation_id: str, actor: str, door: str, what: str, detail: str = ""
    ) -> None:
        """Append within a transaction, so that what happened and its row are there together or not at all."""
        last = db.execute(sa.select(AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)).scalar_one_or_none()
        detail = _text(cut_secrets(detail))[:_LONGEST]
        row = AuditRow(0, time.time(), _text(investigation_id), _text(actor), door, what, detail, "")
        hash = self._seals.of("audit", _sealed(row, last or ""))
        values = {name: getattr(row, name) for name in ("at", "investigation_id", "actor", "door", "what", "detail")}
        db.execute(sa.insert(AUDIT).values(**values, hash=hash))

    def of(self, investigation_id: str) -> list[AuditRow]:
        """What happened around an investigation, oldest first."""
        return self._rows(AUDIT.c.investigation_id == investigation_id)

    def all(self) -> list[AuditRow]:
        """Everything, oldest first."""
        return self._rows(sa.true())

    def verify(self) -> str:
        """Where the log was changed, in a sentence; "" where it is whole."""
        rows, before = self.all(), ""
        for number, row in enumerate(rows, 1):
            if row.seq != number:
                return f"row {number} is missing"
            if not self._seals.holds("audit", _sealed(row, before), row.hash):
                return f"row {row.seq} was changed, or a row before it was removed"
            before = row.hash
        try:
            head = json.loads(self._head.read_text())
            known = any(row.seq == head["seq"] and row.hash == head["hash"] for row in rows)
        except FileNotFoundError:
            return "" if not rows else f"{self._head.name} is missing: the end of the log cannot be checked"
        except (ValueError, KeyError, TypeError):
            return f"{self._head.name} is damaged: the end of the log cannot be checked"
        return "" if known else f"rows at the end are missing: row {head['seq']} was there"

    def keep_head(self) -> None:
        """Note the newest row beside the database, after its commit: removed rows at the end are then seen.

        Never raises: what was committed has happened, and whoever did it must not be told otherwise.
        """
        try:
            with self._transaction() as db:  # so that no older row is noted over a newer one
                newest = sa.select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)
                last = db.execute(newest).one_or_none()
                if last is not None and self._head_is_there(db):
                    draft = self._head.with_suffix(".new")
                    draft.write_text(json.dumps({"seq": last.seq, "hash": last.hash}))
                    draft.replace(self._head)
        except OSError as error:
            _log.error("the end of the audit log cannot be noted in %s: %s", self._head, error)

    def _head_is_there(self, db: sa.Connection) -> bool:
        """Whether the row that was noted is still in the log. Where it is not, its note stays, so that it is missed."""
        try:
            head = json.loads(self._head.read_text())
            noted = sa.and_(AUDIT.c.seq == int(head["seq"]), AUDIT.c.hash == str(head["hash"]))
        except FileNotFoundError:
            return True
        except (ValueError, KeyError, TypeError):
            return False
        return db.execute(sa.select(AUDIT.c.seq).where(noted)).one_or_none() is not None

    def _rows(self, condition: sa.ColumnElement[bool]) -> list[AuditRow]:
        with self._transaction() as db:
            return [
                AuditRow(**row._mapping) for row in db.execute(sa.select(AUDIT).where(condition).order_by(AUDIT.c.seq))
            ]


def _sealed(row: AuditRow, before: str) -> dict[str, object]:
    """What a row's hash is over; the number is not, since the database gives it: the order is in ``before``."""
    told = (row.investigation_id, row.actor, row.door, row.what, row.detail)
    return {"before": before, "at": repr(row.at), "told": list(told)}


def _text(text: str) -> str:
    """What a database can hold."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")

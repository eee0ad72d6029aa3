"""The SQLite file of the ledger: one engine a file and process, and transactions that hold across processes."""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError

from agent.ledger_schema import METADATA
from agent.ledger_upgrade import upgrade

_BUSY_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 0.001, 0.004


class LedgerError(OSError):
    """The ledger cannot be read or written; the message says what to do."""


class Database:
    """Opens (and makes, if need be) ``home/ledger.db``. Raises ``LedgerError``."""

    def __init__(self, home: Path) -> None:
        self._path = home / "ledger.db"
        try:
            self._engine = _engine(self._path)
        except (OSError, DatabaseError) as error:
            raise LedgerError(
                f"cannot open the ledger {self._path}: {error}. Set PCAUSE_HOME, or move the file away."
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One immediate transaction: nobody else writes between its reads and its writes. Raises ``LedgerError``."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except OperationalError as error:
            raise LedgerError(
                f"the ledger {self._path} cannot be used: {error.orig}. Is the disk full or the file locked?"
            ) from error
        except DatabaseError as error:
            raise LedgerError(
                f"the ledger {self._path} is damaged: {error.orig}. Move it away; evidence is kept apart."
            ) from error


@lru_cache(maxsize=16)
def _engine(path: Path) -> sa.Engine:
    """No pool, so that no connection outlives its transaction."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_SECONDS}, poolclass=sa.NullPool)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: object, _: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # we say BEGIN ourselves
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA journal_mode=WAL")
        # With NORMAL a power cut takes the last commits away, among them alerts that were answered "accepted".
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _immediate(connection: sa.Connection) -> None:
        _wait_for_turn(connection)

    with engine.begin() as connection:  # one transaction: two processes may open an old file at once
        METADATA.create_all(connection)
        upgrade(connection)
    return engine


def _wait_for_turn(connection: sa.Connection) -> None:
    """Begin to write. SQLite itself looks for its turn more and more seldom, up to every 100 ms, so that who waits
    longest is served last; we look every few milliseconds."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - the engine is SQLite's
    until = time.monotonic() + _BUSY_SECONDS
    raw.execute("PRAGMA busy_timeout = 0")
    try:
        while time.monotonic() < until:
            try:
                raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
                time.sleep(random.uniform(*_LOOK_AGAIN_SECONDS))
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # says what is wrong as SQLAlchemy does
    finally:
        raw.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")

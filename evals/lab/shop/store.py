"""A service's SQLite store behind its connection pool."""

import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from prometheus_client import CollectorRegistry

from . import settings
from .meters import PoolMeters
from .pool import Pool

_SCHEMA = "CREATE TABLE IF NOT EXISTS item (sku INTEGER PRIMARY KEY, amount INTEGER NOT NULL)"


class Connection:
    """One connection. A statement takes a round trip, as it would to a store on another machine.

    SQLite lives in the process and answers in microseconds; without the round trip no pool would ever be busy.
    """

    def __init__(self, path: Path) -> None:
        self._sqlite = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        # Losing stock on a power cut harms nobody here; waiting for the disk would add noise to the baseline.
        self._sqlite.execute("PRAGMA synchronous=OFF")

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[int, ...]]:
        """Run one statement and return its rows."""
        time.sleep(settings.DB_ROUND_TRIP_SECONDS * random.uniform(0.8, 1.2))
        return self._sqlite.execute(statement, tuple(values)).fetchall()

    def close(self) -> None:
        """Close the SQLite handle."""
        self._sqlite.close()


def open_store(path: Path, size: int, registry: CollectorRegistry, rows: Sequence[tuple[int, int]]) -> Pool[Connection]:
    """A pool of connections to the table ``item (sku, amount)`` in ``path``, filled with ``rows`` when new."""
    with closing(sqlite3.connect(path, timeout=5)) as sqlite, sqlite:
        sqlite.execute("PRAGMA journal_mode=WAL")
        sqlite.execute(_SCHEMA)
        sqlite.executemany("INSERT OR IGNORE INTO item VALUES (?, ?)", rows)
    return Pool(lambda: Connection(path), size, settings.DB_POOL_TIMEOUT_SECONDS, PoolMeters(registry))

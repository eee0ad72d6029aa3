"""A service's SQLite store behind its connection pool."""

import random
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from . import settings
from .app import App
from .errors import ServiceError
from .meters import StoreMeters
from .pool import Pool
from .telemetry import Span, Telemetry

Row = tuple[int | float | str, ...]
_LOCK_STEP_SECONDS = 0.02


class StoreLockedError(ServiceError):
    """Another writer held the store for too long."""


class Connection:
    """One connection. A statement takes a round trip, and a long one its time, as in a store on a machine of its own.

    SQLite lives in the process and answers from memory in microseconds; without the round trip no pool would ever be
    busy, and without the time for its steps a scan of the whole table would cost nothing.
    """

    def __init__(self, path: Path, meters: StoreMeters) -> None:
        self._meters = meters
        self._sqlite = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        # Losing stock on a power cut harms nobody here; waiting for the disk would add noise to the baseline.
        self._sqlite.execute("PRAGMA synchronous=OFF")
        self._sqlite.execute("PRAGMA cache_size=-500")  # kB, as there may be two dozen of these
        self._sqlite.set_progress_handler(_work, settings.DB_STEPS_PER_SLICE)

    def execute(self, statement: str, rows: Sequence[Sequence[object]]) -> list[Row]:
        """Run one statement for every row of values; raises StoreLockedError when another writer holds it up."""
        started = time.perf_counter()
        time.sleep(settings.DB_ROUND_TRIP_SECONDS * random.uniform(0.8, 1.2))
        try:
            return self._run_unlocked(statement, rows)
        finally:
            self._meters.duration.observe(time.perf_counter() - started)

    def _run_unlocked(self, statement: str, rows: Sequence[Sequence[object]]) -> list[Row]:
        waited_seconds = 0.0
        while True:
            try:
                found = self._run(statement, rows)
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or waited_seconds >= settings.DB_LOCK_TIMEOUT_SECONDS:
                    self._meters.lock_wait.observe(waited_seconds)
                    raise StoreLockedError(503, f"{error} (waited {waited_seconds:.1f} s for another writer)") from None
                time.sleep(_LOCK_STEP_SECONDS)
                waited_seconds += _LOCK_STEP_SECONDS
            else:
                self._meters.lock_wait.observe(waited_seconds)
                return found

    def _run(self, statement: str, rows: Sequence[Sequence[object]]) -> list[Row]:
        if len(rows) == 1:
            return self._sqlite.execute(statement, tuple(rows[0])).fetchall()
        self._sqlite.executemany(statement, [tuple(row) for row in rows])
        return []

    def close(self) -> None:
        """Close the SQLite handle."""
        self._sqlite.close()


def _work() -> int:
    time.sleep(settings.DB_SLICE_SECONDS)
    return 0  # go on


class Session:
    """A lent connection whose statements are spans of the request that borrowed it."""

    def __init__(self, connection: Connection, telemetry: Telemetry, span: Span, namespace: str) -> None:
        self._connection = connection
        self._telemetry = telemetry
        self._span = span
        self._namespace = namespace

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Run one statement and return its rows."""
        return self.execute_many(statement, [values])

    def execute_many(self, statement: str, rows: Sequence[Sequence[object]]) -> list[Row]:
        """Run a writing statement once for every row of values, in one round trip."""
        operation = statement.split(maxsplit=1)[0]
        attributes = {"db.system.name": "sqlite", "db.namespace": self._namespace, "db.query.text": statement}
        context = (self._span.trace_id, self._span.span_id)
        with self._telemetry.span(f"{operation} {self._namespace}", "CLIENT", context, attributes):
            return self._connection.execute(statement, rows)


class Store:
    """One SQLite file of a service."""

    def __init__(self, app: App, path: Path, pool_size: int) -> None:
        self._telemetry = app.telemetry
        self._name = path.stem
        meters = StoreMeters(app.registry)
        timeout = settings.DB_POOL_TIMEOUT_SECONDS
        self._pool = Pool(lambda: Connection(path, meters), pool_size, timeout, meters.pool)
        app.telemetry.log("INFO", f"database pool opened with {pool_size} connections")

    @contextmanager
    def session(self, span: Span) -> Iterator[Session]:
        """Lend a connection for the length of the body; raises PoolExhaustedError when none comes free."""
        started = time.perf_counter()
        with self._pool.connection() as connection:
            waited_seconds = time.perf_counter() - started
            span.attributes["db.pool.wait_ms"] = round(waited_seconds * 1000, 1)
            if waited_seconds > settings.SLOW_WAIT_SECONDS:
                self._telemetry.log("WARN", f"waited {waited_seconds:.2f} s for a database connection", span)
            yield Session(connection, self._telemetry, span, self._name)


def fill_once(path: Path, schema: str, tables: Mapping[str, Iterable[Row]]) -> None:
    """Create the store in ``path``, unless it is there. ``tables`` maps an INSERT statement to its rows."""
    if path.exists():
        return
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)  # left by a process that was killed while it filled it
    with closing(sqlite3.connect(new, timeout=5)) as sqlite, sqlite:
        sqlite.execute("PRAGMA journal_mode=WAL")
        sqlite.executescript(schema)
        for insert, rows in tables.items():
            sqlite.executemany(insert, rows)
    new.replace(path)

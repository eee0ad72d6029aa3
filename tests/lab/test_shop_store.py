"""The store: its statements wait for another writer, but not for ever."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from evals.lab.shop.meters import StoreMeters
from evals.lab.shop.store import Connection, StoreLockedError, fill_once

INSERT = "INSERT INTO item VALUES (?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    fill_once(tmp_path / "item.db", "CREATE TABLE item (sku INTEGER)", {INSERT: [(1,)]})
    return tmp_path / "item.db"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def connection(path: Path, registry: CollectorRegistry) -> Iterator[Connection]:
    with closing(Connection(path, StoreMeters(registry))) as opened:
        yield opened


def test_a_locked_store_is_given_up_with_a_reason(
    path: Path, connection: Connection, registry: CollectorRegistry
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreLockedError, match=r"database is locked \(waited 1.5 s"):
            connection.execute(INSERT, [(2,)])
    assert (registry.get_sample_value("db_lock_wait_seconds_sum") or 0) > 1


def test_a_statement_goes_on_when_the_lock_is_let_go(path: Path, connection: Connection) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.2, other.execute, ["COMMIT"])
        release.start()
        connection.execute(INSERT, [(2,)])
        release.join()
    assert connection.execute("SELECT sku FROM item ORDER BY sku", [()]) == [(1,), (2,)]


def test_a_filled_store_is_not_filled_again(path: Path, connection: Connection) -> None:
    fill_once(path, "CREATE TABLE item (sku INTEGER)", {INSERT: [(7,)]})
    assert connection.execute("SELECT sku FROM item", [()]) == [(1,)]

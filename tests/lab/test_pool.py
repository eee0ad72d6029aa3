"""The bounded pool: never more lent out than it holds, and no endless wait."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry

from evals.lab.shop.meters import PoolMeters
from evals.lab.shop.pool import Pool, PoolExhaustedError


class Connection:
    def close(self) -> None:
        pass


def _pool(size: int, timeout_seconds: float, registry: CollectorRegistry) -> Pool[Connection]:
    return Pool(Connection, size, timeout_seconds, PoolMeters(registry))


def test_no_more_connections_are_lent_than_the_pool_holds() -> None:
    pool, lock, lent, most = _pool(3, 5.0, CollectorRegistry()), threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal lent, most
        with pool.connection():
            with lock:
                lent += 1
                most = max(most, lent)
            time.sleep(0.01)
            with lock:
                lent -= 1

    with ThreadPoolExecutor(16) as workers:
        list(workers.map(work, range(40)))
    assert most == 3


def test_a_request_that_finds_no_connection_gives_up_and_is_counted() -> None:
    registry = CollectorRegistry()
    pool = _pool(1, 0.05, registry)
    with pool.connection(), pytest.raises(PoolExhaustedError, match="pool of 1"), pool.connection():
        pass
    assert registry.get_sample_value("db_pool_timeouts_total") == 1
    assert registry.get_sample_value("db_pool_in_use") == 0


def test_a_connection_comes_back_when_its_request_fails() -> None:
    pool = _pool(1, 0.05, CollectorRegistry())
    with pytest.raises(KeyError), pool.connection():
        raise KeyError
    with pool.connection() as connection:
        assert isinstance(connection, Connection)

"""A bounded pool of store connections."""

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from .errors import ServiceError
from .meters import PoolMeters


class Closable(Protocol):
    """All that a pool asks of a connection."""

    def close(self) -> None:
        """Give the connection back to the store."""


ConnectionT = TypeVar("ConnectionT", bound=Closable)


class PoolExhaustedError(ServiceError):
    """No connection came free in time."""


class Pool(Generic[ConnectionT]):
    """At most ``size`` connections, all opened at the start, lent to one request at a time."""

    def __init__(
        self, connect: Callable[[], ConnectionT], size: int, timeout_seconds: float, meters: PoolMeters
    ) -> None:
        self.size = size
        self._timeout_seconds = timeout_seconds
        self._meters = meters
        self._free: queue.LifoQueue[ConnectionT] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(connect())
        meters.max.set(size)

    @contextmanager
    def connection(self) -> Iterator[ConnectionT]:
        """Lend a connection for the length of the body; raises PoolExhaustedError when none comes free."""
        connection = self._borrow()
        try:
            with self._meters.in_use.track_inprogress():
                yield connection
        finally:
            self._free.put(connection)

    def _borrow(self) -> ConnectionT:
        started = time.perf_counter()
        try:
            with self._meters.waiting.track_inprogress():
                return self._free.get(timeout=self._timeout_seconds)
        except queue.Empty:
            self._meters.timeouts.inc()
            raise PoolExhaustedError(
                503, f"no database connection free after {self._timeout_seconds:.1f} s (pool of {self.size})"
            ) from None
        finally:
            self._meters.wait.observe(time.perf_counter() - started)

    def close(self) -> None:
        """Close the connections that are not lent out."""
        while not self._free.empty():
            self._free.get_nowait().close()

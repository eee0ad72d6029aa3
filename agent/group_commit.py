"""Many writers, few commits: who comes first does the work of all who wait, in one transaction.

A commit that survives a power cut waits for the disk. A thousand alerts at once would wait one after the other, each
for a lock that SQLite gives to whoever happens to ask next; together they wait a few times.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError

from agent.ledger_database import LedgerError

_MOST_TOGETHER = 64
_Result = TypeVar("_Result")


class GroupCommit:
    """Runs work in ``transaction()``. Each work has a savepoint of its own: one that fails costs no other."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        self._transaction = transaction
        self._waiting: deque[_Work] = deque()
        self._leading = threading.Lock()

    def run(self, work: Callable[[sa.Connection], _Result]) -> _Result:
        """What ``work`` returns, once it is committed; raises what it raises, and ``LedgerError``."""
        mine = _Work(work)
        self._waiting.append(mine)
        with self._leading:  # whoever held it may have done mine
            while not mine.result.done():
                self._commit([self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_TOGETHER))])
        result: _Result = mine.result.result()
        return result

    def _commit(self, works: "list[_Work]") -> None:
        done: list[tuple[_Work, object, Exception | None]] = []
        try:
            with self._transaction() as db:
                for work in works:
                    try:
                        with db.begin_nested():
                            result = work.do(db)
                        done.append((work, result, None))
                    except (IntegrityError, DataError) as error:
                        done.append((work, None, LedgerError(f"the ledger cannot hold this: {error.orig}")))
                    except sa.exc.DBAPIError:
                        raise
                    except Exception as error:  # its own fault, which its caller is told of
                        done.append((work, None, error))
        except BaseException as error:
            for work in works:
                work.result.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for work, result, failure in done:
            if failure is not None:
                work.result.set_exception(failure)
            else:
                work.result.set_result(result)


class _Work:
    """What to do, and what came of it."""

    def __init__(self, do: Callable[[sa.Connection], Any]) -> None:
        self.do, self.result = do, Future[Any]()

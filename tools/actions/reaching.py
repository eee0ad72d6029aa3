"""Whether a request ever left: what failed before that (refused, unknown host, no TLS) was surely not done.

The exceptions of the libraries do not tell it: a TLS error, or a connection that was closed, may come before or after. So
the connection itself notes that it begins to send. A call runs in a thread of its own (``within``), and so does its note.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection

from tools.http.adapter import within

GATEWAY_GAVE_UP = frozenset((502, 504))  # what stands before the target got no answer of it either

T = TypeVar("T")
_here = threading.local()


class NotSentError(Exception):
    """The call failed before a byte of the request was sent; ``cause`` says how."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def asked(seconds: float, call: Callable[[], T]) -> T:
    """The result of a call over pools that ``note_sending`` was given.

    Raises ``NotSentError``, or as the call does, or ``TimeoutError``: then it may still be sent.
    """

    def noted() -> T:
        _here.sent = False
        try:
            return call()
        except Exception as error:
            if _here.sent:
                raise
            raise NotSentError(error) from error

    return within(seconds, noted)


def note_sending(pools: PoolManager) -> None:
    """Let its connections, of whatever kind, note that they send."""
    pools.pool_classes_by_scheme = {scheme: _noting(pool) for scheme, pool in pools.pool_classes_by_scheme.items()}


class _Noting(HTTPConnection):
    def send(self, data: Any) -> None:  # noqa: ANN401 - as in the standard library
        if self.sock is None:
            self.connect()  # sending would do it, too, but after the note
        _here.sent = True
        super().send(data)


def _noting(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    connection = type("NotingConnection", (_Noting, pool.ConnectionCls), {})
    return type("NotingPool", (pool,), {"ConnectionCls": connection})

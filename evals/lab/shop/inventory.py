"""Inventory: reserves stock, line by line, in its store."""

import time

from . import settings
from .app import App, Handler, Request
from .basket import Line, lines_of
from .errors import ServiceError
from .store import Connection, open_store

_STOCK = [(sku, 1_000_000) for sku in range(200)]


class Inventory:
    """The stock and its reservations."""

    def __init__(self, app: App) -> None:
        self._telemetry = app.telemetry
        self._pool = open_store(app.runtime.folder / "inventory.db", settings.DB_POOL_SIZE, app.registry, _STOCK)
        app.telemetry.log("INFO", f"database pool opened with {self._pool.size} connections")

    def reserve(self, request: Request) -> dict[str, object]:
        """Take every line of the basket out of stock, on one connection."""
        context, attributes = (request.span.trace_id, request.span.span_id), {"db.system.name": "sqlite"}
        started = time.perf_counter()
        with (
            self._telemetry.span("reserve stock", "INTERNAL", context, attributes) as span,
            self._pool.connection() as connection,
        ):
            waited_seconds = time.perf_counter() - started
            span.attributes["db.pool.wait_ms"] = round(waited_seconds * 1000, 1)
            if waited_seconds > settings.SLOW_WAIT_SECONDS:
                self._telemetry.log("WARN", f"waited {waited_seconds:.2f} s for a database connection", span)
            for line in lines_of(request.body):
                _take(connection, line)
        return {"reserved": True}


def _take(connection: Connection, line: Line) -> None:
    rows = connection.execute("SELECT amount FROM item WHERE sku = ?", (line.sku,))
    if not rows or rows[0][0] < line.quantity:
        raise ServiceError(409, f"sku {line.sku} is out of stock")
    connection.execute("UPDATE item SET amount = amount - ? WHERE sku = ?", (line.quantity, line.sku))


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/reserve": Inventory(app).reserve}

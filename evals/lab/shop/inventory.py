"""Inventory: reserves stock in its three warehouses, in its store."""

from collections.abc import Sequence

from . import settings
from .app import App, Handler, Request
from .basket import Line, lines_of
from .errors import ServiceError
from .store import Session, Store, fill_once

_SCHEMA = """
CREATE TABLE item (sku INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
CREATE TABLE reservation (warehouse INTEGER NOT NULL, sku INTEGER NOT NULL, amount INTEGER NOT NULL);
"""
_STOCK = [(sku, 1_000_000) for sku in range(200)]
_WAREHOUSES = 3


class Inventory:
    """The stock and its reservations."""

    def __init__(self, app: App) -> None:
        self._telemetry = app.telemetry
        path = app.runtime.folder / "inventory.db"
        fill_once(path, _SCHEMA, {"INSERT INTO item VALUES (?, ?)": _STOCK})
        self._store = Store(app, path, settings.DB_POOL_SIZE)

    def reserve(self, request: Request) -> dict[str, object]:
        """Take every line of the basket out of the stock of its warehouse, on one connection."""
        lines = lines_of(request.body)
        context = (request.span.trace_id, request.span.span_id)
        with (
            self._telemetry.span("reserve stock", "INTERNAL", context, {"basket.lines": len(lines)}) as span,
            self._store.session(span) as session,
        ):
            for warehouse in range(_WAREHOUSES):
                _take(session, warehouse, [line for line in lines if line.sku % _WAREHOUSES == warehouse])
        return {"reserved": True}


def _take(session: Session, warehouse: int, lines: Sequence[Line]) -> None:
    # A basket asks every warehouse, also for nothing: its answer is also its word that it is open.
    marks = ", ".join("?" * len(lines))
    rows = session.execute(f"SELECT sku, amount FROM item WHERE sku IN ({marks})", [line.sku for line in lines])  # noqa: S608 - question marks only
    stock = {int(sku): int(amount) for sku, amount in rows}
    for line in lines:
        if stock.get(line.sku, 0) < line.quantity:
            raise ServiceError(409, f"sku {line.sku} is out of stock")
    session.execute_many(
        "UPDATE item SET amount = amount - ? WHERE sku = ?", [(line.quantity, line.sku) for line in lines]
    )
    session.execute_many(
        "INSERT INTO reservation VALUES (?, ?, ?)", [(warehouse, line.sku, line.quantity) for line in lines]
    )


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/reserve": Inventory(app).reserve}

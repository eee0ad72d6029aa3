"""Pricing: what a basket costs, in cents, from the price list in its store."""

from . import settings
from .app import App, Handler, Request
from .basket import lines_of
from .store import open_store

_PRICES = [(sku, 199 + 37 * sku % 5000) for sku in range(200)]


class Pricing:
    """The price list."""

    def __init__(self, app: App) -> None:
        self._telemetry = app.telemetry
        path, size = app.runtime.folder / "pricing.db", settings.PRICING_DB_POOL_SIZE
        self._pool = open_store(path, size, app.registry, _PRICES)
        app.telemetry.log("INFO", f"database pool opened with {self._pool.size} connections")

    def quote(self, request: Request) -> dict[str, object]:
        """Price the whole basket with one statement."""
        quantities = {line.sku: line.quantity for line in lines_of(request.body)}
        context, attributes = (request.span.trace_id, request.span.span_id), {"db.system.name": "sqlite"}
        with (
            self._telemetry.span("read prices", "INTERNAL", context, attributes),
            self._pool.connection() as connection,
        ):
            rows = connection.execute("SELECT sku, amount FROM item")
        return {"cents": sum(price * quantities.get(sku, 0) for sku, price in rows)}


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/quote": Pricing(app).quote}

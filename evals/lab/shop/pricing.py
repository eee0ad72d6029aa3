"""Pricing: what a basket costs, in cents, from the price list in its store."""

import threading

from . import settings
from .app import App, Handler, Request
from .basket import lines_of
from .price_suggestions import suggest
from .store import Store, fill_once

_SCHEMA = """
CREATE TABLE item (sku INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
CREATE TABLE discount (from_quantity INTEGER PRIMARY KEY, percent INTEGER NOT NULL);
"""
_PRICES = [(sku, 199 + 37 * sku % 5000) for sku in range(200)]
_DISCOUNTS = [(4, 2), (10, 5)]


class Pricing:
    """The price list."""

    def __init__(self, app: App) -> None:
        self._telemetry = app.telemetry
        path = app.runtime.folder / "pricing.db"
        tables = {"INSERT INTO item VALUES (?, ?)": _PRICES, "INSERT INTO discount VALUES (?, ?)": _DISCOUNTS}
        fill_once(path, _SCHEMA, tables)
        self._store = Store(app, path, settings.PRICING_DB_POOL_SIZE)
        self._turns = threading.Semaphore(settings.RECOMPUTATIONS_AT_ONCE)

    def quote(self, request: Request) -> dict[str, object]:
        """Price the whole basket at once: today's prices, less what many of one kind save."""
        lines = lines_of(request.body)
        with self._store.session(request.span) as session:
            prices = {int(sku): int(amount) for sku, amount in session.execute("SELECT sku, amount FROM item")}
            discounts = session.execute("SELECT from_quantity, percent FROM discount ORDER BY from_quantity")
        cents = 0
        for line in lines:
            percent = max((int(saved) for quantity, saved in discounts if line.quantity >= int(quantity)), default=0)
            cents += prices.get(line.sku, 0) * line.quantity * (100 - percent) // 100
        return {"cents": cents}

    def recompute(self, request: Request) -> dict[str, object]:
        """Start to work out new price suggestions, unless as many runs as are allowed are under way."""
        started = self._turns.acquire(blocking=False)
        if started:
            threading.Thread(target=self._recompute, args=(request,), daemon=True).start()
        return {"started": started}

    def _recompute(self, request: Request) -> None:
        try:
            self._telemetry.log("INFO", "recomputing price suggestions", request.span)
            suggestions = suggest(_PRICES)
            self._telemetry.log("INFO", f"recomputed {len(suggestions)} price suggestions", request.span)
        finally:
            self._turns.release()


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    pricing = Pricing(app)
    return {"/quote": pricing.quote, "/recompute": pricing.recompute}

"""Checkout: turns a basket into an order."""

from .app import App, Handler, Request


def place_order(request: Request) -> dict[str, object]:
    """Price, reserve, ship and confirm, in that order; the first that fails ends the order."""
    basket = {"lines": request.body.get("lines")}
    price = request.call("pricing", "/quote", basket)
    request.call("inventory", "/reserve", basket)
    carrier = request.call("shipping", "/choose", basket)
    order = request.span.trace_id[:8]
    request.call("notifications", "/confirm", {"order": order, "cents": price["cents"]})
    return {"order": order, "cents": price["cents"], "carrier": carrier["carrier"]}


def routes(_: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/order": place_order}

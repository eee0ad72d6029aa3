"""Checkout: turns a basket into an order."""

from collections.abc import Sequence
from typing import cast

from .app import App, Handler, Request
from .basket import Line, basket_of, lines_of


def place_order(request: Request) -> dict[str, object]:
    """Price, reserve, ship and announce, in that order; the first that fails ends the order."""
    lines = lines_of(request.body)
    cents = price_of(request, lines)
    request.call("inventory", "/reserve", basket_of(lines))
    label = request.call("shipping", "/label", basket_of(lines) | {"carrier": request.body.get("carrier")})
    order: dict[str, object] = {"order": request.span.trace_id[:8], "cents": cents, "carrier": label["carrier"]}
    announce(request, order | {"shopper": request.body.get("shopper", 0)})
    return order


def price_of(request: Request, lines: Sequence[Line]) -> int:
    """What the lines cost together, in cents."""
    price = request.call("pricing", "/quote", basket_of(lines))
    return cast("int", price["cents"])


def announce(request: Request, order: dict[str, object]) -> None:
    """Publish the order for whoever wants to act on it, within the same trace."""
    context = (request.span.trace_id, request.span.span_id)
    attributes = {"messaging.system": "broker", "messaging.destination.name": "orders"}
    telemetry = request.app.telemetry
    with telemetry.span("publish orders", "PRODUCER", context, attributes) as span:
        message: dict[str, object] = {"payload": order, "traceparent": span.traceparent}
        Request(request.body, span, request.app).call("broker", "/publish", message)


def routes(_: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/order": place_order}

"""Shipping: chooses a carrier by the weight of a basket."""

from .app import App, Handler, Request
from .basket import lines_of


def choose(request: Request) -> dict[str, object]:
    """The cheapest carrier that takes the weight, and its price in cents."""
    grams = sum(250 * line.quantity for line in lines_of(request.body))
    if grams <= 1000:
        return {"carrier": "letter post", "cents": 290}
    if grams <= 5000:
        return {"carrier": "parcel post", "cents": 590}
    return {"carrier": "freight", "cents": 1990}


def routes(_: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/choose": choose}

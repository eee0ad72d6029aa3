"""Gateway: the shop's door. It hands a visit to the service behind it and has no opinion of its own."""

from . import settings
from .app import App, Handler, Request


def browse(request: Request) -> dict[str, object]:
    """A product page."""
    return request.call("storefront", "/page", request.body, settings.PAGE_TIMEOUT_SECONDS)


def buy(request: Request) -> dict[str, object]:
    """An order for the basket."""
    return request.call("checkout", "/order", request.body, settings.CHECKOUT_TIMEOUT_SECONDS)


def recommend(request: Request) -> dict[str, object]:
    """Goods that the shopper may like."""
    return request.call("recommender", "/recommend", request.body, settings.PAGE_TIMEOUT_SECONDS)


def routes(_: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/browse": browse, "/buy": buy, "/recommend": recommend}

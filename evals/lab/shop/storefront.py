"""Storefront: the pages of the shop and its buy button."""

import json

from . import settings
from .app import App, Handler, Request


def browse(request: Request) -> dict[str, object]:
    """A product page: goods with their price."""
    price = request.call("pricing", "/quote", {"lines": request.body.get("lines")})
    page: dict[str, object] = {"cents": price["cents"]}
    if _flags(request.app).get("gift_wrap_hint"):
        page["hint"] = "We wrap it for you."
    return page


def buy(request: Request) -> dict[str, object]:
    """Hand the basket to checkout."""
    basket = {"lines": request.body.get("lines")}
    return request.call("checkout", "/order", basket, settings.CHECKOUT_TIMEOUT_SECONDS)


def _flags(app: App) -> dict[str, bool]:
    """Flags as they are now: they change without a deploy."""
    path = app.runtime.folder / "flags.json"
    flags: dict[str, bool] = json.loads(path.read_text()) if path.exists() else {}
    return flags


def routes(_: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/browse": browse, "/buy": buy}

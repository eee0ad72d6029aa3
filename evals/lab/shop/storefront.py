"""Storefront: renders the pages of the shop."""

import json
import zlib

from .app import App, Handler, Request
from .basket import lines_of

# Pages carry their styles and scripts inline, so that they are painted after one response.
_INLINE_ASSETS = "<style>" + ".good{display:grid;gap:1rem;padding:.5rem}" * 16_000 + "</style>"


def page(request: Request) -> dict[str, object]:
    """The page of a few goods with their price. The network at the edge asks for its body by ``etag``."""
    lines = lines_of(request.body)
    found = request.call("catalog", "/products", {"skus": [line.sku for line in lines]})
    price = request.call("pricing", "/quote", {"lines": request.body.get("lines")})
    products = _dicts(found["products"])
    flags = _flags(request.app)
    answer: dict[str, object] = {"titles": [product["title"] for product in products], "cents": price["cents"]}
    if flags.get("gift_wrap_hint"):
        answer["hint"] = "We wrap it for you."
    if flags.get("review_stars"):
        answer["stars"] = [average_stars(product) for product in products]
    html = render(products, price["cents"])
    return answer | {"etag": f"{zlib.crc32(html.encode()):08x}", "bytes": len(html), "related": found["related"]}


def render(products: list[dict[str, object]], cents: object) -> str:
    """The whole page as HTML."""
    goods = "".join(f"<article class=good>{product['html']}</article>" for product in products)
    return f"<!doctype html>{_INLINE_ASSETS}<main>{goods}<p>{cents} cents</p></main>"


def average_stars(product: dict[str, object]) -> float:
    """The mean of a product's reviews, to a tenth."""
    stars = product["stars"]
    return round(sum(stars) / len(stars), 1) if isinstance(stars, list) else 0.0


def _dicts(values: object) -> list[dict[str, object]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _flags(app: App) -> dict[str, bool]:
    """Flags as they are now: they change without a deploy."""
    path = app.runtime.folder / "flags.json"
    flags: dict[str, bool] = json.loads(path.read_text()) if path.exists() else {}
    return flags


def routes(_: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/page": page}

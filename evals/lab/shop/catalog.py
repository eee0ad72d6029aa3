"""Catalog: product texts, from the cache where it has them, else from the store."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from . import product_texts, settings
from .app import App, Handler, Request
from .client import PeerError
from .errors import ServiceError
from .meters import CacheMeters
from .product_texts import Product
from .store import Store
from .telemetry import parse_traceparent

_BEST_SELLERS = 200
_FILL_LOCKS = 64


class Catalog:
    """Products by sku. Texts are costly to put together, so each is kept in the cache for a while."""

    def __init__(self, app: App) -> None:
        self._app = app
        path = app.runtime.folder / "catalog.db"
        product_texts.create(path)
        self._store = Store(app, path, settings.CATALOG_DB_POOL_SIZE)
        self._meters = CacheMeters(app.registry)
        self._filling = [threading.Lock() for _ in range(_FILL_LOCKS)]

    def products(self, request: Request) -> dict[str, object]:
        """The products of ``skus``, and what is related to the first."""
        skus = [int(sku) for sku in cast("Sequence[int]", request.body["skus"])]
        known = self._fresh(request, skus)
        self._meters.hits.inc(len(known))
        products = [known[sku] if sku in known else self._fill(request, sku) for sku in skus]
        with self._store.session(request.span) as session:
            related = product_texts.read_related(session, str(products[0]["family"]))
        return {"products": products, "related": related}

    def _fresh(self, request: Request, skus: Iterable[int]) -> dict[int, Product]:
        keys = {_key(sku): sku for sku in skus}
        try:
            found = request.call("cache", "/get", {"keys": list(keys)}, settings.CACHE_TIMEOUT_SECONDS)
        except PeerError as error:
            self._app.telemetry.log("WARN", f"reading past the cache: {error}", request.span)
            return {}
        values = cast("Mapping[str, Product]", found["values"])
        # An entry of an earlier release may have been promised a longer life than this one grants.
        oldest = time.time() - settings.CACHE_TTL_SECONDS
        return {keys[key]: value for key, value in values.items() if cast("float", value["filled_at"]) > oldest}

    def _fill(self, request: Request, sku: int) -> Product:
        with self._filling[sku % _FILL_LOCKS]:  # whoever waited here finds what the first one filled in
            if known := self._fresh(request, [sku]):
                return known[sku]
            self._meters.misses.inc()
            with self._store.session(request.span) as session:
                product = product_texts.read(session, sku)
            if product is None:
                raise ServiceError(404, f"there is no product {sku}")
            self._remember(request, {sku: product})
        return product

    def _remember(self, request: Request, products: Mapping[int, Product]) -> None:
        now = time.time()
        values = {_key(sku): product | {"filled_at": now} for sku, product in products.items()}
        body: dict[str, object] = {"values": values, "ttl_seconds": settings.CACHE_TTL_SECONDS}
        try:
            request.call("cache", "/put", body, settings.CACHE_TIMEOUT_SECONDS)
        except PeerError as error:
            self._app.telemetry.log("WARN", f"could not fill the cache: {error}", request.span)

    def warm(self, _: threading.Event) -> None:
        """Put the best sellers into the cache, so that a new shop does not begin with a stampede."""
        context, attributes = parse_traceparent(None), {"catalog.products": _BEST_SELLERS}
        with self._app.telemetry.span("warm cache", "INTERNAL", context, attributes) as span:
            with self._store.session(span) as session:
                products = product_texts.read_first(session, _BEST_SELLERS)
            self._remember(Request({}, span, self._app), products)


def _key(sku: int) -> str:
    return f"product:{sku}"


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    catalog = Catalog(app)
    app.workers.append(catalog.warm)
    return {"/products": catalog.products}

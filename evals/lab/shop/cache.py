"""Cache: values that may be forgotten, each for a time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import cast

from prometheus_client import Counter, Gauge

from . import settings
from .app import App, Handler, Request
from .meters import CacheMeters


class Cache:
    """Key/value in memory. The oldest entries give way when there are too many."""

    def __init__(self, app: App) -> None:
        self._entries: OrderedDict[str, tuple[float, object]] = OrderedDict()
        self._lock = threading.Lock()
        self._meters = CacheMeters(app.registry)
        self._evictions = Counter("cache_evictions", "Entries that gave way to others.", registry=app.registry)
        size = Gauge("cache_entries", "Entries held, fresh or not.", registry=app.registry)
        size.set_function(lambda: len(self._entries))

    def get(self, request: Request) -> dict[str, object]:
        """The fresh values among ``keys``."""
        now, values = time.monotonic(), {}
        with self._lock:
            for key in cast("list[str]", request.body["keys"]):
                expires_at, value = self._entries.get(key, (0.0, None))
                if expires_at > now:
                    values[key] = value
                    self._meters.hits.inc()
                else:
                    self._meters.misses.inc()
        return {"values": values}

    def put(self, request: Request) -> dict[str, object]:
        """Hold ``values`` for ``ttl_seconds``."""
        values = cast("Mapping[str, object]", request.body["values"])
        expires_at = time.monotonic() + cast("float", request.body["ttl_seconds"])
        with self._lock:
            for key, value in values.items():
                self._entries[key] = (expires_at, value)
                self._entries.move_to_end(key)
            while len(self._entries) > settings.CACHE_MAX_ENTRIES:
                self._entries.popitem(last=False)
                self._evictions.inc()
        return {"held": len(values)}


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    cache = Cache(app)
    return {"/get": cache.get, "/put": cache.put}

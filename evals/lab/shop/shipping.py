"""Shipping: chooses a carrier by the weight of a basket, books it and numbers the label."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from prometheus_client import Histogram

from . import settings
from .app import App, Handler, Request
from .basket import lines_of
from .errors import ServiceError
from .meters import SECONDS_BUCKETS
from .telemetry import Span
from .volume import Journal, Volume

_LABELS_KEPT = 500


class Shipping:
    """The label sequence and its journal."""

    def __init__(self, app: App) -> None:
        self._telemetry = app.telemetry
        volume = Volume(app.runtime.volume_folder, app.runtime.volume_bytes, app.registry)
        self._journal = Journal(volume, "labels.ndjson")
        self._lock = threading.Lock()
        self._last_number = max((cast("int", record["label"]) for record in self._journal.records()), default=0)
        self._wait = Histogram(
            "lock_wait_seconds",
            "Time until the lock was held.",
            ["lock"],
            buckets=SECONDS_BUCKETS,
            registry=app.registry,
        ).labels("label sequence")

    def label(self, request: Request) -> dict[str, object]:
        """A label for the basket, with the carrier that the shopper wants or else the cheapest."""
        wanted = str(request.body.get("carrier") or "").strip().lower()
        offer = choose(sum(250 * line.quantity for line in lines_of(request.body)))
        carrier = wanted or str(offer["carrier"])
        self._book(carrier, request.span)
        with self._sequence(request.span):
            number = self._take_number(carrier)
        return offer | {"carrier": carrier, "label": number}

    def _book(self, carrier: str, parent: Span) -> None:
        """Ask the carrier's desk for a place, which takes a round trip."""
        attributes = {"server.address": "desk.carriers.example", "shipping.carrier": carrier}
        with self._telemetry.span("book carrier", "CLIENT", (parent.trace_id, parent.span_id), attributes):
            time.sleep(settings.CARRIER_ROUND_TRIP_SECONDS * random.uniform(0.8, 1.2))

    def _take_number(self, carrier: str) -> int:
        self._last_number += 1
        self._journal.append({"label": self._last_number, "carrier": carrier})
        if self._journal.is_long:
            self._journal.rewrite(self._journal.records()[-_LABELS_KEPT:])
        return self._last_number

    @contextmanager
    def _sequence(self, span: Span) -> Iterator[None]:
        """Hold the label sequence: numbers have no gaps, so one request at a time."""
        started = time.perf_counter()
        held = self._lock.acquire(timeout=settings.LABEL_LOCK_TIMEOUT_SECONDS)
        waited_seconds = time.perf_counter() - started
        self._wait.observe(waited_seconds)
        if not held:
            raise ServiceError(503, f"could not lock the label sequence within {waited_seconds:.1f} s")
        try:
            if waited_seconds > settings.SLOW_WAIT_SECONDS:
                self._telemetry.log("WARN", f"waited {waited_seconds:.2f} s for the lock of the label sequence", span)
            yield
        finally:
            self._lock.release()


def choose(grams: int) -> dict[str, object]:
    """The cheapest carrier that takes the weight, and its price in cents."""
    if grams <= 1000:
        return {"carrier": "letter post", "cents": 290}
    if grams <= 5000:
        return {"carrier": "parcel post", "cents": 590}
    return {"carrier": "freight", "cents": 1990}


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/label": Shipping(app).label}

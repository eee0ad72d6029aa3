"""Shoppers: an open-loop load, so that a slow shop meets the same arrivals as a fast one."""

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

PATIENCE_SECONDS = 10.0
SHOPPERS = 1000
_MOST_AT_ONCE = 200
_GOODS = 200


@dataclass(frozen=True)
class LoadProfile:
    """Mean arrivals a second, by what shoppers come for; and how many kinds of goods a basket has."""

    browse_per_second: float = 6.0
    buy_per_second: float = 3.0
    recommend_per_second: float = 3.0
    fewest_lines: int = 2
    most_lines: int = 4

    @property
    def per_second(self) -> float:
        return self.browse_per_second + self.buy_per_second + self.recommend_per_second


USUAL_LOAD = LoadProfile()


@dataclass(frozen=True)
class Visit:
    """One shopper: what for, who, with which basket (goods and quantities)."""

    route: str
    shopper: int
    lines: tuple[tuple[int, int], ...]


def visits(profile: LoadProfile, seed: int) -> Iterator[tuple[float, Visit]]:
    """A Poisson process without end: (seconds since the last arrival, visit); the same seed gives the same shoppers."""
    rng = random.Random(seed)
    routes = ("/browse", "/buy", "/recommend")
    weights = (profile.browse_per_second, profile.buy_per_second, profile.recommend_per_second)
    while True:
        gap = rng.expovariate(profile.per_second)
        count = rng.randint(profile.fewest_lines, profile.most_lines)
        lines = tuple((rng.randrange(_GOODS), rng.randint(1, 4)) for _ in range(count))
        yield gap, Visit(rng.choices(routes, weights)[0], rng.randrange(SHOPPERS), lines)


class Load:
    """Sends the shoppers to the gateway on ``port`` from threads of its own until ``stop`` is called."""

    def __init__(self, port: int, profile: LoadProfile, seed: int = 7) -> None:
        self._port = port
        self._visits = visits(profile, seed)
        self._factor = 1.0
        self._stopped = threading.Event()
        self._shoppers = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="shopper")
        self._dispatcher = threading.Thread(target=self._dispatch, name="load", daemon=True)

    def start(self) -> None:
        """Let the shoppers come."""
        self._dispatcher.start()

    def scale(self, factor: float) -> None:
        """From now on ``factor`` times as many shoppers come as planned."""
        self._factor = factor

    def stop(self) -> None:
        """Send nobody more, and wait for those under way. Safe to call twice."""
        self._stopped.set()
        if self._dispatcher.ident is not None:
            self._dispatcher.join()
        self._shoppers.shutdown(cancel_futures=True)

    def _dispatch(self) -> None:
        due = time.monotonic()
        for gap, visit in self._visits:
            due += gap / self._factor
            if self._stopped.wait(max(0.0, due - time.monotonic())):
                return
            self._shoppers.submit(pay_visit, self._port, visit)


def pay_visit(port: int, visit: Visit) -> int:
    """Make one visit to the gateway on ``port``; returns the status, 0 when the shopper lost patience."""
    return post(port, visit.route, {"shopper": visit.shopper, "lines": visit.lines}, PATIENCE_SECONDS)[0]


def post(port: int, route: str, body: object, timeout_seconds: float) -> tuple[int, dict[str, Any]]:
    """POST JSON to a port of 127.0.0.1; returns status and answer, (0, {}) where there is no answer in time."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)) as connection:
        try:
            connection.request("POST", route, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        except (OSError, ValueError, http.client.HTTPException):
            return 0, {}

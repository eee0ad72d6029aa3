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

PATIENCE_SECONDS = 10.0
_MOST_AT_ONCE = 200


@dataclass(frozen=True)
class LoadProfile:
    """Mean arrivals a second, which grow by the share ``growth`` over the load's planned length."""

    browse_per_second: float
    buy_per_second: float
    growth: float


@dataclass(frozen=True)
class Arrival:
    """One shopper: when (seconds from the start), what for, with which basket."""

    offset_seconds: float
    route: str
    lines: tuple[tuple[int, int], ...]


def arrivals(profile: LoadProfile, seconds: float, seed: int) -> Iterator[Arrival]:
    """A Poisson process with slowly growing rate; the same seed gives the same shoppers."""
    rng = random.Random(seed)
    offset = 0.0
    per_second = profile.browse_per_second + profile.buy_per_second
    while True:
        offset += rng.expovariate(per_second * (1 + profile.growth * offset / seconds))
        if offset >= seconds:
            return
        route = "/buy" if rng.random() < profile.buy_per_second / per_second else "/browse"
        lines = tuple((rng.randrange(200), rng.randint(1, 4)) for _ in range(rng.randint(2, 4)))
        yield Arrival(offset, route, lines)


class Load:
    """Sends the arrivals to the storefront from threads of its own until they end or ``stop`` is called."""

    def __init__(self, port: int, profile: LoadProfile, seconds: float, seed: int = 7) -> None:
        self._port = port
        self._arrivals = arrivals(profile, seconds, seed)
        self._stopped = threading.Event()
        self._shoppers = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="shopper")
        self._dispatcher = threading.Thread(target=self._dispatch, name="load")

    def start(self) -> None:
        """Let the shoppers come."""
        self._dispatcher.start()

    def stop(self) -> None:
        """Send nobody more, and wait for those under way."""
        self._stopped.set()
        if self._dispatcher.ident is not None:
            self._dispatcher.join()
        self._shoppers.shutdown(cancel_futures=True)

    def _dispatch(self) -> None:
        started = time.monotonic()
        for arrival in self._arrivals:
            if self._stopped.wait(max(0.0, started + arrival.offset_seconds - time.monotonic())):
                return
            self._shoppers.submit(visit, self._port, arrival)


def visit(port: int, arrival: Arrival) -> int:
    """One visit to the storefront on ``port``; returns the status, 0 when the shopper lost patience."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)) as connection:
        try:
            connection.request("POST", arrival.route, json.dumps({"lines": arrival.lines}))
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return 0
        return response.status

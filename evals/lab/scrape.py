"""A small Prometheus: polls every service's /metrics and keeps what it derives from them."""

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evals.lab.rates import Scrape, derive

_ANSWER_SECONDS = 1.0


@dataclass(frozen=True)
class Sample:
    """One value of one series, at epoch seconds."""

    time: float
    entity: str
    metric: str
    value: float


class Scraper:
    """Polls on a fixed beat; all samples of one beat carry its time, so that the series share a grid."""

    def __init__(
        self, ports: Mapping[str, int], interval_seconds: float, on_beat: Callable[[list[Sample]], None]
    ) -> None:
        self._ports = ports
        self._interval_seconds = interval_seconds
        self._on_beat = on_beat
        self._last: dict[str, Scrape] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scraper")

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the beat under way and poll no more."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        started = time.monotonic()
        beat = 0
        while not self._stopped.wait(max(0.0, started + beat * self._interval_seconds - time.monotonic())):
            beat += 1
            now = time.time()
            samples = [sample for service in self._ports for sample in self._poll(service, now)]
            self._on_beat(samples)

    def _poll(self, service: str, now: float) -> list[Sample]:
        """The service's new samples; none at its first scrape or when it does not answer (a gap, not a zero)."""
        try:
            scrape = Scrape.parse(time.monotonic(), fetch_metrics(self._ports[service]))
        except (OSError, http.client.HTTPException):
            return []
        before, self._last[service] = self._last.get(service), scrape
        if before is None:
            return []
        return [Sample(now, service, metric, value) for metric, value in derive(before, scrape)]


def fetch_metrics(port: int) -> str:
    """The Prometheus text of the service on ``port``; raises OSError when it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()

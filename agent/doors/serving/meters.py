"""What the server counts about itself, for Prometheus."""

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from agent.doors.serving.spends import Spends
from agent.intake import Receipt

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Meters:
    """A registry of its own, so that two servers in one process do not count together. With a ``home`` it tells of
    the spends in its ledger too."""

    def __init__(self, home: Path | None = None) -> None:
        self._registry = CollectorRegistry()
        if home is not None:
            self._registry.register(Spends(home))

        def counter(name: str, help: str, *labels: str) -> Counter:
            return Counter(f"pcause_{name}", help, labels, registry=self._registry)

        self.accepted = counter("alerts_accepted", "Notifications that opened an investigation")
        self.duplicates = counter("alerts_duplicate", "Notifications of what is investigated already")
        self.resolved = counter("alerts_resolved", "Notifications in which nothing fires any more")
        self.refused = counter("requests_refused", "Posts that were not taken, by status of the answer", "status")
        self.deliveries = counter(
            "webhook_deliveries", "Deliveries of senders, by what became of them", "sender", "outcome"
        )
        self.changes = counter("changes_accepted", "Posted changes that were taken")
        self.finished = counter("investigations_finished", "Investigations that ended here, by outcome", "outcome")
        self.seconds = Histogram(
            "pcause_investigation_seconds", "From the first stage to the report", registry=self._registry,
            buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 300),
        )  # fmt: skip
        self._running = Gauge("pcause_investigations_running", "Running here", registry=self._registry)
        self._waiting = Gauge("pcause_investigations_waiting", "Accepted and not begun", registry=self._registry)

    def ended(self, outcome: str, seconds: float) -> None:
        """Count an investigation that ended."""
        self.finished.labels(outcome).inc()
        self.seconds.observe(seconds)

    def count(self, receipt: Receipt, sender: str) -> None:
        """Count a notification that was taken."""
        if not receipt.firing:
            self.resolved.inc()
            outcome = "resolved"
        elif receipt.duplicate:
            self.duplicates.inc()
            outcome = "duplicate"
        else:
            self.accepted.inc()
            outcome = "accepted"
        self.deliveries.labels(sender, outcome).inc()

    def turn_away(self, sender: str, outcome: str) -> None:
        """Count a delivery that was not taken: ``forged``, ``too_fast`` or ``unreadable``."""
        self.deliveries.labels(sender, outcome).inc()

    def refuse(self, method: str, status: int) -> None:
        """Count a post that was not taken."""
        if method == "POST":
            self.refused.labels(status).inc()

    def page(self, running: int, waiting: int) -> bytes:
        """The exposition."""
        self._running.set(running)
        self._waiting.set(waiting)
        return generate_latest(self._registry)

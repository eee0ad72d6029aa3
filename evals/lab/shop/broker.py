"""Broker: a queue over HTTP, for orders that others act on later."""

from collections.abc import Mapping
from typing import cast

from prometheus_client import Counter, Gauge

from . import settings
from .app import App, Handler, Request
from .order_queue import OrderQueue
from .volume import Journal, Volume


class Broker:
    """The queue ``orders``."""

    def __init__(self, app: App) -> None:
        volume = Volume(app.runtime.volume_folder, app.runtime.volume_bytes, app.registry)
        self._queue = OrderQueue(Journal(volume, "orders.ndjson"))
        Gauge("queue_depth", "Messages not yet acknowledged.", registry=app.registry).set_function(self._queue.depth)
        age = Gauge("queue_oldest_message_age_seconds", "Age of the oldest of them.", registry=app.registry)
        age.set_function(self._queue.oldest_age_seconds)
        self._published = Counter("queue_published_messages", "Messages taken in.", registry=app.registry)
        self._acked = Counter("queue_acked_messages", "Messages acknowledged.", registry=app.registry)
        self._redelivered = Counter("queue_redelivered_messages", "Repeated deliveries.", registry=app.registry)

    def publish(self, request: Request) -> dict[str, object]:
        """Keep a message; its answer is a promise, so the message is on the volume before."""
        message_id = self._queue.publish(request.body)
        self._published.inc()
        return {"id": message_id}

    def take(self, body: Mapping[str, object]) -> dict[str, object]:
        """Up to ``most`` messages, after ``wait_seconds`` at the latest."""
        wait_seconds = min(cast("float", body.get("wait_seconds", 0.0)), settings.TAKE_WAIT_SECONDS)
        taken = self._queue.take(cast("int", body.get("most", 1)), wait_seconds, settings.VISIBILITY_SECONDS)
        self._redelivered.inc(sum(message.deliveries > 1 for message in taken))
        messages = [{"id": message.id, "deliveries": message.deliveries, **message.body} for message in taken]
        return {"messages": messages}

    def ack(self, request: Request) -> dict[str, object]:
        """Forget messages that were worked on."""
        acked = self._queue.settle(cast("list[str]", request.body["ids"]))
        self._acked.inc(acked)
        return {"acked": acked}

    def discard(self, request: Request) -> dict[str, object]:
        """Forget messages that nobody can work on; for the people who run the shop."""
        return {"discarded": self._queue.settle(cast("list[str]", request.body["ids"]))}


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    broker = Broker(app)
    app.polls["/take"] = broker.take
    return {"/publish": broker.publish, "/ack": broker.ack, "/discard": broker.discard}

"""Notifications: a worker that confirms orders, one after the other as they were placed."""

import threading
import time
from collections.abc import Mapping
from typing import cast

from prometheus_client import Counter, Histogram

from . import settings
from .app import App, Handler
from .client import PeerError
from .errors import exception_attributes
from .meters import SECONDS_BUCKETS
from .telemetry import Span, parse_traceparent

SUBJECT = "Your order {order}"
_PAUSE_SECONDS = 0.5


class Notifications:
    """Takes orders from the broker, a few at a time."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._processed = Counter(
            "messages_processed", "Messages worked on, by outcome.", ["outcome"], registry=app.registry
        )
        self._duration = Histogram(
            "message_duration_seconds", "Time to work on a message.", buckets=SECONDS_BUCKETS, registry=app.registry
        )

    def work(self, stopped: threading.Event) -> None:
        """Confirm orders until told to stop."""
        body = {"most": settings.ORDER_BATCH, "wait_seconds": settings.TAKE_WAIT_SECONDS}
        while not stopped.is_set():
            try:
                taken = self._app.peers.exchange("broker", "/take", body, None, settings.CALL_TIMEOUT_SECONDS)
            except PeerError as error:
                self._app.telemetry.log("ERROR", f"could not take orders: {error}")
                stopped.wait(_PAUSE_SECONDS)
                continue
            self._process(cast("list[dict[str, object]]", taken["messages"]))

    def _process(self, messages: list[dict[str, object]]) -> None:
        for message in messages:
            started = time.perf_counter()
            confirmed = self._confirm(message)
            self._duration.observe(time.perf_counter() - started)
            self._processed.labels("ok" if confirmed else "failed").inc()
            if not confirmed:
                return  # mails go out in order: what comes after this one waits until the broker brings it again

    def _confirm(self, message: Mapping[str, object]) -> bool:
        context = parse_traceparent(str(message.get("traceparent", "")))
        deliveries = cast("int", message["deliveries"])
        attributes = {"messaging.system": "broker", "messaging.destination.name": "orders"}
        telemetry = self._app.telemetry
        with telemetry.span("process orders", "CONSUMER", context, attributes) as span:
            span.attributes["messaging.message.id"] = str(message["id"])
            try:
                mail = render(cast("Mapping[str, object]", message["payload"]))
                time.sleep(settings.RELAY_ROUND_TRIP_SECONDS)
                self._acknowledge(str(message["id"]), span)
            except Exception as error:  # whatever is wrong with one message, the worker lives on
                reason = f"{type(error).__name__}: {error}"
                span.fail(reason)
                text = f"could not confirm message {message['id']} (delivery {deliveries}): {reason}"
                about = {"messaging.message.id": str(message["id"])}
                telemetry.log("ERROR", text, span, **exception_attributes(error), **about)
                return False
            telemetry.log("INFO", f"sent: {mail.splitlines()[0]}", span)
            return True

    def _acknowledge(self, message_id: str, span: Span) -> None:
        self._app.peers.call("broker", "/ack", {"ids": [message_id]}, span, settings.CALL_TIMEOUT_SECONDS)


def render(order: Mapping[str, object]) -> str:
    """The mail that confirms an order; sending it is left to a relay that the lab does not have."""
    subject = SUBJECT.format(order=order["order"])
    euros = cast("int", order["cents"]) / 100
    return f"{subject}\n\nThank you. You paid {euros:.2f} euros, {order['carrier']} will bring your goods."


def routes(app: App) -> dict[str, Handler]:
    """A worker answers to nobody."""
    app.workers.append(Notifications(app).work)
    return {}

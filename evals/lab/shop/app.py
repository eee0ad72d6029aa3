"""What every service of the shop is made of: routes, instruments, telemetry and peers."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from . import settings
from .client import Peers
from .errors import ServiceError, exception_attributes
from .memory import MemoryGuard
from .meters import ClientMeters, ServerMeters
from .runtime import Runtime
from .telemetry import Span, Telemetry, parse_traceparent


@dataclass(frozen=True)
class Request:
    """A request being served: its JSON body, its span and what it may use."""

    body: Mapping[str, object]
    span: Span
    app: "App"

    def call(
        self, peer: str, route: str, body: Mapping[str, object], timeout_seconds: float | None = None
    ) -> dict[str, object]:
        """Call another service as part of this request; raises PeerError."""
        timeout = settings.CALL_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
        return self.app.peers.call(peer, route, body, self.span, timeout)


Handler = Callable[[Request], dict[str, object]]
Poll = Callable[[Mapping[str, object]], dict[str, object]]
Worker = Callable[[threading.Event], None]


class App:
    """One service. ``routes`` maps a path to its handler; all are POST with JSON both ways.

    ``polls`` are routes that are asked again and again and may wait for long: they are neither traced, logged nor
    measured. ``workers`` run in the background until their event is set.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.registry = CollectorRegistry()
        self.meters = ServerMeters(self.registry, runtime)
        self.telemetry = Telemetry(runtime.service, runtime.version, runtime.folder)
        self.memory = MemoryGuard(runtime.memory_bytes, self.registry, self.telemetry)
        self.peers = Peers(runtime, self.telemetry, ClientMeters(self.registry))
        self.routes: dict[str, Handler] = {}
        self.polls: dict[str, Poll] = {}
        self.workers: list[Worker] = []

    def serve(self, route: str, body: Mapping[str, object], traceparent: str | None) -> tuple[int, dict[str, object]]:
        """Serve one request and return its status and answer: measured, traced and logged."""
        if route in self.polls:
            return 200, self.polls[route](body)
        started = time.perf_counter()
        context = parse_traceparent(traceparent)
        attributes = {"http.request.method": "POST", "http.route": route}
        with (
            self.meters.in_flight.track_inprogress(),
            self.telemetry.span(f"POST {route}", "SERVER", context, attributes) as span,
        ):
            status, answer = self._answer(route, Request(body, span, self))
            span.attributes["http.response.status_code"] = status
            self._count(f"POST {route}", status, time.perf_counter() - started, span)
        return status, answer

    def _answer(self, route: str, request: Request) -> tuple[int, dict[str, object]]:
        details: dict[str, str] = {}
        try:
            return 200, self.routes[route](request)
        except ServiceError as error:
            status, message = error.status, str(error)
        except MemoryError as error:
            self.memory.note_failure()
            status, message, details = 500, self.memory.describe(), exception_attributes(error)
        except Exception as error:  # a bug in a handler is the caller's 500, never the end of the service
            status, message, details = 500, f"{type(error).__name__}: {error}", exception_attributes(error)
        if status >= 500:
            request.span.fail(message)
        severity = "ERROR" if status >= 500 else "WARN"
        body = f"POST {route} failed: {message}"
        self.telemetry.log(severity, body, request.span, **{"http.route": route}, **details)
        return status, {"error": message}

    def _count(self, name: str, status: int, seconds: float, span: Span) -> None:
        self.meters.requests.labels(str(status)).inc()
        self.meters.duration.observe(seconds)
        milliseconds = round(seconds * 1000, 1)
        attributes = {"http.response.status_code": status, "duration_ms": milliseconds}
        self.telemetry.log("INFO", f"{name} {status} {milliseconds} ms", span, **attributes)

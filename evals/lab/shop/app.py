"""What every service of the shop is made of: routes, instruments, telemetry and peers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from . import settings
from .client import Peers
from .errors import ServiceError
from .meters import ServerMeters
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


class App:
    """One service. ``routes`` maps a path to its handler; all are POST with JSON both ways."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.registry = CollectorRegistry()
        self.meters = ServerMeters(self.registry)
        self.telemetry = Telemetry(runtime.service, runtime.version, runtime.folder)
        self.peers = Peers(runtime.peers, self.telemetry)
        self.routes: dict[str, Handler] = {}

    def serve(self, route: str, body: Mapping[str, object], traceparent: str | None) -> tuple[int, dict[str, object]]:
        """Serve one request and return its status and answer: measured, traced and logged."""
        started = time.perf_counter()
        context = parse_traceparent(traceparent)
        with (
            self.meters.in_flight.track_inprogress(),
            self.telemetry.span(f"POST {route}", "SERVER", context, {"http.route": route}) as span,
        ):
            status, answer = self._answer(route, Request(body, span, self))
            span.attributes["http.response.status_code"] = status
            self._count(f"POST {route}", status, time.perf_counter() - started, span)
        return status, answer

    def _answer(self, route: str, request: Request) -> tuple[int, dict[str, object]]:
        try:
            return 200, self.routes[route](request)
        except ServiceError as error:
            status, message = error.status, str(error)
        except Exception as error:  # a bug in a handler is the caller's 500, never the end of the service
            status, message = 500, f"{type(error).__name__}: {error}"
        request.span.fail(message)
        self.telemetry.log("ERROR", f"POST {route} failed: {message}", request.span, **{"http.route": route})
        return status, {"error": message}

    def _count(self, name: str, status: int, seconds: float, span: Span) -> None:
        self.meters.requests.labels(str(status)).inc()
        self.meters.duration.observe(seconds)
        milliseconds = round(seconds * 1000, 1)
        attributes = {"http.response.status_code": status, "duration_ms": milliseconds}
        self.telemetry.log("INFO", f"{name} {status} {milliseconds} ms", span, **attributes)

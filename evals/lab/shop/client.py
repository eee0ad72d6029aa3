"""Calls to the other services of the shop."""

import http.client
import json
import socket
import time
from collections.abc import Mapping

from . import settings
from .errors import ServiceError
from .meters import ClientMeters
from .names import ZONE, Names, ResolutionError
from .runtime import Runtime
from .telemetry import Span, Telemetry
from .tls import client_side

Answer = dict[str, object]


class PeerError(ServiceError):
    """A called service answered with an error, or not in time."""


class Peers:
    """The other services, by name."""

    def __init__(self, runtime: Runtime, telemetry: Telemetry, meters: ClientMeters) -> None:
        self._ports = runtime.peers
        self._names = Names(runtime.resolver_port)
        self._trust = client_side(runtime.tls) if runtime.tls else None
        self._telemetry = telemetry
        self._meters = meters

    def call(
        self, peer: str, route: str, body: Mapping[str, object], parent: Span, timeout_seconds: float
    ) -> dict[str, object]:
        """POST ``body`` to ``peer`` and return its answer; raises PeerError, with a CLIENT span either way."""
        attributes = {"peer.service": peer, "http.route": route}
        context = (parent.trace_id, parent.span_id)
        with self._telemetry.span(f"POST {peer}{route}", "CLIENT", context, attributes) as span:
            started = time.perf_counter()
            try:
                return self.exchange(peer, route, body, span, timeout_seconds)
            except PeerError as error:
                if error.status >= 500:
                    self._meters.errors.labels(peer).inc()
                raise
            finally:
                self._meters.duration.labels(peer).observe(time.perf_counter() - started)

    def exchange(
        self, peer: str, route: str, body: Mapping[str, object], span: Span | None, timeout_seconds: float
    ) -> dict[str, object]:
        """``call`` without a span of its own, for a poll that would fill the traces; raises PeerError."""
        try:
            status, answer = self._send(peer, route, body, span.traceparent if span else "", timeout_seconds)
        except ResolutionError as error:
            raise PeerError(503, str(error)) from error
        except TimeoutError as error:
            raise PeerError(504, f"{peer} did not answer within {timeout_seconds:.1f} s") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise PeerError(503, f"{peer} could not be reached: {error or type(error).__name__}") from error
        if span:
            span.attributes["http.response.status_code"] = status
        if status >= 400:
            raise PeerError(status if status < 500 else 503, f"{peer} answered {status}: {answer.get('error', '')}")
        return answer

    def _send(
        self, peer: str, route: str, body: Mapping[str, object], traceparent: str, timeout_seconds: float
    ) -> tuple[int, Answer]:
        address = self._names.address(f"{peer}.{ZONE}")
        port = self._ports[peer]
        connection = http.client.HTTPConnection(peer, port, timeout=timeout_seconds)
        try:
            connection.sock = self._connect(peer, (address, port), timeout_seconds)
            connection.request("POST", route, json.dumps(body), {"traceparent": traceparent})
            response = connection.getresponse()
            answer: Answer = json.loads(response.read())
            return response.status, answer
        finally:
            connection.close()

    def _connect(self, peer: str, address: tuple[str, int], timeout_seconds: float) -> socket.socket:
        sock = socket.create_connection(address, timeout_seconds)
        if self._trust is None or peer not in settings.TLS_SERVICES:
            return sock
        try:
            return self._trust.context().wrap_socket(sock, server_hostname=peer)
        except BaseException:
            sock.close()
            raise

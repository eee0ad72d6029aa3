"""Calls to the other services of the shop."""

import http.client
import json
from collections.abc import Mapping

from .errors import ServiceError
from .telemetry import Span, Telemetry


class PeerError(ServiceError):
    """A called service answered with an error, or not in time."""


class Peers:
    """The other services, by name."""

    def __init__(self, ports: Mapping[str, int], telemetry: Telemetry) -> None:
        self._ports = ports
        self._telemetry = telemetry

    def call(
        self, peer: str, route: str, body: Mapping[str, object], parent: Span, timeout_seconds: float
    ) -> dict[str, object]:
        """POST ``body`` to ``peer`` and return its answer; raises PeerError, with a CLIENT span either way."""
        attributes = {"peer.service": peer, "http.route": route}
        context = (parent.trace_id, parent.span_id)
        with self._telemetry.span(f"POST {peer}{route}", "CLIENT", context, attributes) as span:
            status, answer = self._send(peer, route, body, span, timeout_seconds)
            span.attributes["http.response.status_code"] = status
            if status >= 400:
                raise PeerError(status if status < 500 else 503, f"{peer} answered {status}: {answer.get('error', '')}")
            return answer

    def _send(
        self, peer: str, route: str, body: Mapping[str, object], span: Span, timeout_seconds: float
    ) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[peer], timeout=timeout_seconds)
        try:
            connection.request("POST", route, json.dumps(body), {"traceparent": span.traceparent})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except TimeoutError as error:
            raise PeerError(504, f"{peer} did not answer within {timeout_seconds:.1f} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise PeerError(503, f"{peer} could not be reached: {error}") from error
        finally:
            connection.close()

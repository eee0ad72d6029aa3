"""A server that speaks the API of Prometheus and answers what a test tells it to."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.prometheus_server import END

SERIES = [{"__name__": "queue_depth", "service": "api"}]
MATRIX = [
    {
        "metric": {"service": "api", "pcause_row": "0", "__name__": "queue_depth"},
        "values": [[END - 30, "4"], [END - 15, "5"]],
    }
]
STAMPS = [{"metric": {"pcause_row": "0"}, "values": [[END - 30, str(END - 30)]]}]


@dataclass
class Fake:
    """What the server answers by the end of the path; None is 404, a status is itself. ``beside`` stands beside the
    data of a path. ``seen`` are the paths of all requests, ``asked`` the parameters."""

    answers: dict[str, object] = field(default_factory=dict)
    beside: dict[str, dict[str, object]] = field(default_factory=dict)
    allowed: Callable[[Mapping[str, str]], bool] = lambda _: True
    prefix: str = ""
    seen: list[str] = field(default_factory=list)
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, url: str, headers: Mapping[str, str]) -> tuple[int, object]:
        path = urlsplit(url).path
        self.seen.append(path)
        self.asked.append(parse_qs(urlsplit(url).query))
        if not self.allowed(headers):
            return 401, {"status": "error", "error": "who are you?"}
        if not path.startswith(f"{self.prefix}/api/v1/"):
            return 404, {"status": "error", "error": "no such page"}
        if path.endswith("/query_range") and "/query_range" not in self.answers:
            return 200, {"status": "success", "data": {"result": _range(urlsplit(url).query)}, **self._beside(path)}
        usual = {
            "/values": ["queue_depth"],
            "/metadata": {},
            "/series": SERIES,
            "/query_range": {"result": MATRIX},
            **self.answers,
        }
        found = next((body for end, body in usual.items() if path.endswith(end)), None)
        if found is None:
            return 404, {"status": "error", "error": "not here"}
        if isinstance(found, HTTPStatus):
            return found, {"status": "error", "error": "no"}
        return 200, {"status": "success", "data": found, **self._beside(path)}

    def _beside(self, path: str) -> dict[str, object]:
        return next((said for end, said in self.beside.items() if path.endswith(end)), {})


def _range(query: str) -> object:
    """Sample times, numbers of samples, or samples: whatever the query is about."""
    if "timestamp" in query:
        return STAMPS
    if "count_over_time" in query:
        count = "10" if "150s" in query else "4"
        return [{"metric": {"pcause_row": "0"}, "values": [[END, count]]}]
    return MATRIX


@contextmanager
def served(fake: Fake, context: ssl.SSLContext | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = fake.answer(self.path, self.headers)
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}{fake.prefix}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

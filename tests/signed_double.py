"""A delivery system of somebody: it takes signed requests only, does an idempotency key once, and tells of it."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "signing-secret-of-the-double"


@dataclass
class Signed:
    """``requests`` are (method, target as sent, decoded body, headers) of all that were signed well, ``bodies`` their
    bodies as they came. ``hang_up`` does what is asked and does not answer."""

    url: str = ""
    requests: list[tuple[str, str, Any, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    done: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    version: int = 2
    dry_run: object = None
    redirect: str = ""
    status: int = 0
    slow_seconds: float = 0.0
    raw: bytes = b""
    hang_up: bool = False

    def changed(self) -> list[str]:
        return [target for method, target, _, _ in self.requests if method != "GET"]


def signed_well(method: str, target: str, headers: Any, body: bytes, secret: str = SECRET) -> bool:
    stamp, key = headers.get("X-PCause-Timestamp", ""), headers.get("Idempotency-Key", "")
    signed = "\n".join([stamp, method, target, key, ""]).encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    fresh = stamp.isdigit() and abs(time.time() - int(stamp)) < 300
    return fresh and hmac.compare_digest(f"v2={digest}", headers.get("X-PCause-Signature", ""))


@contextmanager
def signed_double() -> Iterator[Signed]:
    """It rolls back on POST …/rollback, forward on POST …/undo, and answers GET /keys/KEY."""
    double = Signed()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not signed_well(self.command, self.path, self.headers, body):
                double.refused += 1
                self._say(401, {"error": "not signed"})
                return
            double.requests.append(
                (self.command, self.path, json.loads(body) if body else None, dict(self.headers.items()))
            )
            double.bodies.append(body)
            if self.path.startswith("/keys/"):
                self._say(200 if self.path.removeprefix("/keys/") in double.done else 404, {})
            elif "dry" in self.path:
                told = {"effect": f"version {double.version} → 1", "lines": ["a line"], "seen": str(double.version)}
                self._say(200, told if double.dry_run is None else double.dry_run)
            else:
                key = self.headers.get("Idempotency-Key", "")
                if not double.status and not double.redirect and key not in double.done:
                    double.done[key] = self.path
                    double.version = 2 if "undo" in self.path else 1
                time.sleep(double.slow_seconds)
                if double.hang_up:
                    self.close_connection = True
                    return
                self._say(double.status or (302 if double.redirect else 202), {"ok": True})

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815 - names of the library

        def _say(self, status: int, answer: object) -> None:
            raw = double.raw or json.dumps(answer).encode()
            try:
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", double.redirect)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

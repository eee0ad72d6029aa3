"""The HTTP door of a service, and its life from start to clean stop."""

import json
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import generate_latest

from .app import App


def run(app: App) -> None:
    """Serve until standard input ends.

    Whoever starts a service holds the other end of its standard input. Closing it asks for a clean stop, and
    should the starter be killed, no service outlives it.
    """
    name = f"{app.runtime.service} {app.runtime.version}"
    server = _Server(app)
    app.telemetry.log("INFO", f"{name} started, commit {app.runtime.commit[:10]}")
    threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.05)
    server.server_close()  # waits for the requests that are being served
    app.telemetry.log("INFO", f"{name} stopped")
    app.telemetry.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, app: App) -> None:
        super().__init__(("127.0.0.1", 0), _RequestHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=app.runtime.socket_fd)
        # Two releases share the socket for a moment: the one too late to accept must not block there.
        self.socket.setblocking(False)
        self.app = app


class _RequestHandler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        app = self.server.app
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        if self.path not in app.routes:
            self._reply(404, b'{"error":"no such route"}')
            return
        status, answer = app.serve(self.path, body, self.headers.get("traceparent"))
        self._reply(status, json.dumps(answer).encode())

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._reply(200, generate_latest(self.server.app.registry))
        else:
            self._reply(404, b'{"error":"no such route"}')

    def _reply(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the caller gave up waiting; its own span says so

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: ``App.serve`` writes the log."""


def _stop_at_end_of_input(server: _Server) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    server.shutdown()

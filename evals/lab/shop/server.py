"""The HTTP door of a service, and its life from start to clean stop."""

import json
import os
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import generate_latest

from . import settings
from .app import App
from .errors import exception_attributes
from .tls import server_side

_IDLE_SECONDS = 5.0
_HANDSHAKE_BYTE = b"\x16"


def run(app: App) -> None:
    """Serve until standard input ends.

    Whoever starts a service holds the other end of its standard input. Closing it asks for a clean stop, and
    should the starter be killed, no service outlives it.
    """
    name = f"{app.runtime.service} {app.runtime.version}"
    server = _Server(app)
    app.telemetry.log("INFO", f"{name} started, commit {app.runtime.commit[:10]}")
    stopped = threading.Event()
    workers = [threading.Thread(target=worker, args=(stopped,)) for worker in app.workers]
    for worker in workers:
        worker.start()
    threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.05)
    stopped.set()
    server.server_close()  # waits for the requests that are being served
    for worker in workers:
        worker.join()
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
        speaks_tls = app.runtime.service in settings.TLS_SERVICES and app.runtime.tls
        self.tls = server_side(app.runtime.tls) if speaks_tls else None

    def finish_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Serve one connection, by TLS where the caller begins so."""
        if isinstance(request, socket.socket) and self.tls is not None and _begins_tls(request):
            with self.tls.context().wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        else:
            super().finish_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what went wrong outside any handler."""
        match sys.exception():
            case ssl.SSLError() as error:
                self.app.telemetry.log("WARN", f"TLS handshake failed: {error}")
            case ConnectionError() | TimeoutError() as error:
                self.app.telemetry.log("WARN", f"connection lost: {error}")
            case MemoryError() | RuntimeError():  # the latter is a thread that got no stack
                self.app.memory.note_failure()
                self.app.telemetry.log("ERROR", self.app.memory.describe())
            case BaseException() as error:
                self.app.telemetry.log("ERROR", f"request lost: {error}", None, **exception_attributes(error))
            case None:
                pass


class _RequestHandler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _IDLE_SECONDS

    def do_POST(self) -> None:
        app = self.server.app
        if self.server.tls is not None and not isinstance(self.connection, ssl.SSLSocket):
            self._reply(400, b'{"error":"this service is called by TLS"}')
            return
        if self.path not in app.routes and self.path not in app.polls:
            self._reply(404, b'{"error":"no such route"}')
            return
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        except ValueError:
            self._reply(400, b'{"error":"the body is not JSON"}')
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


def _begins_tls(connection: socket.socket) -> bool:
    # Scrapers come without TLS, as to every other service: only calls between services are secured.
    connection.settimeout(_IDLE_SECONDS)
    return connection.recv(1, socket.MSG_PEEK) == _HANDSHAKE_BYTE


def _stop_at_end_of_input(server: _Server) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    server.shutdown()

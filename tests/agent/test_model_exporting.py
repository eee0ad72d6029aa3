"""Spans and metrics on their way to a collector: the real exporters, over HTTP, from a process that ends at once."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CALL = """
from agent.models.telemetry import observed
from agent.prices import Tokens
with observed("diagnose", "openai:small") as seen:
    seen(Tokens(input=120, output=30))
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, dict[str, bytes]]]:
    """An address, and what was posted to it by path."""
    posted: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted[self.path] = posted.get(self.path, b"") + body
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", posted
    server.shutdown()
    thread.join()
    server.server_close()


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", CALL], env={**env, "OTEL_EXPORTER_OTLP_COMPRESSION": "none", **environment}, cwd=ROOT,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip


def test_a_call_reaches_the_collector_that_is_named(collector: tuple[str, dict[str, bytes]]):
    address, posted = collector
    run(OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_SERVICE_NAME="night-shift")
    assert {"/v1/traces", "/v1/metrics"} <= posted.keys()
    assert b"chat small" in posted["/v1/traces"]
    assert b"gen_ai.usage.input_tokens" in posted["/v1/traces"]
    assert b"night-shift" in posted["/v1/traces"]
    assert b"gen_ai.client.token.usage" in posted["/v1/metrics"]


def test_nothing_is_sent_where_no_collector_is_named(collector: tuple[str, dict[str, bytes]]):
    run()
    assert collector[1] == {}

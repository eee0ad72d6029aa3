"""A server that sends a byte now and then holds neither the investigation nor the process."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.budget import Budget
from agent.ledger import Ledger
from agent.ledger_schema import CallState
from agent.models.calling import Models, Unsaid
from agent.models.policy import ModelPolicy, Part
from agent.models.thread import in_thread
from agent.prices import ModelPrices
from agent.prompts import Prompt
from agent.settings import Ceilings

DRIPS_SECONDS = 60.0
PROMPT = Prompt("read_change", "Answer in JSON.", "Is it the change?", "0" * 12)


class Answer(BaseModel):
    cause: str


class _Dripping(BaseHTTPRequestHandler):
    closing: threading.Event

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        until = time.monotonic() + DRIPS_SECONDS
        while time.monotonic() < until and not self.closing.wait(0.1):
            try:
                self.wfile.write(b" ")
            except OSError:  # the client is gone
                return

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def dripping() -> Iterator[str]:
    """The address of a server whose answer never ends, as far as a test can wait."""
    closing = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Dripping,), {"closing": closing}))
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    closing.set()
    server.shutdown()
    thread.join()
    server.server_close()
    for left in threading.enumerate():  # so that no socket outlives the test
        if left.name == "pcause-model":
            left.join(10)


def models_of(url: str, home: Path) -> Models:
    free = ModelPrices(free=frozenset({"openai:scripted"}))
    policy = ModelPolicy(default="openai:scripted", base_url=url, timeout_seconds=1.5, prices=free)
    return Models(policy, Budget(Ledger(home), "one", Ceilings()))


def test_the_loop_ends_soon_after_the_deadline(dripping: str, tmp_path: Path):
    async def asked() -> object:
        return await models_of(dripping, tmp_path).ask(Part.READ_CHANGE, "change", PROMPT, Answer)

    import langchain_openai  # noqa: F401 - takes seconds the first time, which are not measured here

    begun = time.monotonic()
    said = asyncio.run(asked())
    assert time.monotonic() - begun < 15
    assert isinstance(said, Unsaid)
    assert "in time" in said.reason
    assert [call.state for call in Ledger(tmp_path).calls("one")] == [CallState.LOST]


PROGRAM = """
import sys
from agent.models.clients import invoke
from agent.models.policy import ModelPolicy
from agent.models.thread import in_thread
import asyncio

policy = ModelPolicy(default="openai:scripted", base_url=sys.argv[1], timeout_seconds=60)
schema = {"title": "Answer", "type": "object", "properties": {}}
try:
    asyncio.run(in_thread(lambda: invoke("openai:scripted", policy, [("user", "hello")], schema), 8))
except TimeoutError:
    print("too late")
"""


def test_the_process_ends_while_the_server_still_drips(dripping: str):
    command = [sys.executable, "-c", PROGRAM, dripping]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=DRIPS_SECONDS - 15, check=True)
    assert ended.stdout.strip() == "too late"
    assert not ended.stderr


async def test_what_the_work_returns_or_raises_is_handed_over():
    def fail() -> int:
        raise LookupError("nothing there")

    assert await in_thread(lambda: 3, 5) == 3
    with pytest.raises(LookupError, match="nothing there"):
        await in_thread(fail, 5)


def test_an_answer_after_the_loops_end_is_dropped():
    release = threading.Event()
    with pytest.raises(TimeoutError):
        asyncio.run(in_thread(lambda: release.wait(10), 0.05))
    left = [thread for thread in threading.enumerate() if thread.name == "pcause-model"]
    release.set()
    for thread in left:
        thread.join(5)
        assert not thread.is_alive()

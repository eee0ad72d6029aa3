"""A served application in a thread, an investigation that waits for an approval, and the real Chromium."""

import asyncio
import json
import os
import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from agent.backends import Backends
from agent.doors.server import build_app
from agent.event_log import EventLog
from agent.investigate import resume
from agent.settings import Settings
from agent.sources import Source
from evals.doubles.switchboard import Switchboard, with_policy

TOKENS = {"ann": "ann-" + "a" * 24, "bob": "bob-" + "b" * 24}
_START_SECONDS = 20


# Of one module: while it is open, this thread has a running loop, in which no other asynchronous test can run.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The installed browser; a run that must not miss anything sets PCAUSE_REQUIRE_SERVERS=1."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("PCAUSE_REQUIRE_SERVERS") == "1":
            pytest.fail("Chromium is not installed, and PCAUSE_REQUIRE_SERVERS=1 asks for it")
        pytest.skip("Chromium is not installed")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=[*sandbox, "--disable-gpu"])
        yield browser
        browser.close()


class Visitor:
    """One page of one person. ``complaints`` are errors on the console, ``foreign`` what was asked of others."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.url, self.complaints, self.foreign = url, [], []
        self.page.on(
            "console", lambda told: self.complaints.append(told.text) if told.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: None if asked.url.startswith(url) else self.foreign.append(asked.url))
        self.page.set_default_timeout(15_000)

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path, wait_until="load")
        return self.page


@pytest.fixture
def visit(chromium: Browser, server: str) -> Iterator[Callable[..., Visitor]]:
    """Opens a window: as a person by name or as nobody; further settings are those of the browser's context."""
    contexts: list[BrowserContext] = []

    def visit(name: str = "", **settings: Any) -> Visitor:
        shown = {"http_credentials": {"username": name, "password": TOKENS[name]}} if name else {}
        options = {"viewport": {"width": 1100, "height": 900}, "timezone_id": "UTC", **shown, **settings}
        contexts.append(chromium.new_context(**options))
        visitor = Visitor(contexts[-1], server)
        if name:
            visitor.open("/sign-in")
        return visitor

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with two approvers, each with a token for the pages."""
    for name, token in TOKENS.items():
        monkeypatch.setenv(f"PCAUSE_TOKEN_{name.upper()}", token)
    return with_policy(Settings(home=tmp_path / "home"))


@pytest.fixture
def server(served: Settings, recording: Path) -> Iterator[str]:
    """The address of a server without workers: a test runs investigations itself, as another process would."""
    source = Source(kind="recording", place=str(recording))
    app = build_app(served, Backends(served), None, lambda _: source)
    with closing(socket(AF_INET, SOCK_STREAM)) as listening:
        listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        config = uvicorn.Config(app, lifespan="off", log_level="error", ws="none", timeout_graceful_shutdown=1)
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        running.should_exit = True
        thread.join(_START_SECONDS)


@pytest.fixture
def board(tmp_path: Path) -> Switchboard:
    return Switchboard(tmp_path / "board")


@pytest.fixture
def accepted(server: str, recording: Path) -> str:
    """The id of an investigation that an alert has opened and nobody has begun."""
    raw = json.loads((recording / "alert.json").read_text())
    labels = {
        "alertname": raw["name"],
        "severity": "critical",
        **{k: str(raw[k]) for k in ("service", "metric", "threshold")},
    }
    body = {"alerts": [{"labels": labels, "startsAt": str(raw["fired_at"]), "status": "firing"}]}
    request = urllib.request.Request(
        f"{server}/webhook/alertmanager", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(json.load(answer)["id"])


@pytest.fixture
def go_on(served: Settings, board: Switchboard) -> Callable[[str], None]:
    """Runs an investigation until it waits or ends."""

    def go_on(id: str) -> None:
        async def drain() -> None:
            async for _ in resume(id, served, actions=board.actions()):
                pass

        # Playwright has a loop of its own in this thread.
        thread = threading.Thread(target=lambda: asyncio.run(drain()))
        thread.start()
        thread.join(120)
        assert not thread.is_alive()

    return go_on


@pytest.fixture
def waiting(accepted: str, go_on: Callable[[str], None]) -> str:
    """The id of an investigation that waits for an approval."""
    go_on(accepted)
    return accepted


@pytest.fixture
def log(served: Settings) -> EventLog:
    return EventLog(served.home)

"""Who is told of the alerts: ``pcause serve`` as it is installed, or only a listener when faults are tried alone."""

import json
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import yaml

from evals.lab.changes import Event
from evals.lab.guard import Guard
from evals.lab.server_process import start_server

_ANSWER_SECONDS = 10.0
_START_SECONDS = 40.0
_PROGRAM = "from agent.doors.cli import main; main()"


@dataclass(frozen=True)
class Accepted:
    """An alert that was taken: the investigation's id and when it began (epoch seconds)."""

    id: str
    time: float


class Responder(Protocol):
    """What the lab asks of whoever responds to alerts. Methods raise OSError where there is no answer."""

    def accepted(self) -> list[Accepted]:
        """What was accepted so far, in order of time."""

    def report(self, id: str) -> dict[str, Any] | None:
        """The finished report; None while there is none."""

    def tell_change(self, event: Event) -> None:
        """Post a change."""


class AgentServer:
    """``pcause serve`` as a process of its own, with a home and a configuration in the run's folder."""

    def __init__(self, guard: Guard, port: int, prometheus_url: str, search_url: str, repository: Path) -> None:
        folder = guard.folder / "pcause"
        folder.mkdir()
        self.home = folder / "home"
        config = {
            "home": str(self.home),
            "prometheus": {"url": prometheus_url},
            "opensearch": {"url": search_url},
            "changes": {"git": [str(repository)]},
            "server": {"host": "127.0.0.1", "port": port},
        }
        (folder / "pcause.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        # Nothing of the caller's environment: its addresses and tokens would override this configuration.
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PCAUSE_CONFIG": str(folder / "pcause.yaml")}
        self._server = start_server(
            guard, "pcause", [sys.executable, "-c", _PROGRAM, "serve"], port=port, ready="/healthz",
            seconds=_START_SECONDS, environment=environment,
        )  # fmt: skip

    def accepted(self) -> list[Accepted]:
        """The server's investigations, oldest first."""
        _, found = _get(f"{self._server.url}/investigations")
        entries = found["investigations"] if isinstance(found, dict) else found
        begun = [Accepted(str(entry["id"]), float(entry["created_at"])) for entry in entries]
        return sorted(begun, key=lambda accepted: accepted.time)

    def report(self, id: str) -> dict[str, Any] | None:
        """The report as JSON; None while the investigation runs."""
        status, found = _get(f"{self._server.url}/investigations/{id}")
        return found if status == 200 and "fault_kind" in found else None

    def tell_change(self, event: Event) -> None:
        """POST a CloudEvent in structured mode."""
        headers = {"Content-Type": "application/cloudevents+json"}
        request = urllib.request.Request(f"{self._server.url}/changes", json.dumps(event).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS):  # noqa: S310 - our own server
            pass


class Listener:
    """Takes Alertmanager's webhooks and changes and keeps them; it investigates nothing."""

    def __init__(self, port: int) -> None:
        self.notifications: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self._accepted: list[Accepted] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, name="listener", daemon=True)
        self._thread.start()

    def take(self, notification: dict[str, Any]) -> None:
        """Keep a notification; one that says that something fires counts as accepted."""
        self.notifications.append(notification)
        if notification.get("status") == "firing":
            self._accepted.append(Accepted(str(len(self._accepted) + 1), time.time()))

    def accepted(self) -> list[Accepted]:
        """Every firing notification."""
        return list(self._accepted)

    def report(self, id: str) -> dict[str, Any] | None:
        """Never a report."""
        del id
        return None

    def tell_change(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)

    def close(self) -> None:
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            listener.take(json.loads(body))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: what came is kept."""

    return Handler


def _get(url: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - our own server
        return answer.status, json.load(answer)

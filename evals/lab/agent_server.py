"""Who is told of the alerts: ``pcause serve`` as it is installed, or only a listener when faults are tried alone."""

import json
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import yaml

from agent.ledger import Ledger
from agent.settings import Settings
from evals.lab.acting import VERIFY_SECONDS, Acting
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
    """``pcause serve`` as a process of its own, with a home and a configuration in the run's folder.

    ``acting`` lets it act on the shop; then it waits for a person, and its report is there before it has ended.
    """

    def __init__(
        self, guard: Guard, port: int, prometheus_url: str, search_url: str, repository: Path,
        acting: Acting | None = None, more: Mapping[str, object] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        folder = guard.folder / "pcause"
        folder.mkdir()
        self.home, self._acting = folder / "home", acting
        config: dict[str, object] = {
            "home": str(self.home),
            "prometheus": {"url": prometheus_url},
            "opensearch": {"url": search_url},
            "changes": {"git": [str(repository)]},
            "server": {"host": "127.0.0.1", "port": port, "public_url": f"http://127.0.0.1:{port}"},
            **(more or {}),
        }
        policy = folder / "policy.yaml" if acting else None
        if policy and acting:
            policy.write_text(yaml.safe_dump(acting.policy, sort_keys=False))
            config |= {"actions": acting.actions, "policy": str(policy), "verify_seconds": VERIFY_SECONDS}
        self.settings = Settings(home=self.home, policy=policy)
        (folder / "pcause.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        # Nothing of the caller's environment: its addresses and tokens would override this configuration.
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin", "PCAUSE_CONFIG": str(folder / "pcause.yaml"),
            **(acting.environment if acting else {}), **(variables or {}),
        }  # fmt: skip
        self._environment = environment
        self._server = start_server(
            guard, "pcause", [sys.executable, "-c", _PROGRAM, "serve"], port=port, ready="/healthz",
            seconds=_START_SECONDS, environment=environment,
        )  # fmt: skip

    def listen_to_slack(self, guard: Guard) -> None:
        """Start ``pcause slack`` as one more process over the same home."""
        command = [sys.executable, "-c", _PROGRAM, "slack"]
        guard.start(command, guard.folder / "slack.log", environment=self._environment)

    @property
    def web_token(self) -> str:
        """The personal token of the lab's approver; "" where nobody may approve."""
        return self._acting.web_token if self._acting else ""

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    def accepted(self) -> list[Accepted]:
        """The server's investigations, oldest first."""
        _, found = _get(f"{self._server.url}/investigations")
        entries = found["investigations"] if isinstance(found, dict) else found
        begun = [Accepted(str(entry["id"]), float(entry["created_at"])) for entry in entries]
        return sorted(begun, key=lambda accepted: accepted.time)

    def report(self, id: str) -> dict[str, Any] | None:
        """The report as JSON; None while the investigation runs and does not wait for a person."""
        if self._acting is not None:  # it is written before anybody is asked
            row = Ledger(self.home).investigation(id)
            return json.loads(row.report) if row.report else None
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

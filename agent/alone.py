"""One process at a time has an investigation: who runs it, and who adds to it while nobody does."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_GLANCE_SECONDS, _LOOK_AGAIN_SECONDS = 0.25, 0.01


class NotResumable(Exception):  # noqa: N818 - a state, named as one reads it
    """The investigation has nothing left to do, waits for a decision that was not given, or belongs to another process."""


class WaitsForDecision(NotResumable):
    """Somebody has to say yes or no to an action first."""


class RunElsewhere(NotResumable):
    """It belongs to another process, which tells what it does."""


@contextmanager
def alone(home: Path, id: str) -> Iterator[None]:
    """Hold the lock of an investigation; the system frees the lock of a process that dies. Raises ``RunElsewhere``."""
    path = _lock_file(home, id)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        # Longer than a glance of ``held`` takes, so that looking keeps nobody from running.
        lock.acquire(timeout=_GLANCE_SECONDS, poll_interval=_LOOK_AGAIN_SECONDS)
    except Timeout:
        raise RunElsewhere(f"investigation {id} is being run by another process") from None
    try:
        yield
    finally:
        lock.release()


def held(home: Path, id: str) -> bool:
    """Whether a process has the investigation now. A glance: those who look do not see each other, and ``alone`` waits
    for them."""
    try:
        file = os.open(_lock_file(home, id), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # held; or a disk without such locks, where the file is there only while it is
        return True
    finally:
        os.close(file)  # frees what was got
    return False


def _lock_file(home: Path, id: str) -> Path:
    return home / "locks" / f"{id}.lock"

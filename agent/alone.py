"""One process at a time has an investigation: who runs it, and who adds to it while nobody does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class NotResumable(Exception):  # noqa: N818 - a state, named as one reads it
    """The investigation has nothing left to do, waits for a decision that was not given, or belongs to another process."""


@contextmanager
def alone(home: Path, id: str) -> Iterator[None]:
    """Hold the lock of an investigation; the system frees the lock of a process that dies. Raises ``NotResumable``."""
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{id}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise NotResumable(f"investigation {id} is being run by another process") from None
    try:
        yield
    finally:
        lock.release()

"""Which scripts run at this moment, also those that outlive this program: a locked file for each key of an action.

The script inherits the open file, so the kernel keeps the lock for as long as the script, or anything that it started,
has it open, and drops it with the last of them. Nothing has to be written down or cleaned up for that to be true, and a
number of a process that was given to somebody else cannot deceive it.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from tools.actions.spec import ActionError, NoAnswer


class RunningScripts:
    """``folder`` is ours alone and outlives this program. It belongs beside the ledger, which says what was begun: the
    system's temporary folder may be another one after a restart of the service, and is open to others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def noted(self, key: str) -> Iterator[int]:
        """A descriptor for the script to inherit. Raises ``NoAnswer`` where the key still runs from before."""
        path = self._path(key)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = _locked(path, fcntl.LOCK_EX, os.O_CREAT)
        except OSError as error:
            raise ActionError(
                f"the folder {self._folder} for notes about running scripts cannot be used: {error.strerror}; nothing was done"
            ) from None
        if descriptor is None:
            raise NoAnswer("the script still runs from before; it is not started a second time")
        try:
            yield descriptor
        finally:
            os.close(descriptor)
            self.runs(key)

    def runs(self, key: str) -> bool:
        """Whether the script of this key, or something that it left behind, still runs."""
        try:
            descriptor = _locked(self._path(key), fcntl.LOCK_SH)  # others may look at the same time
        except FileNotFoundError:
            return False
        except OSError:
            return True  # nobody can tell
        if descriptor is None:
            return True
        with contextlib.suppress(FileNotFoundError):
            self._path(key).unlink()
        os.close(descriptor)
        return False

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.lock"


def _locked(path: Path, how: int, create: int = 0) -> int | None:
    """The file, open and locked by us; None where somebody else has the lock."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | create, 0o600)
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return None
            raise
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # somebody removed it between our two steps: a lock on it would be seen by nobody

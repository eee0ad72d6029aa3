"""What was typed, kept for the arrow keys: for its owner's eyes only, without secrets, and not without end."""

import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory

from agent.redaction import cut_secrets

_MOST_BYTES = 200_000


class SafeHistory(FileHistory):
    """In ``path``, mode 0600; where it cannot be written, nothing is kept and nothing breaks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        super().__init__(str(path))

    def load_history_strings(self) -> Iterable[str]:
        """The newest first."""
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        """Keep a line without its secrets."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._path.chmod(0o600)
            if self._path.stat().st_size > _MOST_BYTES:
                newer = self._path.read_bytes()[-_MOST_BYTES // 2 :].partition(b"\n\n")[2]
                self._path.write_bytes(b"\n" + newer)
            super().store_string(cut_secrets(string))
        except OSError:
            return

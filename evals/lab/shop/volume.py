"""A volume of limited size, and journals of JSON lines on it."""

import errno
import json
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

# A journal is rewritten when it takes this share of its volume.
_JOURNAL_SHARE = 0.15


class Volume:
    """A folder that takes no more than ``size_bytes``, whoever wrote what is in it."""

    def __init__(self, folder: Path, size_bytes: int, registry: CollectorRegistry) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.size_bytes = size_bytes
        Gauge("volume_size_bytes", "Room on the volume.", registry=registry).set(size_bytes)
        used = Gauge("volume_used_bytes", "Bytes in all files of the volume.", registry=registry)
        used.set_function(self.used_bytes)

    def used_bytes(self) -> int:
        """Bytes in all files, now."""
        total = 0
        for path in self.folder.rglob("*"):
            try:
                total += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:
                continue  # removed while we looked
        return total

    def reserve(self, size_bytes: int) -> None:
        """Raise OSError (ENOSPC) when ``size_bytes`` more would not fit."""
        if self.used_bytes() + size_bytes > self.size_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder.name))


class Journal:
    """One file of JSON lines on a volume. Every write raises OSError (ENOSPC) when the volume is full."""

    def __init__(self, volume: Volume, name: str) -> None:
        self._volume = volume
        self._path = volume.folder / name
        self._lock = threading.Lock()

    def append(self, record: Mapping[str, object]) -> None:
        """Add one record at the end."""
        text = _line(record)
        with self._lock:
            self._volume.reserve(len(text))
            with self._path.open("ab") as file:
                file.write(text)

    @property
    def is_long(self) -> bool:
        """Whether it is time to rewrite it without what is settled."""
        return self._path.exists() and self._path.stat().st_size > _JOURNAL_SHARE * self._volume.size_bytes

    def records(self) -> list[dict[str, object]]:
        """All records, oldest first. A last line cut short by a crash is left out."""
        if not self._path.exists():
            return []
        lines = self._path.read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def rewrite(self, records: Iterable[Mapping[str, object]]) -> None:
        """Keep these records only."""
        text = b"".join(_line(record) for record in records)
        new = self._path.with_suffix(".new")
        with self._lock:
            self._volume.reserve(len(text))
            new.write_bytes(text)
            new.replace(self._path)


def _line(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"

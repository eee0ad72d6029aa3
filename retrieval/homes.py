"""Where the index of the runbooks lives: in a folder, on a Qdrant server, or in memory for tests.

An index is built beside the one that answers and takes its place at the end, at once: a crash in the middle leaves the
old one.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Manifest = dict[str, object]


class RunbookIndexError(RuntimeError):
    """The index cannot be used or built; the message says what to do."""


@dataclass(frozen=True)
class Opened:
    """An index to be asked: ``generation`` tells whether it is still the current one."""

    client: "QdrantClient"
    collection: str
    generation: str


@dataclass(frozen=True)
class Draft:
    """The next index while it is built: it begins as a copy of the current one. ``folder`` is for what goes with it."""

    client: "QdrantClient"
    collection: str
    folder: Path


class Home(Protocol):
    """Where an index lives."""

    def generation(self) -> str:
        """Which index answers now, "" where there is none yet."""

    def open(self) -> Opened:
        """The current index. Raises ``RunbookIndexError`` where there is none."""

    def manifest(self) -> Manifest:
        """What the current index was made of; empty where there is none."""

    def building(self, manifest: Manifest, fresh: bool) -> AbstractContextManager[Draft]:
        """A context in which the next index is built; leaving it without an error makes it the current one.

        ``fresh`` begins with nothing. Raises ``RunbookIndexError`` where somebody else is building.
        """


NO_INDEX = "there is no index of runbooks yet: pcause runbooks index DIR"


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Only one process builds. Raises ``RunbookIndexError`` at once where another does."""
    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout:
        raise RunbookIndexError("another process is building the index of the runbooks: wait for it") from None


def read_manifest(path: Path) -> Manifest:
    """What an index was made of; empty where the file is missing or broken."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}

"""The index in memory: for tests, and for a look at a folder that leaves nothing behind."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.homes import NO_INDEX, Draft, Manifest, Opened, RunbookIndexError


@dataclass
class MemoryHome:
    """An index that is gone with the process: for tests."""

    _state: dict[str, object] = field(default_factory=dict)
    _opened: Opened | None = None

    def generation(self) -> str:
        return self._opened.generation if self._opened else ""

    def manifest(self) -> Manifest:
        return self._state

    def open(self) -> Opened:
        if self._opened is None:
            raise RunbookIndexError(NO_INDEX)
        return self._opened

    @contextmanager
    def building(self, manifest: Manifest, fresh: bool) -> Iterator[Draft]:
        from qdrant_client import QdrantClient

        client, name = QdrantClient(":memory:"), f"runbooks-{time.time_ns()}"
        with tempfile.TemporaryDirectory() as folder:
            yield Draft(client, name, Path(folder))
        self._state, self._opened = manifest, Opened(client, name, name)

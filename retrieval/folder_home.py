"""The index in a folder, with Qdrant's local client: generations that nobody writes to once they are done.

The local client locks the folder that it opens, so whoever reads opens a copy of his own (some megabytes, read into
memory at once): a server, a terminal and an indexing run share one index without waiting for each other.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from retrieval.homes import NO_INDEX, Draft, Manifest, Opened, RunbookIndexError, alone, read_manifest

_COLLECTION = "runbooks"
_TRIES = 5
_LOCKS = shutil.ignore_patterns(".lock")


@dataclass(frozen=True)
class FolderHome:
    """Generations in a folder, and a file that names the current one."""

    folder: Path

    def generation(self) -> str:
        try:
            return (self.folder / "current").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def manifest(self) -> Manifest:
        return read_manifest(self.folder / self.generation() / "manifest.json") if self.generation() else {}

    def open(self) -> Opened:
        from qdrant_client import QdrantClient

        for _ in range(_TRIES):  # a generation may be replaced between its name and the copy
            generation = self.generation()
            if not generation:
                raise RunbookIndexError(NO_INDEX)
            own = Path(tempfile.mkdtemp(prefix="pcause-runbooks-"))
            try:
                shutil.copytree(self.folder / generation / "qdrant", own / "qdrant", ignore=_LOCKS)
            except FileNotFoundError:
                shutil.rmtree(own, ignore_errors=True)
                continue
            client = QdrantClient(path=str(own / "qdrant"))
            shutil.rmtree(own, ignore_errors=True)  # all of it is in memory now
            return Opened(client, _COLLECTION, generation)
        raise RunbookIndexError(f"the index in {self.folder} changes too fast to be opened")

    @contextmanager
    def building(self, manifest: Manifest, fresh: bool) -> Iterator[Draft]:
        from qdrant_client import QdrantClient

        self.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.folder / "building.lock"):
            self._sweep()
            generation, current = f"generation-{time.time_ns()}", self.generation()
            new = self.folder / generation
            if current and not fresh:
                shutil.copytree(self.folder / current, new)
            else:
                new.mkdir()
            client = QdrantClient(path=str(new / "qdrant"))
            try:
                yield Draft(client, _COLLECTION, new)
            finally:
                client.close()
            (new / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
            _write_whole(self.folder / "current", generation)
            self._sweep()

    def _sweep(self) -> None:
        """Remove what is not the current generation: the last one, or one whose building broke off."""
        for path in self.folder.glob("generation-*"):
            if path.name != self.generation():
                shutil.rmtree(path, ignore_errors=True)


def _write_whole(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)

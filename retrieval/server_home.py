"""The index on a Qdrant server: a collection a generation, and an alias for the one that answers."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.homes import NO_INDEX, Draft, Manifest, Opened, RunbookIndexError, alone, read_manifest

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

_ALIAS = "probable-cause-runbooks"
_COPIED_AT_ONCE = 256


@dataclass(frozen=True)
class ServerHome:
    """Collections on a Qdrant server and an alias for the current one; what goes with them is in ``folder``."""

    url: str
    api_key: str
    folder: Path

    @cached_property
    def _client(self) -> "QdrantClient":
        from qdrant_client import QdrantClient

        # What is asked here has been the same for many versions; the check would warn of each in a thread of its own.
        return QdrantClient(url=self.url, api_key=self.api_key or None, timeout=30, check_compatibility=False)

    def generation(self) -> str:
        try:
            aliases = self._client.get_aliases().aliases
        except Exception as error:
            raise RunbookIndexError(f"Qdrant cannot be asked: {error}") from error
        return next((alias.collection_name for alias in aliases if alias.alias_name == _ALIAS), "")

    def manifest(self) -> Manifest:
        generation = self.generation()
        return read_manifest(self.folder / generation / "manifest.json") if generation else {}

    def open(self) -> Opened:
        generation = self.generation()
        if not generation:
            raise RunbookIndexError(NO_INDEX)
        return Opened(self._client, _ALIAS, generation)

    @contextmanager
    def building(self, manifest: Manifest, fresh: bool) -> Iterator[Draft]:
        from qdrant_client import models

        self.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.folder / "building.lock"):
            client, current, new = self._client, self.generation(), f"{_ALIAS}-{time.time_ns()}"
            folder = self.folder / new
            self._sweep(current)
            kept = bool(current) and not fresh and (self.folder / current).is_dir()
            try:
                if kept:
                    shutil.copytree(self.folder / current, folder)
                    _copy_collection(client, current, new)
                else:
                    folder.mkdir()
                yield Draft(client, new, folder)
            except BaseException:  # interrupted, too: half an index on the server would be nobody's
                self._drop(new)
                raise
            (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
            name = models.CreateAlias(collection_name=new, alias_name=_ALIAS)
            swap: list[models.AliasOperations] = [models.CreateAliasOperation(create_alias=name)]
            if current:
                swap.insert(0, models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=_ALIAS)))
            client.update_collection_aliases(swap)
            if current:
                self._drop(current)

    def _sweep(self, current: str) -> None:
        """Drop what a process of this installation left on the server when it was killed."""
        for path in self.folder.glob(f"{_ALIAS}-*"):
            if path.name != current:
                self._drop(path.name)

    def _drop(self, generation: str) -> None:
        self._client.delete_collection(generation)
        shutil.rmtree(self.folder / generation, ignore_errors=True)


def _copy_collection(client: "QdrantClient", old: str, new: str) -> None:
    from qdrant_client import models

    parameters = client.get_collection(old).config.params
    client.create_collection(new, vectors_config=parameters.vectors, sparse_vectors_config=parameters.sparse_vectors)
    place = None
    while True:
        found, place = client.scroll(old, limit=_COPIED_AT_ONCE, offset=place, with_payload=True, with_vectors=True)
        points = [models.PointStruct(id=p.id, vector=p.vector or {}, payload=p.payload) for p in found]
        if points:
            client.upsert(new, points)
        if place is None:
            return

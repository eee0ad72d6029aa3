"""Runbooks into the index: LlamaIndex's ingestion pipeline over a Qdrant collection, only what changed.

Documents are compared by the hash of their bytes; changed ones are embedded again, and those that are gone are
removed. The next index is built beside the one that answers (see ``retrieval.homes``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.embedding import Embedder
from retrieval.homes import Draft, Home
from retrieval.runbooks import Problem, Runbook, read_folder

Progress = Callable[[int, int], None]  # views that have their vectors, of how many

_FORM = 4  # of the views: another number makes every index anew
_DOCSTORE = "documents.json"


@dataclass(frozen=True, slots=True)
class Indexed:
    """What an indexing run did, in runbooks; ``problems`` are the files that it left out or took in part."""

    runbooks: int
    added: int
    changed: int
    removed: int
    problems: tuple[Problem, ...]

    @property
    def touched(self) -> int:
        return self.added + self.changed + self.removed


def index_folder(folder: Path, home: Home, embedder: Embedder, progress: Progress) -> Indexed:
    """Bring the index up to date with a folder. Raises ``RunbookError``, ``RunbookIndexError``, ``EmbeddingError``.

    Where nothing changed nothing is loaded and nothing written.
    """
    read = read_folder(folder)
    now = {runbook.path: runbook.digest for runbook in read.runbooks}
    manifest = home.manifest()
    same_form = manifest.get("form") == _FORM and manifest.get("embedding") == embedder.name
    told = manifest.get("runbooks") if same_form else None
    before: dict[str, str] = told if isinstance(told, dict) else {}
    done = Indexed(
        len(now),
        added=len(now.keys() - before.keys()),
        changed=sum(before[path] != digest for path, digest in now.items() if path in before),
        removed=len(before.keys() - now.keys()),
        problems=read.problems,
    )
    if done.touched or not home.generation():
        made_of: dict[str, object] = {"form": _FORM, "embedding": embedder.name, "runbooks": now}
        with home.building(made_of, fresh=not before) as draft:
            _ingest(read.runbooks, draft, embedder, progress)
    return done


def _ingest(runbooks: Sequence[Runbook], draft: Draft, embedder: Embedder, progress: Progress) -> None:
    from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
    from llama_index.core.storage.docstore import SimpleDocumentStore

    from retrieval.nodes import Vectors, Views, document_of
    from retrieval.vector_store import vector_store

    kept = draft.folder / _DOCSTORE
    documents = SimpleDocumentStore.from_persist_path(str(kept)) if kept.exists() else SimpleDocumentStore()
    pipeline = IngestionPipeline(
        transformations=[
            Views(runbooks={runbook.path: runbook for runbook in runbooks}),
            Vectors(embed=embedder.embed, progress=progress),
        ],
        docstore=documents,
        vector_store=vector_store(draft),
        docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
        disable_cache=True,
    )
    pipeline.run(documents=[document_of(runbook) for runbook in runbooks])
    documents.persist(str(kept))

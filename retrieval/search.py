"""Which runbook answers a question: by meaning and by words, fused, with the passage that answers best.

A runbook's score is the cosine of its nearest view plus a share for its BM25 score, which is taken relative to the best
of the answer, for it has no scale of its own. Reciprocal ranks were tried and lost to it (see docs/benchmarks.md).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from diagnosis.findings import FaultKind
from retrieval.embedding import Embedder
from retrieval.homes import Home, Opened, RunbookIndexError
from retrieval.points import DENSE, MEANING, SECTION, SPARSE, point_id
from retrieval.runbooks import Step
from retrieval.terms import query_vectors

if TYPE_CHECKING:
    from qdrant_client import models

WORDS_COUNT = 0.4
_MOST_VIEWS, _MOST_BY_WORDS = 120, 40
_NAMED = ["path", "view"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of a runbook and where it stands, lines from 1, both included."""

    heading: str
    first_line: int
    last_line: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A runbook that was found. ``score`` orders the hits of one question and says nothing across questions."""

    path: str
    title: str
    about: str
    fault_kinds: tuple[str, ...]
    score: float
    passage: Passage | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a runbook must be about: any of each that is not empty."""

    fault_kinds: tuple[FaultKind, ...] = ()
    services: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


ANY = Wanted()


class RunbookSearch:
    """Asks the current index; a newer one is opened when it is there. Safe to share between threads."""

    def __init__(self, home: Home, embedder: Embedder) -> None:
        self._home, self._embedder = home, embedder
        self._opened: Opened | None = None
        self._lock = Lock()

    def search(self, question: str, limit: int = 5, wanted: Wanted = ANY) -> list[Hit]:
        """The best first. Raises ``RunbookIndexError``, ``EmbeddingError``."""
        with self._lock:
            opened = self._current()
            by_meaning, by_words = _asked(opened, question, self._embedder, wanted)
            return _hits(opened, _fused(by_meaning, by_words)[:limit], by_meaning)

    def _current(self) -> Opened:
        if self._opened is None or self._opened.generation != self._home.generation():
            made_with = self._home.manifest().get("embedding", self._embedder.name)
            if made_with != self._embedder.name:
                raise RunbookIndexError(f"the index was made with {made_with}: pcause runbooks index DIR makes it anew")
            self._opened = self._home.open()
        return self._opened


def _asked(opened: Opened, question: str, embedder: Embedder, wanted: Wanted) -> tuple[list[Any], list[Any]]:
    from qdrant_client import models

    vector = [float(value) for value in embedder.embed([question])[0]]
    (indices,), (values,) = query_vectors([question])
    sparse = models.SparseVector(indices=indices, values=values)
    only = _filter(wanted)
    requests = [
        models.QueryRequest(query=vector, using=DENSE, limit=_MOST_VIEWS, filter=only, with_payload=_NAMED),
        models.QueryRequest(query=sparse, using=SPARSE, limit=_MOST_BY_WORDS, filter=only, with_payload=_NAMED),
    ]
    found = opened.client.query_batch_points(opened.collection, requests if indices else requests[:1])
    return found[0].points, found[1].points if indices else []


def _filter(wanted: Wanted) -> "models.Filter | None":
    from qdrant_client import models

    named = {"fault_kinds": wanted.fault_kinds, "services": wanted.services, "teams": wanted.teams}
    must: list[Any] = [
        models.FieldCondition(key=key, match=models.MatchAny(any=[str(value) for value in values]))
        for key, values in named.items()
        if values
    ]
    return models.Filter(must=must) if must else None


def _fused(by_meaning: Sequence[Any], by_words: Sequence[Any]) -> list[tuple[str, float]]:
    near, said = _best(by_meaning), _best(by_words)
    farthest, most = min(near.values(), default=0.0), max(said.values(), default=1.0)
    scores = {
        path: near.get(path, farthest) + WORDS_COUNT * said.get(path, 0.0) / most for path in near.keys() | said.keys()
    }
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _best(points: Iterable[Any]) -> dict[str, float]:
    """The highest score of each runbook."""
    best: dict[str, float] = {}
    for point in points:
        path = point.payload["path"]
        best[path] = max(best.get(path, float("-inf")), point.score)
    return best


def _hits(opened: Opened, best: Sequence[tuple[str, float]], by_meaning: Sequence[Any]) -> list[Hit]:
    """What is shown of each runbook: its steps, and the section of it that is nearest to the question."""
    nearest: dict[str, Any] = {}
    for point in by_meaning:
        if point.payload["view"] == SECTION:
            nearest.setdefault(point.payload["path"], point.id)
    whole = {path: point_id(path, MEANING) for path, _ in best}
    wanted = [*whole.values(), *(nearest[path] for path, _ in best if path in nearest)]
    found = {str(point.id): point.payload or {} for point in opened.client.retrieve(opened.collection, wanted)}
    return [
        _hit(path, score, found[whole[path]], found.get(str(nearest.get(path))))
        for path, score in best
        if whole[path] in found
    ]


def _hit(path: str, score: float, whole: Mapping[str, Any], section: Mapping[str, Any] | None) -> Hit:
    steps = tuple(Step(str(text), str(heading), int(line)) for text, heading, line in whole["steps"])
    kinds = tuple(map(str, whole["fault_kinds"]))
    return Hit(
        path,
        str(whole["title"]),
        str(whole["description"] or whole["about"]),
        kinds,
        score,
        _passage(section) if section else None,
        steps,
    )


def _passage(payload: Mapping[str, Any]) -> Passage:
    text = json.loads(payload["_node_content"])["text"]  # where LlamaIndex keeps what a node says
    return Passage(payload["heading"], payload["first_line"], payload["last_line"], str(text))

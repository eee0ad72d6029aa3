"""Runbook retrieval: are the runbooks that a question is about among the first that are found, and what does it cost?

``data`` is a folder of Markdown runbooks, ``queries`` a file with one JSON object a line: ``query`` and ``relevant``, the
paths below ``data`` of the runbooks that answer it.
"""

import json
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.doors.reading import InputError
from retrieval.embedding import MiniLM
from retrieval.folder_home import FolderHome
from retrieval.indexing import Progress, index_folder
from retrieval.search import RunbookSearch

_LOOKED_AT = 10


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the paths of the runbooks that answer it."""

    text: str
    relevant: frozenset[str]


def read_queries(path: Path) -> list[Query]:
    """Raises ``InputError`` with the line that cannot be used."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                raw = json.loads(line)
                found.append(Query(str(raw["query"]), frozenset(map(str, raw["relevant"]))))
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{path}, line {number}: no query with its relevant runbooks ({error})") from error
    if not found:
        raise InputError(f"{path} holds no query")
    return found


def measure(data: Path, queries: Sequence[Query], progress: Progress) -> dict[str, object]:
    """Index ``data`` cold, ask every question, and score. Seconds, milliseconds, megabytes of this process."""
    with tempfile.TemporaryDirectory() as folder:
        home, embedder = FolderHome(Path(folder)), MiniLM()
        begun = time.perf_counter()
        indexed = index_folder(data, home, embedder, progress)
        seconds = time.perf_counter() - begun
        search = RunbookSearch(home, embedder)
        search.search("warm", 1)  # opens the index and loads the model, which a server does once
        ranks, took = [], []
        for query in queries:
            begun = time.perf_counter()
            paths = [hit.path for hit in search.search(query.text, _LOOKED_AT)]
            took.append(time.perf_counter() - begun)
            ranks.append(min((paths.index(path) for path in query.relevant if path in paths), default=None))
    return {
        **{f"recall@{k}": round(sum(r is not None and r < k for r in ranks) / len(ranks), 4) for k in (1, 3, 5)},
        "mrr": round(sum(1 / (r + 1) for r in ranks if r is not None) / len(ranks), 4),
        "queries": len(queries),
        "runbooks": indexed.runbooks,
        "index_seconds": round(seconds, 1),
        "query_ms_p50": round(1e3 * statistics.median(took), 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def run_runbooks(data: Path, queries: Path, as_json: bool) -> None:
    """Measure and print."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    asked = read_queries(queries)
    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("indexing runbooks", total=None)
        found = measure(data, asked, lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        Console().print_json(json.dumps(found))
    else:
        Console().print(", ".join(f"{name} {value}" for name, value in found.items()), highlight=False)

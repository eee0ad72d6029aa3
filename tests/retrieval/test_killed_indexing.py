"""``kill -9`` while an index is built: the old one answers, and the next run finds nothing in its way."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from retrieval.embedding import MiniLM
from retrieval.folder_home import FolderHome
from retrieval.homes import Home
from retrieval.indexing import index_folder
from retrieval.search import RunbookSearch
from retrieval.server_home import ServerHome
from tests.qdrant_double import qdrant_double

MODEL = MiniLM(threads=1)


@pytest.fixture(params=["folder", "server"])
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server, "" for a folder."""
    if request.param == "folder":
        yield ""
    else:
        with qdrant_double() as url:
            yield url


@pytest.mark.parametrize("moment", ["embedding", "written"])
def test_a_killed_indexing_run_leaves_the_old_index_answering(place: str, tmp_path: Path, moment: str):
    runbooks, index = tmp_path / "runbooks", tmp_path / "index"
    runbooks.mkdir()
    (runbooks / "Disk.md").write_text("# Disk\n\nThe disk of a node is full.\n")
    home: Home = ServerHome(place, "", index) if place else FolderHome(index)
    index_folder(runbooks, home, MODEL, lambda done, total: None)
    (runbooks / "Tape.md").write_text("# Tape\n\nThe tape robot is stuck.\n")
    child = [sys.executable, "-m", "tests.retrieval.killed_indexing", str(runbooks), str(index), place, moment]
    assert subprocess.run(child, check=False).returncode == -signal.SIGKILL
    assert [hit.path for hit in RunbookSearch(home, MODEL).search("tape robot")] == ["Disk.md"]
    assert index_folder(runbooks, home, MODEL, lambda done, total: None).added == 1
    assert RunbookSearch(home, MODEL).search("tape robot")[0].path == "Tape.md"
    assert len([path for path in index.iterdir() if path.is_dir()]) == 1
    if place:
        assert len(QdrantClient(url=place, check_compatibility=False).get_collections().collections) == 1

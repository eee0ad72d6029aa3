from pathlib import Path

import pytest

from agent.runbook_index import embedder_of, home_of, runbook_search
from agent.settings import RunbookSettings, Settings
from retrieval.indexing import index_folder
from tests.qdrant_double import qdrant_double


@pytest.fixture
def runbooks(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "Disk.md").write_text("# Disk\n\nThe disk of a node is full.\n")
    return folder


def ask(settings: Settings, runbooks: Path) -> list[str]:
    index_folder(runbooks, home_of(settings), embedder_of(settings), lambda done, total: None)
    return [hit.path for hit in runbook_search(settings).search("no space")]


def test_the_home_of_the_index_is_one_setting(settings: Settings, runbooks: Path):
    assert ask(settings, runbooks) == ["Disk.md"]
    memory = settings.model_copy(update={"home": settings.home / "2", "runbooks": RunbookSettings(url=":memory:")})
    assert ask(memory, runbooks) == ["Disk.md"]
    assert not memory.home.exists()
    with qdrant_double() as url:
        assert ask(settings.model_copy(update={"runbooks": RunbookSettings(url=url)}), runbooks) == ["Disk.md"]

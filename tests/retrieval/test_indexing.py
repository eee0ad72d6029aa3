"""Runbooks in and passages out, over the embedded index and a double of a server always, over a real one where QDRANT_URL is set."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient

from diagnosis.findings import FaultKind
from retrieval.embedding import EmbeddingError, LlamaIndexEmbedder, MiniLM
from retrieval.folder_home import FolderHome
from retrieval.homes import Home, RunbookIndexError
from retrieval.indexing import Indexed, index_folder
from retrieval.memory_home import MemoryHome
from retrieval.search import RunbookSearch, Wanted
from retrieval.server_home import ServerHome
from tests.qdrant_double import qdrant_double

MODEL = MiniLM(threads=1)
DISK = "# NodeDiskFull\n\n## Meaning\n\nThe file system of a node has no space left.\n\n## Mitigation\n\n1. Delete old logs.\n"
NAMES = "# DnsDown\n\n## Meaning\n\nCoreDNS does not answer queries.\n\n## Mitigation\n\n1. Restart CoreDNS.\n"
QUEUE = (
    "---\nname: QueueStuck\ndescription: Messages wait and nobody takes them.\nfault_kinds: [bad_data]\nservices: [mail]\n---\n"
    "# Queue\n\n## Confirm\n\nCompare offsets.\n\n## Mitigate\n\n1. Park the message. Check: the offset moves.\n"
)


@pytest.fixture(params=["folder", "memory", "double", "server"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    match request.param:
        case "folder":
            yield FolderHome(tmp_path / "index")
        case "memory":
            yield MemoryHome()
        case "double":
            with qdrant_double() as url:
                yield ServerHome(url, "", tmp_path / "index")
        case _:
            url = os.environ.get("QDRANT_URL", "")
            if not url:
                pytest.skip("QDRANT_URL names no Qdrant server")
            key = os.environ.get("QDRANT_API_KEY", "")
            yield ServerHome(url, key, tmp_path / "index")
            client = QdrantClient(url=url, api_key=key or None)
            for made in client.get_collections().collections:
                if made.name.startswith("probable-cause-runbooks"):
                    client.delete_collection(made.name)


@pytest.fixture
def runbooks(tmp_path: Path) -> Path:
    folder = tmp_path / "runbooks"
    (folder / "sub").mkdir(parents=True)
    for name, text in (("NodeDiskFull.md", DISK), ("sub/DnsDown.md", NAMES), ("QueueStuck.md", QUEUE)):
        (folder / name).write_text(text)
    return folder


def index(folder: Path, home: Home, progress: Callable[[int, int], None] = lambda done, total: None) -> Indexed:
    return index_folder(folder, home, MODEL, progress)


def found(home: Home, question: str, wanted: Wanted | None = None) -> list[str]:
    search = RunbookSearch(home, MODEL)
    return [hit.path for hit in search.search(question, 5, wanted or Wanted())]


def test_a_runbook_is_found_by_its_words_by_its_meaning_and_by_what_people_say(home: Home, runbooks: Path):
    assert index(runbooks, home) == Indexed(3, 3, 0, 0, ())
    for question, first in (
        ("NodeDiskFull", "NodeDiskFull.md"),
        ("there are no gigabytes left on this machine", "NodeDiskFull.md"),
        ("host names cannot be looked up", "sub/DnsDown.md"),
        ("nobody is reading what is in the queue", "QueueStuck.md"),
    ):
        assert found(home, question)[0] == first, question


def test_a_hit_has_its_passage_with_lines_and_its_steps(home: Home, runbooks: Path):
    index(runbooks, home)
    hit = RunbookSearch(home, MODEL).search("restart CoreDNS")[0]
    assert hit.passage is not None
    lines = NAMES.split("\n")[hit.passage.first_line - 1 : hit.passage.last_line]
    assert "\n".join(lines) == hit.passage.text
    assert [(step.text, step.heading, step.line) for step in hit.steps] == [("Restart CoreDNS.", "mitigation", 9)]


def test_only_runbooks_of_a_kind_or_a_service_are_found_where_that_is_wanted(home: Home, runbooks: Path):
    index(runbooks, home)
    assert found(home, "disk full", Wanted(fault_kinds=(FaultKind.BAD_DATA,))) == ["QueueStuck.md"]
    assert found(home, "disk full", Wanted(services=("mail", "web"))) == ["QueueStuck.md"]
    assert found(home, "disk full", Wanted(services=("web",))) == []


def test_what_was_edited_renamed_or_deleted_is_so_in_the_index(home: Home, runbooks: Path):
    index(runbooks, home)
    (runbooks / "NodeDiskFull.md").write_text(DISK.replace("file system", "tape library"))
    (runbooks / "sub/DnsDown.md").rename(runbooks / "NamesDown.md")
    (runbooks / "QueueStuck.md").unlink()
    assert index(runbooks, home) == Indexed(2, 1, 1, 2, ())
    assert found(home, "tape library")[0] == "NodeDiskFull.md"
    assert sorted(found(home, "names, queues and disks")) == ["NamesDown.md", "NodeDiskFull.md"]


def test_where_nothing_changed_nothing_is_embedded_and_nothing_written(home: Home, runbooks: Path):
    index(runbooks, home)
    generation = home.generation()

    def never(done: int, total: int) -> None:
        raise AssertionError("something was embedded")

    assert index(runbooks, home, never).touched == 0
    assert home.generation() == generation


def test_only_what_changed_is_embedded_again(tmp_path: Path, runbooks: Path):
    home, totals = FolderHome(tmp_path / "index"), list[int]()
    index(runbooks, home)
    (runbooks / "NodeDiskFull.md").write_text(DISK + "\nMore.\n")
    index(runbooks, home, lambda done, total: totals.append(total))
    assert totals == [5]  # name, meaning, what people say, and two sections


class Breaks:
    """The model, until the power fails."""

    name = MODEL.name

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        raise OSError("no space left on device")


def test_a_crash_in_the_middle_leaves_the_old_index_answering(home: Home, runbooks: Path):
    index(runbooks, home)
    (runbooks / "sub/DnsDown.md").write_text(NAMES.replace("CoreDNS", "NameServer"))
    with pytest.raises(OSError, match="no space"):
        index_folder(runbooks, home, Breaks(), lambda done, total: None)
    assert found(home, "restart CoreDNS")[0] == "sub/DnsDown.md"
    assert index(runbooks, home).changed == 1
    assert "NameServer" in (RunbookSearch(home, MODEL).search("NameServer")[0].about)


def test_an_index_is_asked_while_it_is_built_and_the_new_one_is_seen_without_a_restart(tmp_path: Path, runbooks: Path):
    home = FolderHome(tmp_path / "index")
    index(runbooks, home)
    first, second = RunbookSearch(home, MODEL), RunbookSearch(FolderHome(tmp_path / "index"), MODEL)
    assert first.search("disk")[0].path == second.search("disk")[0].path
    (runbooks / "Tape.md").write_text("# Tape\n\nThe tape robot is stuck.\n")

    def meanwhile(done: int, total: int) -> None:
        assert "Tape.md" not in [hit.path for hit in first.search("tape robot")]
        with pytest.raises(RunbookIndexError, match="another process"):
            index(runbooks, FolderHome(tmp_path / "index"))

    index(runbooks, home, meanwhile)
    assert [search.search("tape robot")[0].path for search in (first, second)] == ["Tape.md", "Tape.md"]
    assert len(list((tmp_path / "index").glob("generation-*"))) == 1


def test_without_an_index_the_remedy_is_said(home: Home):
    with pytest.raises(RunbookIndexError, match="pcause runbooks index"):
        found(home, "anything")


def test_an_embedding_that_is_not_there_is_said():
    with pytest.raises(EmbeddingError, match="no_such_package"):
        LlamaIndexEmbedder("no_such_package:Model", {}).embed(["anything"])


def test_another_embedding_of_llama_index_is_used_and_its_vectors_are_not_mixed_with_others(
    tmp_path: Path, runbooks: Path
):
    home = FolderHome(tmp_path / "index")
    index(runbooks, home)
    other = LlamaIndexEmbedder("llama_index.core.embeddings:MockEmbedding", {"embed_dim": 8})
    with pytest.raises(RunbookIndexError, match="was made with all-MiniLM"):
        RunbookSearch(home, other).search("disk")
    assert index_folder(runbooks, home, other, lambda done, total: None).added == 3
    assert len(RunbookSearch(home, other).search("disk")) == 3

"""Indexes a folder and is killed at a moment: run in a process of its own by test_killed_indexing."""

import os
import signal
import sys
from pathlib import Path

import retrieval.indexing
from retrieval.embedding import MiniLM
from retrieval.folder_home import FolderHome
from retrieval.server_home import ServerHome


def kill(*_: object) -> None:
    """What a power cut does, or whoever kills what is out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    runbooks, index, url, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    home = ServerHome(url, "", index) if url else FolderHome(index)
    if moment == "written":  # all of it, but for its name
        write = retrieval.indexing._ingest
        retrieval.indexing._ingest = lambda *given: kill(write(*given))
    retrieval.indexing.index_folder(
        runbooks, home, MiniLM(threads=1), kill if moment == "embedding" else lambda done, total: None
    )

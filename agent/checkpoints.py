"""The checkpoints of all investigations, in one SQLite file of the home."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from agent.redaction import cut_secrets

_BUSY_SECONDS = 30


class Checkpoints(SqliteSaver):
    """LangGraph's saver, called by the loop without a thread of its own.

    A step is written in about 2 ms, and no cancellation can fall between its first statement and its commit. (Over
    aiosqlite one could: the file then stayed locked for every other investigation.)
    """

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep what a task wrote; of an exception, which may quote what it could not read, the text without secrets."""
        # The serializer keeps an exception as its repr as well.
        kept = [(channel, cut_secrets(repr(v)) if isinstance(v, BaseException) else v) for channel, v in writes]
        super().put_writes(config, kept, task_id, task_path)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See ``get_tuple``."""
        return self.get_tuple(config)

    async def alist(
        self, config: RunnableConfig | None, *, filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None, limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:  # fmt: skip
        """See ``list``."""
        for found in list(self.list(config, filter=filter, before=before, limit=limit)):
            yield found

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:  # fmt: skip
        """See ``put``."""
        return self.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """See ``put_writes``."""
        self.put_writes(config, writes, task_id, task_path)


def checkpoints_path(home: Path) -> Path:
    """Where they are."""
    return home / "checkpoints.db"


@contextmanager
def open_checkpoints(home: Path) -> Iterator[Checkpoints]:
    """The saver of ``home``, for one loop. Raises ``sqlite3.Error`` where the file cannot be used."""
    path = checkpoints_path(home)
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)) as connection:
        saver = Checkpoints(connection, serde=JsonPlusSerializer())
        # SQLite refuses at once, whatever its time-out, when two switch a new file to WAL together.
        with FileLock(home / "locks" / "checkpoints.lock", timeout=_BUSY_SECONDS):
            saver.setup()
        # WAL with NORMAL loses nothing to a killed process, and a step costs 2 ms instead of 20.
        connection.execute("PRAGMA synchronous=NORMAL")
        yield saver

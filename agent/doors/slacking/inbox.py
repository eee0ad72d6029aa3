"""The inbox: what Slack delivered is committed before it is acknowledged, each thing once, however often it comes."""

import asyncio
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from agent.doors.slacking.events import Heard, HeardKind
from agent.doors.slacking.tables import INBOX, SEEN, THREADS, slack_database

_KEEP_SECONDS = 86_400.0  # Slack delivers again for some minutes; and who may not ask is told once a day
_MOST_AT_ONCE = 500  # of one commit
_MOST_TRIES = 3
_MANY = 50


class Inbox:
    """In the ledger of ``home``; every process that hears Slack writes, one works it off."""

    def __init__(self, home: Path) -> None:
        self._transaction = slack_database(home).transaction
        self._waiting: list[tuple[Heard, asyncio.Future[bool]]] = []
        self._committing: asyncio.Task[None] | None = None
        # A thread of its own: what is worked off must not stand before what is to be acknowledged.
        self._thread = ThreadPoolExecutor(1, "slack-inbox")

    async def take(self, heard: Heard) -> bool:
        """Commit it; False where it was taken before, or is about nothing of ours. Raises ``LedgerError``.

        What comes while a commit runs is committed together, so that a flood waits for few disks' turns.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((heard, future))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._drain())
        return await future

    @property
    def pressed(self) -> bool:
        """Whether many wait to be acknowledged: whatever else there is to do can wait for that."""
        return len(self._waiting) > _MANY

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            try:
                loop = asyncio.get_running_loop()
                taken = await loop.run_in_executor(self._thread, self._commit, [heard for heard, _ in batch])
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), new in zip(batch, taken, strict=True):
                if not future.done():
                    future.set_result(new)

    def close(self) -> None:
        """Take nothing more."""
        self._thread.shutdown(wait=False)

    def _commit(self, batch: Sequence[Heard]) -> list[bool]:
        now = time.time()
        with self._transaction() as db:
            db.execute(sa.delete(SEEN).where(SEEN.c.at < now - _KEEP_SECONDS))
            ours = [_is_ours(db, heard) for heard in batch]
            known = _known(
                db, [key for heard, is_ours in zip(batch, ours, strict=True) if is_ours for key in heard.keys]
            )
            before, fresh, taken = set(known), [], []
            for heard, is_ours in zip(batch, ours, strict=True):
                new = is_ours and known.isdisjoint(heard.keys)
                taken.append(new)
                known.update(heard.keys if is_ours else ())
                fresh += [{"body": heard.model_dump_json()}] if new else []
            if known - before:
                db.execute(sa.insert(SEEN), [{"key": key, "at": now} for key in sorted(known - before)])
            if fresh:
                db.execute(sa.insert(INBOX), fresh)
        return taken

    def first_time(self, key: str) -> bool:
        """True once a day for a key, whichever process asks."""
        with self._transaction() as db:
            if _known(db, [key]):
                return False
            db.execute(sa.insert(SEEN).values(key=key, at=time.time()))
        return True

    def next(self, without: Collection[int], limit: int) -> list[tuple[int, Heard]]:
        """The oldest that wait, with their numbers."""
        if limit <= 0:
            return []
        query = sa.select(INBOX).where(INBOX.c.seq.not_in(without), INBOX.c.tries < _MOST_TRIES)
        with self._transaction() as db:
            rows = db.execute(query.order_by(INBOX.c.seq).limit(limit)).all()
        return [(row.seq, Heard.model_validate_json(row.body)) for row in rows]

    def done(self, seq: int) -> None:
        """It is worked off."""
        with self._transaction() as db:
            db.execute(sa.delete(INBOX).where(INBOX.c.seq == seq))

    def broke_off(self, seq: int) -> bool:
        """Note a try that failed; True where it was the last."""
        with self._transaction() as db:
            mine = INBOX.c.seq == seq
            db.execute(sa.update(INBOX).where(mine).values(tries=INBOX.c.tries + 1))
            tries = db.execute(sa.select(INBOX.c.tries).where(mine)).scalar_one_or_none()
        return tries is None or tries >= _MOST_TRIES


def _is_ours(db: sa.Connection, heard: Heard) -> bool:
    """What others say in a channel is written nowhere, unless it is in a thread of ours or about a message of ours."""
    match heard.kind:
        case HeardKind.MENTION | HeardKind.COMMAND:
            return True
        case HeardKind.REPLY:
            place = sa.and_(THREADS.c.channel == heard.channel, THREADS.c.thread_ts == heard.thread_ts)
        case _:
            place = sa.and_(THREADS.c.channel == heard.channel, THREADS.c.message_ts == heard.ts)
    return db.execute(sa.select(THREADS.c.key).where(place).limit(1)).first() is not None


def _known(db: sa.Connection, keys: Sequence[str]) -> set[str]:
    """Which of these names were noted before."""
    return set(db.execute(sa.select(SEEN.c.key).where(SEEN.c.key.in_(keys))).scalars()) if keys else set()

"""Which conversation is about which investigation, and what was posted to it; kept, so that a restart posts nothing twice."""

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa

from agent.doors.slacking.tables import POSTS, THREADS, slack_database
from agent.ledger_schema import EVENTS, INVESTIGATIONS

ENDED = frozenset(("done", "failed"))


class ThreadState(StrEnum):
    """An OPEN one follows its investigation; a CLOSED one has told its end; a MUTE one cannot be posted to."""

    OPEN = "open"
    CLOSED = "closed"
    MUTE = "mute"


@dataclass(frozen=True, slots=True)
class Thread:
    """As ``tables.THREADS``. ``status`` and ``seq`` are the investigation's now: its newest event."""

    key: str
    channel: str
    thread_ts: str
    asked_ts: str
    message_ts: str
    investigation_id: str
    member: str
    last_seq: int
    told: str
    state: ThreadState
    status: str
    seq: int

    @property
    def root(self) -> str:
        """The thread; of a command it is our own message's."""
        return self.thread_ts or self.message_ts

    @property
    def has_news(self) -> bool:
        """Whether its message says less than is known; or, of an open one, whether its end has not been told to its end."""
        behind = not self.message_ts or self.seq > self.last_seq or self.told != self.status
        return behind or (self.state is ThreadState.OPEN and self.status in ENDED)


class Threads:
    """In the ledger of ``home``. Methods raise ``LedgerError``."""

    def __init__(self, home: Path) -> None:
        self._transaction = slack_database(home).transaction

    def open(self, key: str, channel: str, thread_ts: str, asked_ts: str, investigation_id: str, member: str) -> None:
        """A new conversation, once a key."""
        values = {
            "key": key, "channel": channel, "thread_ts": thread_ts, "asked_ts": asked_ts, "message_ts": "",
            "investigation_id": investigation_id, "member": member, "last_seq": 0, "told": "", "state": ThreadState.OPEN,
            "at": time.time(),
        }  # fmt: skip
        with self._transaction() as db:
            if db.execute(sa.select(THREADS.c.key).where(THREADS.c.key == key)).one_or_none() is None:
                db.execute(sa.insert(THREADS).values(**values))

    def with_news(self) -> list[Thread]:
        """Those whose investigations have told something since, oldest first; one that was closed, where it goes on."""
        taken_up = sa.and_(THREADS.c.state == ThreadState.CLOSED, INVESTIGATIONS.c.status.not_in(ENDED))
        found = self._read(sa.or_(THREADS.c.state == ThreadState.OPEN, taken_up))
        return [thread for thread in found if thread.has_news]

    def at(self, channel: str, thread_ts: str) -> Thread | None:
        """The newest conversation of a thread; None where there is none."""
        found = self._read(sa.and_(THREADS.c.channel == channel, THREADS.c.thread_ts == thread_ts))
        return found[-1] if found and thread_ts else None

    def of_message(self, channel: str, message_ts: str) -> Thread | None:
        """The conversation whose message this is."""
        found = self._read(sa.and_(THREADS.c.channel == channel, THREADS.c.message_ts == message_ts))
        return found[-1] if found and message_ts else None

    def of_investigation(self, id: str) -> list[Thread]:
        """All conversations about an investigation."""
        return self._read(THREADS.c.investigation_id == id)

    def posted(self, key: str, message_ts: str) -> None:
        """The message is there; a command's opens the thread."""
        opened = sa.case((THREADS.c.thread_ts == "", message_ts), else_=THREADS.c.thread_ts)
        with self._transaction() as db:
            db.execute(sa.update(THREADS).where(THREADS.c.key == key).values(message_ts=message_ts, thread_ts=opened))

    def told(self, key: str, last_seq: int, status: str) -> None:
        """The message says all up to this event."""
        with self._transaction() as db:
            db.execute(sa.update(THREADS).where(THREADS.c.key == key).values(last_seq=last_seq, told=status))

    def set_state(self, key: str, state: ThreadState) -> None:
        """Follow it no more."""
        with self._transaction() as db:
            db.execute(sa.update(THREADS).where(THREADS.c.key == key).values(state=state))

    def _read(self, where: sa.ColumnElement[bool]) -> list[Thread]:
        newest = sa.select(sa.func.max(EVENTS.c.seq)).where(EVENTS.c.investigation_id == THREADS.c.investigation_id)
        query = (
            sa.select(THREADS, INVESTIGATIONS.c.status, sa.func.coalesce(newest.scalar_subquery(), 0).label("seq"))
            .join(INVESTIGATIONS, INVESTIGATIONS.c.id == THREADS.c.investigation_id)
            .where(where)
            .order_by(THREADS.c.at)
        )
        with self._transaction() as db:
            rows = db.execute(query).all()
        names = [name for name in Thread.__slots__ if name != "state"]
        return [Thread(**{name: getattr(row, name) for name in names}, state=ThreadState(row.state)) for row in rows]


@dataclass(frozen=True, slots=True)
class Post:
    """``ts`` is "" until it is known to have arrived; ``begun_at`` is when it was first sent, in epoch seconds."""

    ts: str
    begun_at: float
    again: bool


class Posts:
    """What was posted, by key. Methods raise ``LedgerError``."""

    def __init__(self, home: Path) -> None:
        self._transaction = slack_database(home).transaction

    def begin(self, key: str) -> Post:
        """Note that it is about to be sent; ``again`` where that was noted before."""
        now = time.time()
        with self._transaction() as db:
            row = db.execute(sa.select(POSTS).where(POSTS.c.key == key)).one_or_none()
            if row is not None:
                return Post(row.ts, row.at, again=True)
            db.execute(sa.insert(POSTS).values(key=key, state="begun", ts="", at=now))
        return Post("", now, again=False)

    def finish(self, key: str, ts: str) -> None:
        """It has arrived."""
        with self._transaction() as db:
            db.execute(sa.update(POSTS).where(POSTS.c.key == key).values(state="done", ts=ts))

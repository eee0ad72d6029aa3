"""What the Slack door keeps in the ledger file: what it heard, where it talks, and what it has posted."""

from pathlib import Path

import sqlalchemy as sa

from agent.ledger_database import Database

METADATA = sa.MetaData()

# Names of what was taken: an event's id, and the message it is about. Slack delivers again; this says that it did.
SEEN = sa.Table(
    "slack_seen",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
)
# What was acknowledged and is not worked off yet; ``body`` is the JSON of ``events.Heard``.
INBOX = sa.Table(
    "slack_inbox",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)
# One conversation about one investigation. ``thread_ts`` is "" until a command's message opened one, ``message_ts`` until
# the message that follows the investigation is posted; ``told`` is what that one shows, ``asked_ts`` what was asked.
THREADS = sa.Table(
    "slack_threads",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("thread_ts", sa.String, nullable=False),
    sa.Column("asked_ts", sa.String, nullable=False),
    sa.Column("message_ts", sa.String, nullable=False),
    sa.Column("investigation_id", sa.String, nullable=False, index=True),
    sa.Column("member", sa.String, nullable=False),
    sa.Column("last_seq", sa.Integer, nullable=False),
    sa.Column("told", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
)
sa.Index("slack_threads_by_place", THREADS.c.channel, THREADS.c.thread_ts)
# A post's key is written before it is sent: who finds it begun looks whether it arrived before sending it again.
POSTS = sa.Table(
    "slack_posts",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("ts", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)


def slack_database(home: Path) -> Database:
    """The ledger of ``home`` with these tables. Raises ``LedgerError``."""
    database = Database(home)
    with database.transaction() as db:
        METADATA.create_all(db)
    return database

"""Tables of the ledger. Money is counted in whole billionths of a US dollar (``nano_usd``), so that SQL can add it."""

from enum import StrEnum

import sqlalchemy as sa

METADATA = sa.MetaData()


class CallKind(StrEnum):
    """What was called."""

    TOOL = "tool"
    MODEL = "model"


class CallState(StrEnum):
    """A reservation is open until it is settled (by what was used) or refunded (nothing was). Of one whose process died
    nobody knows what was used, so it is lost: counted at its worst case."""

    RESERVED = "reserved"
    SETTLED = "settled"
    REFUNDED = "refunded"
    LOST = "lost"


INVESTIGATIONS = sa.Table(
    "investigations",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("alert", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False, index=True),
    sa.Column("updated_at", sa.Float, nullable=False),
    sa.Column("headline", sa.Text, nullable=False),
    sa.Column("probability", sa.Float, nullable=False),
    sa.Column("report", sa.Text, nullable=False),
    sa.Column("requested_by", sa.String, nullable=False, server_default=""),
)
# ``tool`` is the tool's or the model's name, ``arguments`` what it was asked. ``day`` is the UTC day of the reservation,
# ``owner`` the process that holds it (``agent/owners.py``). What a tool answered is ``evidence``, a model ``answer``.
CALLS = sa.Table(
    "calls",
    METADATA,
    sa.Column("investigation_id", sa.String, primary_key=True),
    sa.Column("call_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False, server_default=CallKind.TOOL),
    sa.Column("tool", sa.String, nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("node", sa.String, nullable=False, server_default=""),
    sa.Column("source", sa.String, nullable=False, server_default=""),
    sa.Column("day", sa.String, nullable=False, server_default=""),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("owner", sa.String, nullable=False, server_default=""),
    sa.Column("reserved_at", sa.Float, nullable=False, server_default="0"),
    sa.Column("points", sa.BigInteger, nullable=False),
    sa.Column("tokens_in", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("tokens_out", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("tokens_cached", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("tokens_reasoning", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("nano_usd", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False, server_default=""),
)
sa.Index("calls_by_day", CALLS.c.day)
sa.Index("calls_by_state", CALLS.c.state)


def _amounts() -> list[sa.Column[int]]:
    names = ("tool_calls", "model_calls", "points", "tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning")
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in (*names, "nano_usd")]


# What counts against a ceiling (open reservations too), added up by scope, so that a reservation reads one row a scope.
TOTALS = sa.Table(
    "spend_totals",
    METADATA,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    *_amounts(),
)
# What was used by what and where, for the counters of ``/metrics``: only what is settled.
METERS = sa.Table(
    "spend_meters",
    METADATA,
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("tool", sa.String, primary_key=True),
    sa.Column("node", sa.String, primary_key=True),
    *_amounts(),
)
STAGES = sa.Table(
    "stages",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("investigation_id", sa.String, nullable=False, index=True),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("branch", sa.String, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
)
ACTIONS = sa.Table(
    "actions",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("investigation_id", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("memo", sa.Text, nullable=False, server_default=""),
    sa.Column("begun_at", sa.Float, nullable=False, server_default="0"),
)
# What an approver is asked: written once, so that nobody can be shown one thing and approve another. ``body`` is the
# JSON of ``agent/approvals.py: Question``.
APPROVAL_REQUESTS = sa.Table(
    "approval_requests",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("investigation_id", sa.String, nullable=False, index=True),
    sa.Column("action_key", sa.String, nullable=False, unique=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
)
# One vote a person and request. ``seal`` binds it to what was asked: a row that somebody writes is no vote.
APPROVAL_VOTES = sa.Table(
    "approval_votes",
    METADATA,
    sa.Column("request_id", sa.String, primary_key=True),
    sa.Column("person", sa.String, primary_key=True),
    sa.Column("door", sa.String, nullable=False),
    sa.Column("approved", sa.Boolean, nullable=False),
    sa.Column("wrong_cause", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("seal", sa.String, nullable=False),
)
USED_TICKETS = sa.Table(
    "used_tickets",
    METADATA,
    sa.Column("nonce", sa.String, primary_key=True),
    sa.Column("request_id", sa.String, nullable=False),
)
# Every row carries the hash of the one before; a trigger refuses to change or remove one (``agent/audit.py``).
AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("investigation_id", sa.String, nullable=False, index=True),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("door", sa.String, nullable=False),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
    sqlite_autoincrement=True,
)
# What an investigation told whoever watches it, for doors of other processes.
EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("investigation_id", sa.String, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
# What people told a running investigation; ``excluded`` is JSON, ids of hypotheses that they say are wrong.
STEERINGS = sa.Table(
    "steerings",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("investigation_id", sa.String, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("excluded", sa.Text, nullable=False),
)
# Which firing of which alert was taken up by which investigation. The key is what makes a delivery a duplicate.
FIRINGS = sa.Table(
    "firings",
    METADATA,
    sa.Column("fingerprint", sa.String, primary_key=True),
    sa.Column("started_at", sa.Float, primary_key=True),
    sa.Column("investigation_id", sa.String, nullable=False, index=True),
    sa.Column("resolved_at", sa.Float, nullable=True),
)
# Posted changes, each once by what tells two apart (``tools.changes.identity``).
CHANGES = sa.Table(
    "posted_changes",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("id", sa.String, nullable=False, index=True),
    sa.Column("entity", sa.String, nullable=False),
    sa.Column("flip", sa.BigInteger, nullable=False),
    sa.Column("time", sa.Float, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("diff", sa.Text, nullable=True),
    sa.UniqueConstraint("kind", "id", "entity", "flip"),
    sqlite_autoincrement=True,
)
# What people said of a verdict (``agent/feedback.py``).
FEEDBACK = sa.Table(
    "feedback",
    METADATA,
    sa.Column("investigation_id", sa.String, primary_key=True),
    sa.Column("door", sa.String, primary_key=True),
    sa.Column("person", sa.String, primary_key=True),
    sa.Column("right", sa.Boolean, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
# What each incident is about, to tell which alerts belong to it (``agent/incidents.py``). ``first_at`` is the start of
# the alert that opened it; the entity is in lower case.
INCIDENTS = sa.Table(
    "incidents",
    METADATA,
    sa.Column("investigation_id", sa.String, primary_key=True),
    sa.Column("entity", sa.String, primary_key=True),
    sa.Column("cluster", sa.String, primary_key=True),
    sa.Column("namespace", sa.String, primary_key=True),
    sa.Column("sender_group", sa.String, primary_key=True),
    sa.Column("first_at", sa.Float, nullable=False),
)
sa.Index("incidents_by_entity", INCIDENTS.c.entity, INCIDENTS.c.first_at)
sa.Index("incidents_by_place", INCIDENTS.c.namespace, INCIDENTS.c.cluster, INCIDENTS.c.first_at)
sa.Index("incidents_by_group", INCIDENTS.c.sender_group, INCIDENTS.c.first_at)
sa.Index("investigations_by_status", INVESTIGATIONS.c.status, INVESTIGATIONS.c.created_at)

"""Tables of the ledger. Money is text (Decimal), never a float."""

import sqlalchemy as sa

METADATA = sa.MetaData()

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
)
CALLS = sa.Table(
    "calls",
    METADATA,
    sa.Column("investigation_id", sa.String, primary_key=True),
    sa.Column("call_id", sa.String, primary_key=True),
    sa.Column("tool", sa.String, nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("points", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("usd", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
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

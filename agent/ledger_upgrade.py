"""A ledger file of an earlier version gets the columns and indexes that it lacks."""

import sqlalchemy as sa

from agent.ledger_schema import CALLS, INVESTIGATIONS, METADATA
from agent.ledger_totals import rebuild


def upgrade(db: sa.Connection) -> None:
    """Bring the file of this transaction up to the schema; nothing is lost, and a file that is right is left alone."""
    inspector = sa.inspect(db)
    for table in METADATA.sorted_tables:
        there = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                declared = sa.schema.CreateColumn(column).compile(db.engine)
                db.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {declared}")
        for index in table.indexes:
            index.create(db, checkfirst=True)
        if table is CALLS and "usd" in there:
            _count_earlier_calls(db)


def _count_earlier_calls(db: sa.Connection) -> None:
    """Calls that named their cost as text and neither day nor source: those are their investigation's."""
    mine = INVESTIGATIONS.c.id == CALLS.c.investigation_id

    def of_investigation(value: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
        return sa.func.coalesce(sa.select(value).where(mine).scalar_subquery(), "")

    nano = sa.cast(sa.func.round(sa.cast(sa.literal_column("usd"), sa.Float) * 1e9), sa.BigInteger)
    day = sa.func.strftime("%Y-%m-%d", INVESTIGATIONS.c.created_at, "unixepoch")
    source = sa.func.json_extract(INVESTIGATIONS.c.alert, "$.source")
    db.execute(sa.update(CALLS).values(nano_usd=nano, day=of_investigation(day), source=of_investigation(source)))
    db.exec_driver_sql("ALTER TABLE calls DROP COLUMN usd")
    rebuild(db)

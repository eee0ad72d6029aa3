"""The list of investigations."""

import json

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.ledger import Ledger
from agent.report.text import inert
from agent.settings import Settings
from agent.state import Alert
from agent.times import stamp


def print_listing(settings: Settings, limit: int, as_json: bool) -> None:
    """Newest first: id, when, status, alert, verdict."""
    rows = Ledger(settings.home).investigations(limit)
    if as_json:
        shown = [
            {"id": r.id, "status": r.status, "created_at": r.created_at, "alert": json.loads(r.alert), "headline": r.headline, "probability": r.probability}
            for r in rows
        ]  # fmt: skip
        print(json.dumps(shown, indent=2))
        return
    if not rows:
        print("No investigations yet. Start one with: pcause demo")
        return
    table = Table("id", "created (UTC)", "status", "alert", "verdict", box=None, pad_edge=False)
    for row in rows:
        alert = Alert.model_validate_json(row.alert)
        table.add_row(
            row.id,
            stamp(row.created_at),
            row.status,
            Text(inert(alert.name)),
            Text(inert(row.headline or "")),
        )
    Console().print(table)

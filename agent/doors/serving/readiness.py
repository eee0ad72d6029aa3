"""Whether this server can take an alert now."""

import shutil
from pathlib import Path

from agent.ledger_database import Database, LedgerError
from agent.workers import Workers

LEAST_FREE_BYTES = 100_000_000


def unready(home: Path, workers: Workers) -> list[str]:
    """Why not, one sentence each; empty when it can."""
    reasons = []
    try:
        with Database(home).transaction():  # an immediate one: it has the right to write, or fails
            pass
        free = shutil.disk_usage(home).free
    except LedgerError as error:
        return [str(error)]
    if free < LEAST_FREE_BYTES:
        reasons.append(f"the disk of {home} has {free:,} bytes left, fewer than {LEAST_FREE_BYTES:,}: make room")
    if not workers.alive:
        reasons.append("the workers are not running: the server starts, stops, or must be restarted")
    return reasons

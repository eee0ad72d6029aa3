"""A commit to the shared settings leaves inventory with one of its 24 store connections."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.acting import RESIZE_POOL
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.load import LoadProfile
from evals.lab.source_tree import CommitDraft, Edit

_SMALLER_POOL = CommitDraft(
    "Tomasz Wilk",
    "Tidy shared settings: use the values staging has run with for a month",
    (
        Edit("shop/settings.py", "\nDB_POOL_SIZE = 24\n", "\nDB_POOL_SIZE = 1\n"),
        Edit("shop/settings.py", "SLOW_WAIT_SECONDS = 0.5", "SLOW_WAIT_SECONDS = 0.4"),
    ),
)

FAULT = Fault(
    name="pool-shrunk",
    summary="inventory has one store connection left",
    truth=Truth("inventory", FaultKind.POOL_EXHAUSTION, Remediation.ROLLBACK, _SMALLER_POOL),
    effect=Effect('db_pool_waiting{service="inventory"}', above=2.0),
    inject=lambda world: world.ship(_SMALLER_POOL, "inventory"),
    undo=lambda world: world.roll_back("inventory"),
    remedy=RESIZE_POOL,
    # One connection serves about three baskets a second: the load is above that.
    load=LoadProfile(browse_per_second=5, buy_per_second=5, recommend_per_second=2),
)

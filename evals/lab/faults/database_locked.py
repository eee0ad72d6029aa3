"""A maintenance job holds the write lock of inventory's store, and reservations give up waiting for it."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth

FAULT = Fault(
    name="database-locked",
    summary="a job from outside holds the write lock of inventory's store",
    truth=Truth("inventory", FaultKind.LOCK_CONTENTION, Remediation.NONE),
    effect=Effect(
        'rate(db_lock_wait_seconds_sum{service="inventory"}[10s]) '
        '/ rate(db_lock_wait_seconds_count{service="inventory"}[10s])',
        above=0.1,
    ),
    inject=lambda world: world.lock_database("inventory"),
    undo=lambda world: world.unlock_database("inventory"),
)

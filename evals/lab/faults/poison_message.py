"""An order without an amount is in the queue: notifications cannot confirm it, and what comes after it waits."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth

_NO_AMOUNT = {"payload": {"order": "f00dface", "cents": None, "carrier": "letter post", "shopper": 17}}

FAULT = Fault(
    name="poison-message",
    summary="an order that cannot be confirmed holds up the queue",
    truth=Truth("notifications", FaultKind.BAD_DATA, Remediation.QUARANTINE_DATA),
    effect=Effect('queue_oldest_message_age_seconds{service="broker"}', above=8.0),
    inject=lambda world: world.publish_poison(_NO_AMOUNT),
    undo=lambda world: world.discard_poison(),
)

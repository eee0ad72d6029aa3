"""A commit books the carrier while it holds the lock of the label sequence, so that orders queue for it."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.load import LoadProfile
from evals.lab.source_tree import CommitDraft, Edit

_WIDER_LOCK = CommitDraft(
    "Jonas Brandt",
    "shipping: number a label only once its carrier is booked",
    (
        Edit(
            "shop/shipping.py",
            "        self._book(carrier, request.span)\n        with self._sequence(request.span):\n",
            "        with self._sequence(request.span):\n            self._book(carrier, request.span)\n",
        ),
    ),
)

FAULT = Fault(
    name="lock-contention",
    summary="shipping holds the lock of its label sequence for a round trip to the carrier",
    truth=Truth("shipping", FaultKind.LOCK_CONTENTION, Remediation.ROLLBACK, _WIDER_LOCK),
    effect=Effect(
        'rate(lock_wait_seconds_sum{service="shipping"}[10s]) / rate(lock_wait_seconds_count{service="shipping"}[10s])',
        above=0.4,
    ),
    inject=lambda world: world.ship(_WIDER_LOCK, "shipping"),
    undo=lambda world: world.roll_back("shipping"),
    # Nearly six labels a second are booked one after the other: the load is above that.
    load=LoadProfile(browse_per_second=3, buy_per_second=7, recommend_per_second=2),
)

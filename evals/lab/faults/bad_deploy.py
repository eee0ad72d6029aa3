"""A commit to shipping forgets that most shoppers leave the choice of the carrier to the shop."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.source_tree import CommitDraft, Edit

_CARRIER_NEEDED = CommitDraft(
    "Jonas Brandt",
    "shipping: simplify reading the wanted carrier",
    (
        Edit(
            "shop/shipping.py",
            'wanted = str(request.body.get("carrier") or "").strip().lower()',
            'wanted = request.body["carrier"].strip().lower()',
        ),
    ),
)

FAULT = Fault(
    name="bad-deploy",
    summary="shipping fails for shoppers who name no carrier",
    truth=Truth("shipping", FaultKind.ERROR_REGRESSION, Remediation.ROLLBACK, _CARRIER_NEEDED),
    effect=Effect('sum(rate(http_server_requests_total{service="shipping",status="500"}[10s]))', above=0.5),
    inject=lambda world: world.ship(_CARRIER_NEEDED, "shipping"),
    undo=lambda world: world.roll_back("shipping"),
)

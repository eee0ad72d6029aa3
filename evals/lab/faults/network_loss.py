"""The network on the way to pricing breaks every third connection."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.links import Condition

FAULT = Fault(
    name="network-loss",
    summary="a third of the connections to pricing is reset",
    truth=Truth("pricing", FaultKind.NETWORK_LOSS, Remediation.FAILOVER),
    effect=Effect('sum(rate(http_client_errors_total{peer="pricing"}[10s]))', above=1.0),
    inject=lambda world: world.degrade_link("pricing", Condition(reset_share=0.35)),
    undo=lambda world: world.mend_link("pricing"),
)

"""The network on the way to shipping adds most of half a second in each direction."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.links import Condition

FAULT = Fault(
    name="network-delay",
    summary="0.4 s of delay each way on the link to shipping",
    truth=Truth("shipping", FaultKind.NETWORK_DELAY, Remediation.FAILOVER),
    effect=Effect(
        'rate(http_client_duration_seconds_sum{service="checkout",peer="shipping"}[10s]) '
        '/ rate(http_client_duration_seconds_count{service="checkout",peer="shipping"}[10s])',
        above=1.0,
    ),
    inject=lambda world: world.degrade_link("shipping", Condition(delay_seconds=0.4)),
    undo=lambda world: world.mend_link("shipping"),
)

"""Many more shoppers come than the shop was made for."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth

FAULT = Fault(
    name="traffic-surge",
    summary="eight times as many shoppers as usual",
    truth=Truth("gateway", FaultKind.TRAFFIC_SURGE, Remediation.SCALE),
    effect=Effect('sum(rate(http_server_requests_total{service="gateway"}[10s]))', above=24.0),
    inject=lambda world: world.load.scale(8.0),
    undo=lambda world: world.load.scale(1.0),
)

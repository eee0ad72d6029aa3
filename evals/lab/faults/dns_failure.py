"""The name server fails for the name of catalog; catalog itself is well."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth

FAULT = Fault(
    name="dns-failure",
    summary="the name of catalog cannot be resolved",
    truth=Truth("catalog", FaultKind.DNS, Remediation.NONE),
    effect=Effect('sum(rate(http_client_errors_total{peer="catalog"}[10s]))', above=1.0),
    inject=lambda world: world.break_name("catalog"),
    undo=lambda world: world.mend_name("catalog"),
)

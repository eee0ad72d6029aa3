"""Shipping's certificate has expired, and its callers no longer trust it."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth

FAULT = Fault(
    name="certificate-expired",
    summary="shipping shows an expired certificate",
    truth=Truth("shipping", FaultKind.CERTIFICATE, Remediation.ROTATE_CERTIFICATE),
    effect=Effect('sum(rate(http_client_errors_total{peer="shipping"}[10s]))', above=0.5),
    inject=lambda world: world.certificates.expire(),
    undo=lambda world: world.certificates.renew(),
)

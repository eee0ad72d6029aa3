"""The feature store is gone: its process was killed and does not come back."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth

FAULT = Fault(
    name="dependency-down",
    summary="features is down",
    truth=Truth("features", FaultKind.DEPENDENCY_OUTAGE, Remediation.RESTART),
    effect=Effect('up{service="features"}', below=0.5),
    inject=lambda world: world.hold_down("features"),
    undo=lambda world: world.bring_up("features"),
)

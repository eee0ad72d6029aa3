"""A core dump fills the broker's volume, and no order can be kept."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth

FAULT = Fault(
    name="disk-full",
    summary="the broker's volume is full",
    truth=Truth("broker", FaultKind.DISK_FULL, Remediation.SCALE),
    effect=Effect('volume_used_bytes{service="broker"} / volume_size_bytes', above=0.95),
    inject=lambda world: world.fill_volume("broker"),
    undo=lambda world: world.empty_volume("broker"),
)

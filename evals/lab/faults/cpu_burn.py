"""Somebody's script asks pricing for new price suggestions without end, and its process has no time for anything else."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth

FAULT = Fault(
    name="cpu-burn",
    summary="price suggestions are recomputed without end in pricing",
    truth=Truth("pricing", FaultKind.CPU_SATURATION, Remediation.SCALE),
    effect=Effect('rate(process_cpu_seconds_total{service="pricing"}[10s])', above=0.6),
    inject=lambda world: world.keep_calling("pricing", "/recompute", pause_seconds=0.2),
    undo=lambda world: world.stop_calling("pricing", "/recompute"),
)

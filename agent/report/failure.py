"""The report of an investigation that broke: it says where and why, and shows what was found until then."""

from collections.abc import Mapping
from typing import Any

from agent.ledger import Ledger
from agent.redaction import cut_secrets
from agent.report.build import SCHEMA_VERSION, blind_spots
from agent.report.model import NO_CAUSE, Report
from agent.state import Alert, Scope
from diagnosis.findings import FaultKind, Remediation


def report_of_failure(
    id: str, state: Mapping[str, Any], ledger: Ledger, stage: str, error: BaseException, now: float
) -> Report:
    """A report without a verdict; ``state`` is what the last checkpoint holds."""
    alert = state.get("alert") or Alert.model_validate_json(ledger.investigation(id).alert)
    scope = state.get("scope") or Scope(entities=(), start=alert.fired_at, end=alert.fired_at)
    evidence = tuple(state.get("evidence") or ())
    problem = _problem(stage, error)
    return Report(
        schema_version=SCHEMA_VERSION,
        investigation_id=id,
        title=f"{alert.name} at {alert.entity or 'an unnamed service'}",
        headline=f"{NO_CAUSE}: {problem}.",
        alert=alert,
        cause_found=False,
        nothing_wrong=False,
        probability=0.0,
        fault_kind=FaultKind.UNKNOWN,
        first_failing="",
        change=None,
        change_quote="",
        remediation=Remediation.NONE,
        onset=None,
        blast_radius=(),
        path=(),
        nodes=(),
        claims=(),
        removed_claims=(),
        hypotheses=(),
        ruled_out=(),
        blind_spots=(problem, *blind_spots(list(evidence))),
        next_steps=(),
        action_results=(),
        verification=None,
        prediction=None,
        series=(),
        changes=(),
        timeline=(),
        evidence=evidence,
        ceiling=state.get("ceiling"),
        spend=ledger.spent(id),
        reasoner=str(state.get("reasoner", "")),
        window_start=scope.start,
        window_end=scope.end,
        created_at=now,
    )


def with_trouble(report: Report, stage: str, error: BaseException) -> Report:
    """A report that stands, with what broke after it was written: its verdict is as good as before."""
    return report.model_copy(update={"blind_spots": (_problem(stage, error), *report.blind_spots)})


def _problem(stage: str, error: BaseException) -> str:
    return cut_secrets(f"the investigation broke in {stage}: {type(error).__name__}: {error}")

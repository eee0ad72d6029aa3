"""What the reports of the drills said against what was true."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from evals.lab.drill import Outcome
from evals.lab.mending import Mended
from evals.scores import CONFIDENT


@dataclass(frozen=True)
class Detail:
    """One drill, scored. ``said_change`` and ``true_change`` are "" where no change is named or to blame.

    ``action`` is what was done about it and ``verification`` what the amended report says of that; "" where the drill
    was not to end with an action. ``mended``: the effect went by the action, before the lab undid anything.
    """

    fault: str
    happened: bool
    undone: bool
    alerted: bool
    reported: bool
    true_service: str
    said_service: str
    true_kind: str
    said_kind: str
    true_change: str
    said_change: str
    change_fault: bool
    true_remediation: str
    said_remediation: str
    probability: float
    service_correct: bool
    kind_correct: bool
    change_correct: bool
    confidently_wrong: bool
    seconds_fault_to_alert: float | None
    seconds_alert_to_report: float | None
    action: str
    mended: bool
    verification: str
    seconds_approval_to_gone: float | None
    recording: str
    error: str


def score(outcome: Outcome) -> Detail:
    """Compare one outcome with its truth. Without a report everything that it should have said is wrong."""
    truth, report, mended = outcome.fault.truth, outcome.report or {}, outcome.mended or Mended()
    said_service, said_kind = str(report.get("first_failing", "")), str(report.get("fault_kind", ""))
    said_change = _change(report)
    probability = float(report.get("probability", 0.0))
    service_correct = said_service == truth.service
    change_correct = said_change in outcome.change_names if truth.change is not None else not said_change
    accuses = bool(report.get("cause_found")) or bool(said_change)
    wrong = not service_correct or (bool(said_change) and not change_correct)
    return Detail(
        fault=outcome.fault.name,
        happened=outcome.happened,
        undone=outcome.undone,
        alerted=outcome.alerted_at is not None,
        reported=outcome.report is not None,
        true_service=truth.service,
        said_service=said_service,
        true_kind=truth.kind.value,
        said_kind=said_kind,
        true_change=outcome.change_id,
        change_fault=truth.change is not None,
        said_change=said_change,
        true_remediation=truth.remediation.value,
        said_remediation=str(report.get("remediation", "")),
        probability=probability,
        service_correct=service_correct,
        kind_correct=service_correct and said_kind == truth.kind.value,
        change_correct=outcome.report is not None and change_correct,
        confidently_wrong=accuses and wrong and probability >= CONFIDENT,
        seconds_fault_to_alert=_between(outcome.injected_at, outcome.alerted_at),
        seconds_alert_to_report=_between(outcome.alerted_at, outcome.reported_at),
        action=mended.action,
        mended=mended.seen_gone_at is not None,
        verification=mended.verification,
        seconds_approval_to_gone=_between(mended.approved_at, mended.seen_gone_at),
        recording=outcome.recording,
        error=outcome.error,
    )


def summary(details: Sequence[Detail]) -> dict[str, object]:
    """The one JSON object of a run. ``change_correct`` counts among the ``change_faults`` that a change caused.

    ``mended`` and ``verified`` count among those that were ``acted`` upon.
    """
    to_report = [detail.seconds_alert_to_report for detail in details if detail.seconds_alert_to_report is not None]
    whole = [
        detail.seconds_fault_to_alert + detail.seconds_alert_to_report
        for detail in details
        if detail.seconds_fault_to_alert is not None and detail.seconds_alert_to_report is not None
    ]
    acted = [detail for detail in details if detail.action]
    by_change = [detail for detail in details if detail.change_fault]
    return {
        "faults": len(details),
        "happened": sum(detail.happened for detail in details),
        "alerted": sum(detail.alerted for detail in details),
        "service_correct": sum(detail.service_correct for detail in details),
        "service_and_kind_correct": sum(detail.kind_correct for detail in details),
        "change_correct": sum(detail.change_correct for detail in by_change),
        "change_faults": len(by_change),
        "confidently_wrong": sum(detail.confidently_wrong for detail in details),
        "acted": len(acted),
        "mended": sum(detail.mended for detail in acted),
        "verified": sum(detail.verification == "recovered" for detail in acted),
        "seconds_to_report_p50": _median(to_report),
        "seconds_fault_to_report_p50": _median(whole),
        "details": [asdict(detail) for detail in details],
    }


def _change(report: dict[str, Any]) -> str:
    change = report.get("change")
    return str(change.get("id", "")) if isinstance(change, dict) else ""


def _between(begin: float | None, end: float | None) -> float | None:
    return round(end - begin, 1) if begin is not None and end is not None else None


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 1) if values else None

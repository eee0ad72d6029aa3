"""A report against the truth."""

from typing import Any

from diagnosis.findings import FaultKind, Remediation
from evals.lab.drill import Outcome
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.mending import Mended
from evals.lab.scoring import score, summary
from evals.lab.steps import FlagStep

FLAG = FlagStep("stars", "storefront", True, "A")


def _outcome(report: dict[str, Any] | None, change: FlagStep | None = None, **more: Any) -> Outcome:
    truth = Truth("shipping", FaultKind.DNS, Remediation.NONE, change)
    fault = Fault("x", "", truth, Effect("up", below=1), lambda _: None, lambda _: None)
    names = frozenset(("stars", "stars-17")) if change else frozenset()
    return Outcome(fault, happened=True, report=report, change_names=names, **more)


def _report(service: str, kind: str = "dns", probability: float = 0.9, change: str = "") -> dict[str, Any]:
    named = {"id": change} if change else None
    return {
        "first_failing": service,
        "fault_kind": kind,
        "probability": probability,
        "change": named,
        "cause_found": True,
    }


def test_the_right_service_and_kind_without_an_accused_change_is_right() -> None:
    detail = score(_outcome(_report("shipping"), injected_at=10.0, alerted_at=20.0, reported_at=23.5))
    assert (detail.service_correct, detail.kind_correct, detail.change_correct) == (True, True, True)
    assert (detail.seconds_fault_to_alert, detail.seconds_alert_to_report) == (10.0, 3.5)
    assert not detail.confidently_wrong


def test_a_change_may_be_named_by_any_of_its_ids() -> None:
    for name in ("stars", "stars-17"):
        assert score(_outcome(_report("shipping", change=name), FLAG)).change_correct
    assert not score(_outcome(_report("shipping", change="other"), FLAG)).change_correct


def test_a_wrong_service_or_a_wrong_change_is_confidently_wrong_only_when_it_is_sure() -> None:
    assert score(_outcome(_report("pricing", probability=0.7))).confidently_wrong
    assert not score(_outcome(_report("pricing", probability=0.69))).confidently_wrong
    assert score(_outcome(_report("shipping", change="deadbeef"))).confidently_wrong
    assert not score(_outcome(_report("shipping", kind="bad_data"))).confidently_wrong


def test_the_right_kind_at_the_wrong_service_does_not_count() -> None:
    assert not score(_outcome(_report("pricing"))).kind_correct


def test_without_a_report_nothing_is_right_and_nothing_is_claimed() -> None:
    detail = score(_outcome(None))
    assert not any((detail.service_correct, detail.change_correct, detail.confidently_wrong, detail.reported))


def test_the_summary_counts_changes_only_among_faults_that_a_change_caused() -> None:
    right = score(
        _outcome(_report("shipping", change="stars"), FLAG, injected_at=0.0, alerted_at=8.0, reported_at=10.0)
    )
    found = summary([right, score(_outcome(_report("shipping"))), score(_outcome(None))])
    assert (found["faults"], found["service_correct"], found["change_correct"], found["change_faults"]) == (3, 2, 1, 1)
    assert (found["seconds_to_report_p50"], found["seconds_fault_to_report_p50"]) == (2.0, 10.0)


def test_what_was_done_about_it_counts_where_something_was_done() -> None:
    mended = Mended("roll_back", approved_at=10.0, seen_gone_at=14.5, verification="recovered")
    acted = score(_outcome(_report("shipping"), mended=mended))
    assert (acted.action, acted.mended, acted.seconds_approval_to_gone) == ("roll_back", True, 4.5)
    still = score(_outcome(_report("shipping"), mended=Mended("roll_back", approved_at=10.0)))
    found = summary([acted, still, score(_outcome(_report("shipping")))])
    assert (found["acted"], found["mended"], found["verified"]) == (2, 1, 1)

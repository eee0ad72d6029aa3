"""A claim that lies does not reach the report."""

import json
from pathlib import Path

import pytest

from agent.alerts import parse_alert
from agent.claim_checks import check_claim
from agent.events import Finished
from agent.evidence import EvidenceStore
from agent.investigate import investigate
from agent.nodes.check_claims import supported
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from agent.state import Check, Claim, Verdict
from diagnosis.findings import Attribution, FaultKind, Hypothesis, Remediation


@pytest.fixture
async def report(recording: Path, settings: Settings) -> Report:
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    source = Source(kind="recording", place=str(recording))
    events = [event async for event in investigate(alert, source, settings)]
    assert isinstance(events[-1], Finished)
    return events[-1].report


def problem(report: Report, settings: Settings, claim: Claim) -> str:
    return check_claim(claim, list(report.evidence), EvidenceStore(settings.home / "evidence"))


def one(report: Report, check: Check) -> Claim:
    return next(claim for claim in report.claims if claim.check is check)


async def test_every_claim_of_the_report_holds(report: Report, settings: Settings):
    assert {claim.check for claim in report.claims} >= {
        Check.SERIES_LEVELS,
        Check.SERIES_ONSET,
        Check.PATTERN_COUNTS,
        Check.CHANGE_TIME,
        Check.DIFF_QUOTE,
        Check.EDGE,
    }
    assert [problem(report, settings, claim) for claim in report.claims] == [""] * len(report.claims)


async def test_a_wrong_level_is_caught(report: Report, settings: Settings):
    claim = one(report, Check.SERIES_LEVELS)
    before, after, onset = claim.value
    assert problem(report, settings, claim.model_copy(update={"value": (before, after * 3, onset)}))
    assert problem(report, settings, claim.model_copy(update={"value": (before + 10 * abs(after), after, onset)}))


async def test_an_invented_series_is_caught(report: Report, settings: Settings):
    claim = one(report, Check.SERIES_LEVELS)
    assert "no series" in problem(report, settings, claim.model_copy(update={"subject": ("ghost", "latency")}))


async def test_a_wrong_onset_is_caught(report: Report, settings: Settings):
    claim = one(report, Check.SERIES_ONSET)
    early = claim.model_copy(update={"value": (claim.value[0] - 1800.0,)})
    assert "within the baseline" in problem(report, settings, early)


async def test_a_reversed_order_is_caught(report: Report, settings: Settings):
    series = one(report, Check.SERIES_ONSET)
    subject = (*series.subject, *series.subject)
    claim = series.model_copy(
        update={"check": Check.ORDER, "subject": subject, "value": (series.value[0] + 60, series.value[0])}
    )
    assert "before the cause" in problem(report, settings, claim)


async def test_a_quote_that_is_not_in_the_diff_is_caught(report: Report, settings: Settings):
    claim = one(report, Check.DIFF_QUOTE)
    forged = claim.model_copy(update={"subject": (claim.subject[0], "-STORE_POOL_SIZE = 24\n+STORE_POOL_SIZE = 1")})
    assert "no line" in problem(report, settings, forged)


async def test_an_edge_that_nobody_observed_is_caught(report: Report, settings: Settings):
    claim = one(report, Check.EDGE)
    assert "no call" in problem(report, settings, claim.model_copy(update={"subject": ("store", "price")}))


async def test_a_change_after_the_onset_is_caught(report: Report, settings: Settings):
    claim = one(report, Check.CHANGE_TIME)
    late = claim.model_copy(update={"value": (claim.value[0], claim.value[0] - 60)})
    assert "after the onset" in problem(report, settings, late)


async def test_a_pattern_called_new_that_is_not_is_caught(report: Report, settings: Settings):
    claim = one(report, Check.PATTERN_COUNTS)
    old = claim.model_copy(update={"value": (report.window_end, 1.0)})
    assert "lines before" in problem(report, settings, old)


async def test_a_claim_without_evidence_is_caught(report: Report, settings: Settings):
    claim = report.claims[0].model_copy(update={"evidence_ids": ("E-Q999",)})
    assert "missing" in problem(report, settings, claim)


def test_a_verdict_loses_a_change_that_its_claims_cannot_prove():
    hypothesis = Hypothesis(
        id="H1", entity="store", fault_kind=FaultKind.BAD_CONFIG, remediation=Remediation.ROLLBACK, probability=0.9,
        sentence="x", attribution=Attribution.CHANGE, change_id="a" * 40,
    )  # fmt: skip
    verdict = Verdict(
        nothing_wrong=False, hypothesis=hypothesis, probability=0.9, first_failing="store", fault_kind=FaultKind.BAD_CONFIG,
        change_id="a" * 40, remediation=Remediation.ROLLBACK, path=(), blast_radius=(), onset=1.0, prediction=None,
    )  # fmt: skip
    claim = Claim(
        id="C1", role="change", sentence="its diff says", check=Check.DIFF_QUOTE, evidence_ids=("E",), query="",
        window_start=0, window_end=1, subject=("a", "b"), value=(),
    )  # fmt: skip
    assert supported(verdict, [claim], [claim]).change_id == "a" * 40
    lost = supported(verdict, [claim], [])
    assert (lost.change_id, lost.hypothesis, lost.remediation) == ("", None, Remediation.NONE)

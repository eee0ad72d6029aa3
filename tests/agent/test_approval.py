"""An action that fits the cause: proposed with its dry run, asked for, run once, verified."""

import json
from pathlib import Path

import pytest

from agent.alerts import parse_alert
from agent.approval_card import card
from agent.approvals import ApprovalRefused, Approvals
from agent.audit import Audit
from agent.event_log import EventLog
from agent.events import Finished
from agent.investigate import NotResumable, investigate
from agent.ledger import Ledger
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from agent.steering import steer
from evals.doubles.switchboard import Switchboard, refuse, with_policy
from tests.agent_approvals import answer, go_on, outcomes, wait_for_approval
from tools.spec import Risk


@pytest.fixture
def board(tmp_path: Path) -> Switchboard:
    return Switchboard(tmp_path / "board")


async def test_nothing_runs_before_a_person_decides_and_the_report_is_there(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = with_policy(settings)
    request = await wait_for_approval(recording, settings, board.actions())
    row = Ledger(settings.home).investigation("inv")
    assert (row.status, board.done) == ("waiting", [])
    assert Report.model_validate_json(row.report).cause_found
    assert (request.target, request.needs, request.risk) == ("store", 1, "reversible")
    shown = dict(card(request))
    assert shown["Argument entity"] == '"store"'
    assert shown["Effect"] == "store goes back"
    assert shown["Argument change"] == json.dumps(json.loads(request.arguments)["change"])
    assert EventLog(settings.home).since("inv")[-1].body == {"requests": [request.id]}


async def test_without_a_policy_nothing_is_offered(recording: Path, settings: Settings, board: Switchboard):
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    source = Source(kind="recording", place=str(recording))
    events = [event async for event in investigate(alert, source, settings, actions=board.actions())]
    last = events[-1]
    assert isinstance(last, Finished)
    forbidden = [step for step in last.report.next_steps if step.risk == "forbidden"]
    assert ["there is no rule" in step.sentence for step in forbidden] == [True]
    assert Approvals(settings).pending() == ()


@pytest.mark.parametrize(("decision", "risk"), [("allow_dry_run", "dry_run"), ("never", "forbidden")])
async def test_a_rule_may_allow_the_dry_run_only_or_nothing(
    recording: Path, settings: Settings, board: Switchboard, decision: str, risk: str
):
    settings = with_policy(settings, rules=[{"action": "*", "decision": decision}])
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    source = Source(kind="recording", place=str(recording))
    last = [event async for event in investigate(alert, source, settings, actions=board.actions())][-1]
    assert isinstance(last, Finished)
    (step,) = [step for step in last.report.next_steps if step.name == "roll_back"]
    assert (step.risk, bool(step.effect)) == (risk, risk == "dry_run")
    assert board.done == []


async def test_an_approved_action_runs_once_and_is_verified(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings)
    request = await wait_for_approval(recording, settings, board.actions())
    assert answer(settings, request)
    assert Ledger(settings.home).investigation("inv").status == "decided"
    last = await go_on(settings, board.actions())
    assert isinstance(last, Finished)
    assert [line["what"] for line in board.done] == ["run"]
    assert [result.outcome for result in last.report.action_results] == ["done"]
    assert last.report.verification is not None
    with pytest.raises(NotResumable):
        await go_on(settings, board.actions())
    whats = [row.what for row in Audit(settings.home).of("inv")]
    assert whats == ["requested", "approved", "running", "done"]
    assert Audit(settings.home).verify() == ""


async def test_a_rejected_action_does_not_run_and_keeps_the_reason(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = with_policy(settings)
    request = await wait_for_approval(recording, settings, board.actions())
    answer(settings, request, approved=False, reason="deploy freeze")
    assert await outcomes(settings, board.actions()) == [("rejected", "deploy freeze")]
    assert board.done == []


async def test_who_says_that_the_cause_is_wrong_gets_another_one(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = with_policy(settings)
    request = await wait_for_approval(recording, settings, board.actions())
    before = Report.model_validate_json(Ledger(settings.home).investigation("inv").report)
    answer(settings, request, approved=False, reason="that deploy was rolled back at noon", wrong_cause=True)
    last = await go_on(settings, board.actions())
    report = last.report if isinstance(last, Finished) else None
    assert report is not None
    assert report.headline != before.headline
    assert any("ann says so: that deploy was rolled back at noon" in item.reason for item in report.ruled_out)
    assert all(h.identity != before.hypotheses[0].identity for h in report.hypotheses)
    assert sum(h.probability for h in report.hypotheses) == pytest.approx(1.0, abs=0.01)


async def test_steering_takes_back_what_waits(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings)
    request = await wait_for_approval(recording, settings, board.actions())
    with pytest.raises(ValueError, match="no hypothesis H99"):
        steer(settings.home, "inv", "bob", "no", ("H99",))
    assert steer(settings.home, "inv", "bob", "it was rolled back", ("H1",))
    assert Approvals(settings).pending("inv") == ()
    with pytest.raises(ApprovalRefused, match="withdrawn already"):
        answer(settings, request)
    last = await go_on(settings, board.actions())
    assert isinstance(last, Finished)
    assert any("bob says so" in item.reason for item in last.report.ruled_out)
    assert board.done == []


async def test_a_waiting_investigation_is_not_resumed_without_a_decision(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = with_policy(settings)
    await wait_for_approval(recording, settings, board.actions())
    with pytest.raises(NotResumable, match="waits for a decision"):
        await go_on(settings, board.actions())
    assert Ledger(settings.home).investigation("inv").status == "waiting"


async def test_two_people_must_agree_on_what_destroys(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings)
    actions = board.actions(Risk.DESTRUCTIVE)
    request = await wait_for_approval(recording, settings, actions)
    assert request.needs == 2
    assert not answer(settings, request, "ann")
    with pytest.raises(ApprovalRefused, match="a second person"):
        answer(settings, request, "ann")
    with pytest.raises(NotResumable):
        await go_on(settings, actions)
    assert answer(settings, request, "bob")
    assert (await outcomes(settings, actions))[0][0] == "done"


async def test_who_asked_may_be_barred(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings, requester_may_approve=False)
    request = await wait_for_approval(recording, settings, board.actions(), by="slack:U0ANN")
    with pytest.raises(ApprovalRefused, match="somebody else"):
        answer(settings, request, "ann")
    assert answer(settings, request, "bob")


async def test_what_nobody_decides_expires_and_the_investigation_ends(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = with_policy(settings)
    request = await wait_for_approval(recording, settings, board.actions())
    later = Approvals(settings, now=lambda: request.expires_at + 1)
    with pytest.raises(ApprovalRefused, match="has expired"):
        later.ticket(request.id, "terminal", "ann")
    later.expire()
    assert await outcomes(settings, board.actions()) == [("rejected", "nobody decided in time")]
    assert board.done == []


async def test_the_policy_is_asked_again_just_before(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings)
    request = await wait_for_approval(recording, settings, board.actions())
    answer(settings, request)
    with_policy(settings, rules=[{"action": "*", "decision": "never"}])
    ((outcome, detail),) = await outcomes(settings, board.actions())
    assert (outcome, "forbids" in detail, board.done) == ("refused", True, [])


async def test_who_is_no_approver_any_more_does_not_count(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings)
    request = await wait_for_approval(recording, settings, board.actions())
    answer(settings, request)
    with_policy(settings, approvers=[{"name": "bob", "terminal": "bob"}])
    ((outcome, detail),) = await outcomes(settings, board.actions())
    assert (outcome, "0 of the 1" in detail, board.done) == ("refused", True, [])


async def test_a_target_that_changed_meanwhile_is_left_alone(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings)
    request = await wait_for_approval(recording, settings, board.actions())
    answer(settings, request)
    board.change("two")
    ((outcome, _),) = await outcomes(settings, board.actions())
    assert (outcome, board.done) == ("changed", [])


@pytest.mark.parametrize(
    ("asks", "expected"), [(True, ("done", "it took effect (the line went dead)")), (False, ("unknown", ""))]
)
async def test_an_action_that_breaks_off_asks_its_target(
    recording: Path, settings: Settings, tmp_path: Path, asks: bool, expected: tuple[str, str]
):
    settings = with_policy(settings)
    board = Switchboard(tmp_path / "board", refuse, asks)
    request = await wait_for_approval(recording, settings, board.actions())
    answer(settings, request)
    ((outcome, detail),) = await outcomes(settings, board.actions())
    assert outcome == expected[0]
    assert expected[1] in detail
    assert len(board.done) == 1


@pytest.mark.parametrize(("happened", "runs", "outcome"), [(True, 0, "done"), (False, 1, "done")])
async def test_what_was_begun_before_a_crash_asks_its_target(
    recording: Path, settings: Settings, board: Switchboard, happened: bool, runs: int, outcome: str
):
    settings = with_policy(settings)
    actions = board.actions()
    request = await wait_for_approval(recording, settings, actions)
    answer(settings, request)
    assert Ledger(settings.home).claim_action(request.action_key, "inv")
    if happened:
        spec = actions["roll_back"]
        spec.run(spec.arguments.model_validate_json(request.arguments), request.action_key)
    before = len(board.done)
    ((found, _),) = await outcomes(settings, actions)
    assert (found, len(board.done) - before) == (outcome, runs)

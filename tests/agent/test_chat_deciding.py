"""Deciding and steering in the chat, in a real pseudo-terminal: the card first, exact words, one execution."""

import asyncio
import os
import pwd
from pathlib import Path

import pytest

from agent.approvals import Approvals
from agent.audit import Audit
from agent.ledger import Ledger
from agent.report.model import Report
from agent.settings import Settings
from agent.steering import told
from evals.doubles.switchboard import POLICY, Switchboard, with_policy
from tests.agent.chat_terminal import Terminal, terminal
from tests.agent_approvals import wait_for_approval

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def waiting(recording: Path, tmp_path: Path) -> Settings:
    """An investigation ``inv`` that waits for an approval of whoever runs this."""
    approvers = [{"name": "me", "terminal": ME}, *POLICY["approvers"]]
    settings = with_policy(Settings(home=tmp_path / "home"), approvers=approvers)
    asyncio.run(wait_for_approval(recording, settings, Switchboard(tmp_path / "board").actions()))
    return settings


def test_an_action_is_approved_after_its_whole_card_and_runs_once(waiting: Settings, tmp_path: Path):
    board = Switchboard(tmp_path / "board")
    (request,) = Approvals(waiting).pending("inv")
    with terminal(waiting.home, "inv", board=str(tmp_path / "board"), rows=60) as chat:
        chat.until("Waits for approval: roll_back of store")
        shown = chat.ask("/approve", "to approve exactly this")
        for label in (
            "Action",
            "Target",
            "Argument change",
            "Effect",
            "Risk",
            "Because",
            "Approvals",
            "Policy",
            "Expires",
        ):
            assert label in shown, shown
        assert request.arguments_hash[:16] in shown
        chat.type("yes")
        chat.until("Not approved: nothing was done.")
        assert board.done == []
        chat.ask("approve it", "Asking runs nothing")
        chat.ask("/approve", "to approve exactly this")
        chat.child.sendintr()
        chat.until("Not approved: nothing was done.")
        chat.ask("/approve", "to approve exactly this")
        chat.type("yes roll_back")
        chat.until("roll_back of store: approved")
        chat.until("Verdict", 90)
        assert [line["what"] for line in board.done] == ["run"]
        chat.ask("/approve", "Nothing waits for an approval")
        assert chat.leave() == 0
    (after,) = Approvals(waiting).requests("inv")
    assert [(vote.by, vote.door) for vote in after.votes] == [("me", "terminal")]
    assert Audit(waiting.home).verify() == ""


def test_tab_completes_an_action_and_its_service(waiting: Settings, tmp_path: Path):
    with terminal(waiting.home, "inv", board=str(tmp_path / "board"), rows=60) as chat:
        chat.ask("which services are there?", "3 services")
        chat.mark()
        for typed, offered in (("/act ro", "roll_back"), (" sto", "store")):
            chat.child.send(typed)
            chat.until(offered)  # the menu
            chat.child.send("\t")
        chat.until("> /act roll_back store")


def test_a_rejection_keeps_its_reason(waiting: Settings, tmp_path: Path):
    with terminal(waiting.home, "inv", board=str(tmp_path / "board"), rows=60) as chat:
        chat.ask("/reject not during the sale", "to reject it")
        chat.type("no roll_back")
        chat.until("roll_back of store: rejected")
        chat.until("Verdict", 90)
    assert Switchboard(tmp_path / "board").done == []
    (after,) = Approvals(waiting).requests("inv")
    assert [(vote.approved, vote.reason) for vote in after.votes] == [(False, "not during the sale")]


def test_who_is_no_approver_sees_the_card_and_cannot_decide(recording: Path, tmp_path: Path):
    settings = with_policy(Settings(home=tmp_path / "home"))
    asyncio.run(wait_for_approval(recording, settings, Switchboard(tmp_path / "board").actions()))
    with terminal(settings.home, "inv", board=str(tmp_path / "board"), rows=60) as chat:
        shown = chat.ask("/approve", "You cannot decide this")
        assert "Argument change" in shown
    assert Switchboard(tmp_path / "board").done == []


def test_steering_away_from_the_cause_takes_back_what_waits_and_goes_on(waiting: Settings, tmp_path: Path):
    with terminal(waiting.home, "inv", board=str(tmp_path / "board"), rows=60) as chat:
        chat.ask("/hypotheses", "H1")
        chat.ask(
            "/steer H1 is wrong because that deploy was rolled back long ago", "Noted; it is weighed again without"
        )
        settle(chat, waiting, "inv")
    (first, *_) = Approvals(waiting).requests("inv")
    assert first.state == "withdrawn"
    assert Switchboard(tmp_path / "board").done == []
    assert [item.by for item in told(waiting.home, "inv")] == [f"terminal:{ME}"]


def test_an_ended_one_is_weighed_again_without_a_cause_that_somebody_says_is_wrong(waiting: Settings, tmp_path: Path):
    with terminal(waiting.home, "inv", board=str(tmp_path / "board"), rows=60) as chat:
        chat.ask("/reject no", "to reject it")
        chat.type("no roll_back")
        chat.until("Verdict", 90)
        before = Report.model_validate_json(Ledger(waiting.home).investigation("inv").report)
        chat.ask("H1 is wrong, the pool was not touched", "it is weighed again without")
        settle(chat, waiting, "inv")
    (row,) = Ledger(waiting.home).investigations()
    after = Report.model_validate_json(row.report)
    assert after.headline != before.headline
    assert [item.text for item in told(waiting.home, "inv")] == ["H1 is wrong, the pool was not touched"]


def settle(chat: Terminal, settings: Settings, id: str) -> None:
    """Until it does not run any more."""
    for _ in range(200):
        chat.pump(0.3)
        if Ledger(settings.home).investigation(id).status in ("done", "failed", "waiting"):
            return
    raise AssertionError(chat.shown)

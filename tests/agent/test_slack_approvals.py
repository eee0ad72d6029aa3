"""Approving and rejecting in Slack, end to end: what is shown is what runs, once, and only by who may."""

import asyncio
import json
from pathlib import Path
from typing import Any

from agent.approval_card import card
from agent.approvals import Approvals
from agent.audit import Audit
from agent.doors.slacking.threads import Threads
from agent.ledger import Ledger
from agent.settings import Settings
from evals.doubles.switchboard import Switchboard, with_policy
from tests.agent_approvals import outcomes, wait_for_approval
from tests.conftest import GUILTY
from tests.slack_double import SlackDouble
from tests.slack_room import ANN, BOB, EVE, room, until
from tests.slack_rules import shown


async def asked(settings: Settings, recording: Path, board: Switchboard, double: SlackDouble) -> str:
    """An investigation that waits, with a conversation about it; the timestamp of what was asked."""
    await wait_for_approval(recording, settings, board.actions())
    question = double.note("C1", ANN, "investigate front")
    Threads(settings.home).open("slack:C1:1", "C1", question["ts"], question["ts"], "inv", ANN)
    return str(question["ts"])


def buttons(message: dict[str, Any]) -> list[str]:
    return [e["action_id"] for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]


async def waiting_message(double: SlackDouble, ts: str) -> dict[str, Any]:
    return await until(lambda: next((m for m in double.ours("C1", ts) if m.get("blocks") and buttons(m)), None))


async def test_an_action_is_approved_after_all_of_it_was_shown(
    settings: Settings, recording: Path, tmp_path: Path, double: SlackDouble
):
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    async with room(settings, recording, double, working=False):
        ts = await asked(settings, recording, board, double)
        message = await waiting_message(double, ts)
        (request,) = Approvals(settings).pending("inv")
        await double.press(ANN, "C1", message, "pcause_approve")
        (view,) = await until(lambda: double.views)
        seen = shown(view["blocks"])
        assert [text for label, text in card(request) if text and text not in seen] == []
        assert json.dumps(GUILTY) in seen
        assert board.done == [], "nothing runs before the answer"
        await double.submit(ANN, view)
        await until(lambda: Ledger(settings.home).investigation("inv").status == "decided")
        await until(lambda: "*Approved:*" in shown(message["blocks"]))
        assert buttons(message) == []
        assert "ann (slack)" in shown(message["blocks"])
        assert [outcome for outcome, _ in await outcomes(settings, board.actions())] == ["done"]
        await until(lambda: Threads(settings.home).of_investigation("inv")[0].state == "closed")
    assert len(board.done) == 1
    assert json.loads(request.arguments)["change"] == board.done[0]["change"]
    assert "done" in shown(message["blocks"])
    assert [(row.actor, row.door) for row in Audit(settings.home).of("inv") if row.what == "approved"] == [
        ("ann", "slack")
    ]
    assert Audit(settings.home).verify() == ""


async def test_a_rejection_has_a_reason_and_may_blame_the_cause(
    settings: Settings, recording: Path, tmp_path: Path, double: SlackDouble
):
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    async with room(settings, recording, double, working=False):
        ts = await asked(settings, recording, board, double)
        message = await waiting_message(double, ts)
        await double.press(BOB, "C1", message, "pcause_reject")
        (view,) = await until(lambda: double.views)
        await double.submit(BOB, view, "it is <!channel> the disk", wrong=True)
        (request,) = await until(lambda: [r for r in Approvals(settings).requests("inv") if r.state == "rejected"])
        await until(lambda: "Rejected" in shown(message["blocks"]))
    assert (request.votes[0].by, request.votes[0].reason, request.wrong_cause) == (
        "bob",
        "it is <!channel> the disk",
        True,
    )
    assert "it is &lt;!channel&gt; the disk" in shown(message["blocks"])
    assert board.done == []


async def test_who_is_no_approver_is_told_alone_and_sees_no_dialogue(
    settings: Settings, recording: Path, tmp_path: Path, double: SlackDouble
):
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    async with room(settings, recording, double, working=False):
        ts = await asked(settings, recording, board, double)
        message = await waiting_message(double, ts)
        await double.press(EVE, "C1", message, "pcause_approve")
        (whisper,) = await until(lambda: double.whispers)
    assert (whisper["user"], "no approver" in whisper["text"], double.views) == (EVE, True, [])
    assert len(Approvals(settings).pending("inv")) == 1


async def test_a_dialogue_of_another_or_sent_twice_does_not_count(
    settings: Settings, recording: Path, tmp_path: Path, double: SlackDouble
):
    settings = with_policy(settings, rules=[{"decision": "ask_two"}])
    board = Switchboard(tmp_path / "board")
    async with room(settings, recording, double, working=False):
        ts = await asked(settings, recording, board, double)
        message = await waiting_message(double, ts)
        await double.press(ANN, "C1", message, "pcause_approve")
        (view,) = await until(lambda: double.views)
        await double.submit(BOB, view)
        await until(lambda: len(double.whispers) == 1)
        assert "did not count" in double.whispers[0]["text"]
        await asyncio.gather(*(double.submit(ANN, view) for _ in range(5)))
        await until(lambda: len(double.whispers) == 6)
        await until(lambda: "1 of 2 given" in shown(message["blocks"]))
    (request,) = Approvals(settings).pending("inv")
    assert [vote.by for vote in request.votes] == ["ann"]
    told = sorted(whisper["text"][:12] for whisper in double.whispers)
    assert told.count("Counted: 1 o") == 1
    assert {whisper["user"] for whisper in double.whispers} == {ANN, BOB}


async def test_a_forged_ticket_counts_for_nothing(
    settings: Settings, recording: Path, tmp_path: Path, double: SlackDouble
):
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    async with room(settings, recording, double, working=False):
        ts = await asked(settings, recording, board, double)
        await waiting_message(double, ts)
        (request,) = Approvals(settings).pending("inv")
        for ticket in ("", request.id, "a.b", Approvals(settings).ticket(request.id, "terminal", "ann")):
            told = {"ticket": ticket, "channel": "C1", "thread_ts": ts}
            await double.submit(ANN, {"callback_id": "pcause_approve", "private_metadata": json.dumps(told)})
        await until(lambda: len(double.whispers) == 4)
    assert (Approvals(settings).pending("inv")[0].votes, board.done) == ((), [])

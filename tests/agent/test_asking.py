"""An action that a person asks for by its name: a ticket, a silence, the way back. It is approved and run like any other."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.alone import WaitsForDecision
from agent.approval_card import card
from agent.approvals import Approvals
from agent.asking import CannotAsk, ask_for, ask_undo
from agent.audit import Audit
from agent.event_log import EventLog
from agent.events import ApprovalNeeded, Finished
from agent.ledger import Ledger
from agent.report.model import Report
from agent.settings import Settings
from agent.steering import steer
from evals.doubles.switchboard import Switchboard, with_policy
from tests.agent_approvals import answer, go_on, outcomes, wait_for_approval
from tools.actions.spec import ActionError, ActionSpec

_RULES = [{"action": "*", "decision": "ask"}]


@pytest.fixture
def board(tmp_path: Path) -> Switchboard:
    return Switchboard(tmp_path / "board")


def specs_of(board: Switchboard) -> Mapping[str, ActionSpec[Any]]:
    """With a ticket that no verdict proposes."""
    known = board.actions()
    ticket = replace(
        known["roll_back"], name="open_ticket", summary="Open a ticket.", remediations=frozenset(), undo=None
    )
    return {**known, "open_ticket": ticket}


async def ended(recording: Path, settings: Settings, board: Switchboard) -> Settings:
    """An investigation whose proposal was turned down."""
    settings = with_policy(settings, rules=_RULES)
    answer(settings, await wait_for_approval(recording, settings, specs_of(board)), approved=False, reason="not now")
    await go_on(settings, specs_of(board))
    assert Ledger(settings.home).investigation("inv").status == "done"
    return settings


async def test_no_verdict_proposes_what_mends_nothing(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings, rules=_RULES)
    await wait_for_approval(recording, settings, specs_of(board))
    assert [request.action for request in Approvals(settings).pending()] == ["roll_back"]


async def test_an_ended_investigation_is_taken_up_for_what_a_person_asks(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = await ended(recording, settings, board)
    action = await ask_for("inv", "open_ticket", settings, "terminal:bob", specs=specs_of(board))
    (request,) = Approvals(settings).pending("inv")
    assert (request.id, request.requested_by) == (action.request_id, "terminal:bob")
    assert ("Asked by", "terminal:bob") in card(request)
    assert "Prediction" not in dict(card(request))
    assert Ledger(settings.home).investigation("inv").status == "waiting"
    assert board.done == []
    assert answer(settings, request)
    last = await go_on(settings, specs_of(board))
    assert isinstance(last, Finished)
    assert [line["what"] for line in board.done] == ["run"]
    assert [r.outcome for r in last.report.action_results] == ["rejected", "done"]
    # A ticket is no cure, so nobody measures whether it was one.
    assert last.report.verification is None
    assert [row.what for row in Audit(settings.home).of("inv")][-4:] == ["requested", "approved", "running", "done"]


async def test_it_runs_when_it_is_approved_while_what_was_proposed_waits_on(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = with_policy(settings, rules=_RULES)
    proposed = await wait_for_approval(recording, settings, specs_of(board))
    await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    asked = next(r for r in Approvals(settings).pending("inv") if r.id != proposed.id)
    assert answer(settings, asked)
    assert isinstance(await go_on(settings, specs_of(board)), ApprovalNeeded)
    assert Ledger(settings.home).investigation("inv").status == "waiting"
    assert len(board.done) == 1
    assert [request.id for request in Approvals(settings).pending("inv")] == [proposed.id]
    assert answer(settings, proposed)
    assert [outcome for outcome, _ in await outcomes(settings, specs_of(board))] == ["done", "done"]
    assert len(board.done) == 2
    assert Ledger(settings.home).investigation("inv").status == "done"


async def test_what_was_proposed_does_not_wait_for_it(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings, rules=_RULES)
    proposed = await wait_for_approval(recording, settings, specs_of(board))
    await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    assert answer(settings, proposed)
    assert [outcome for outcome, _ in await outcomes(settings, specs_of(board))] == ["done"]
    assert Ledger(settings.home).investigation("inv").status == "waiting"
    with pytest.raises(WaitsForDecision):
        await go_on(settings, specs_of(board))
    (asked,) = Approvals(settings).pending("inv")
    assert answer(settings, asked)
    assert [outcome for outcome, _ in await outcomes(settings, specs_of(board))] == ["done", "done"]
    assert Ledger(settings.home).investigation("inv").status == "done"


async def test_what_is_approved_and_runs_next_is_not_asked_for_again(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = await ended(recording, settings, board)
    await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    (request,) = Approvals(settings).pending("inv")
    assert answer(settings, request)
    Ledger(settings.home).set_status("inv", "waiting")  # as where nobody goes on with it yet
    with pytest.raises(ActionError, match="approved already, and runs next"):
        await ask_for("inv", "open_ticket", settings, "terminal:bob", specs=specs_of(board))


async def test_killed_while_asking_nothing_is_lost(
    recording: Path, settings: Settings, board: Switchboard, monkeypatch: pytest.MonkeyPatch
):
    settings = await ended(recording, settings, board)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(EventLog, "tell", full)
        with pytest.raises(OSError, match="No space left"):
            await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    (request,) = Approvals(settings).pending("inv")
    assert Ledger(settings.home).investigation("inv").status == "waiting"
    assert answer(settings, request)
    assert (await outcomes(settings, specs_of(board)))[-1][0] == "done"


async def test_so_many_can_be_asked_for_and_no_more(recording: Path, settings: Settings, board: Switchboard):
    settings = await ended(recording, settings, board)
    for _ in range(10):
        await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
        (request,) = Approvals(settings).pending("inv")
        answer(settings, request, approved=False)
        await go_on(settings, specs_of(board))
    with pytest.raises(CannotAsk, match="10 actions were asked for"):
        await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))


async def test_a_report_that_stands_survives_what_cannot_be_taken_up(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = await ended(recording, settings, board)
    before = Report.model_validate_json(Ledger(settings.home).investigation("inv").report)
    await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    (request,) = Approvals(settings).pending("inv")
    answer(settings, request)
    moved = recording.rename(recording.with_name("elsewhere"))
    try:
        last = await go_on(settings, specs_of(board))
    finally:
        moved.rename(recording)
    assert isinstance(last, Finished)
    assert (last.report.headline, last.report.probability) == (before.headline, before.probability)
    assert "the investigation broke in" in last.report.blind_spots[0]
    assert Ledger(settings.home).investigation("inv").status == "failed"
    # With what was missing it goes on.
    assert (await outcomes(settings, specs_of(board)))[-1][0] == "done"


async def test_what_was_done_can_be_undone_after_its_cause_was_said_to_be_wrong(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = with_policy(settings, rules=_RULES)
    answer(settings, await wait_for_approval(recording, settings, specs_of(board)))
    await go_on(settings, specs_of(board))
    await ask_undo("inv", settings, "terminal:ann", specs=specs_of(board))
    steer(settings.home, "inv", "bob", "it was not that", ("H1",))
    (undo,) = Approvals(settings).pending("inv")  # it rests on no cause, so it waits on
    await go_on_or_wait(settings, board)
    answer(settings, undo)
    await go_on(settings, specs_of(board))
    assert [line["what"] for line in board.done] == ["run", "undo version 2"]


async def go_on_or_wait(settings: Settings, board: Switchboard) -> None:
    if Ledger(settings.home).investigation("inv").status == "decided":
        await go_on(settings, specs_of(board))


async def test_asked_twice_it_waits_once_and_after_a_refusal_it_can_be_asked_again(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = await ended(recording, settings, board)
    first = await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    again = await ask_for("inv", "open_ticket", settings, "terminal:bob", specs=specs_of(board))
    assert first.request_id == again.request_id
    (request,) = Approvals(settings).pending("inv")
    answer(settings, request, approved=False, reason="wrong queue", wrong_cause=True)
    before = Ledger(settings.home).investigation("inv").headline
    assert (await outcomes(settings, specs_of(board)))[-1] == ("rejected", "wrong queue")
    assert Ledger(settings.home).investigation("inv").headline == before  # it rested on no cause
    third = await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    assert third.request_id not in ("", first.request_id)


async def test_the_way_back_can_be_asked_for(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings, rules=_RULES)
    specs = specs_of(board)
    with pytest.raises(LookupError):
        await ask_undo("inv", settings, "terminal:ann", specs=specs)
    answer(settings, await wait_for_approval(recording, settings, specs))
    await go_on(settings, specs)
    await ask_undo("inv", settings, "terminal:ann", specs=specs)
    (request,) = Approvals(settings).pending("inv")
    assert dict(card(request))["Effect"] == "store goes to version 2 again"
    answer(settings, request)
    await go_on(settings, specs)
    assert [line["what"] for line in board.done] == ["run", "undo version 2"]
    with pytest.raises(CannotAsk, match="nothing was done"):
        await ask_undo("inv", settings, "terminal:ann", specs=specs)


async def test_what_does_not_fit_or_is_not_allowed_is_not_asked(
    recording: Path, settings: Settings, board: Switchboard
):
    settings = await ended(recording, settings, board)
    with pytest.raises(ActionError, match="there is no action 'reboot'; there is open_ticket, roll_back"):
        await ask_for("inv", "reboot", settings, "terminal:ann", specs=specs_of(board))
    with pytest.raises(CannotAsk, match="no service 'billing'"):
        await ask_for("inv", "open_ticket", settings, "terminal:ann", service="billing", specs=specs_of(board))
    with pytest.raises(CannotAsk, match="recorded"):
        await ask_for("inv", "open_ticket", settings, "terminal:ann")
    settings = with_policy(settings, rules=[{"action": "*", "decision": "never"}])
    action = await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    assert (action.risk, action.request_id) == ("forbidden", "")
    assert Ledger(settings.home).investigation("inv").status == "done"
    assert board.done == []


async def test_a_running_one_is_not_added_to(recording: Path, settings: Settings, board: Switchboard):
    settings = await ended(recording, settings, board)
    Ledger(settings.home).set_status("inv", "running")
    with pytest.raises(CannotAsk, match="inv is running"):
        await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))


async def test_who_asks_may_be_barred_from_approving(recording: Path, settings: Settings, board: Switchboard):
    settings = with_policy(settings, rules=_RULES, requester_may_approve=False)
    answer(settings, await wait_for_approval(recording, settings, specs_of(board)), approved=False)
    await go_on(settings, specs_of(board))
    await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    (request,) = Approvals(settings).pending("inv")
    with pytest.raises(Exception, match="ann asked for it, and somebody else must approve it"):
        answer(settings, request, "ann")
    assert answer(settings, request, "bob")


async def test_nobody_answers_in_time(recording: Path, settings: Settings, board: Switchboard):
    settings = await ended(recording, settings, board)
    import time

    await ask_for("inv", "open_ticket", settings, "terminal:ann", specs=specs_of(board))
    Approvals(settings, lambda: time.time() + 86_400).expire()
    assert Ledger(settings.home).investigation("inv").status == "decided"
    assert (await outcomes(settings, specs_of(board)))[-1] == ("rejected", "nobody decided in time")
    assert Report.model_validate_json(Ledger(settings.home).investigation("inv").report).cause_found

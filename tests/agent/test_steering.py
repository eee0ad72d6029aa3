"""What people say of causes: read as little as they say, and weighed again even where the investigation has ended."""

from pathlib import Path

import pytest

from agent.events import Compared, Finished
from agent.firings import Firings
from agent.investigate import replay
from agent.ledger import Ledger
from agent.past_incidents import confirm, is_confirmed
from agent.report.model import Report
from agent.settings import Settings
from agent.steering import shown_hypotheses, steer, wrong_hypotheses
from evals.doubles.switchboard import Switchboard, with_policy
from tests.agent_approvals import answer, go_on, wait_for_approval


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("H2 is wrong because the cache was off", ("H2",)),
        ("H1 is right, H2 is wrong", ("H2",)),
        ("H1 and h2 are wrong", ("H1", "H2")),
        ("H1, H3 are innocent. H2 can't be it", ("H1", "H3", "H2")),
        ("H2: wrong, we rolled back", ("H2",)),
        ("exclude H2 and H3", ("H2", "H3")),
        ("please rule out H3", ("H3",)),
        ("do not exclude H3", ()),
        ("H2 is not wrong", ()),
        ("H2 isn't wrong", ()),
        ("is H2 wrong?", ()),
        ("what did H2 find out?", ()),
        ("H1 ran out of memory, why", ()),
        ("tell me whether H2 is it", ()),
        ("the wrong thing is H2", ()),
    ],
)
def test_only_what_is_said_to_be_wrong_is_excluded(text: str, ids: tuple[str, ...]):
    assert wrong_hypotheses(text) == ids


async def test_what_was_approved_does_not_run_when_somebody_says_then_that_its_cause_is_wrong(
    recording: Path, settings: Settings, tmp_path: Path
):
    board = Switchboard(tmp_path / "board")
    settings = with_policy(settings)
    assert answer(settings, await wait_for_approval(recording, settings, board.actions()))
    steer(settings.home, "inv", "bob", "that deploy was rolled back", ("H1",))
    last = await go_on(settings, board.actions())
    assert isinstance(last, Finished)
    results = [(result.outcome, result.detail) for result in last.report.action_results]
    assert results == [("refused", "bob says that its cause is wrong")]
    assert board.done == []
    # What was said after the last weighing is heard by whoever goes on.
    assert Ledger(settings.home).investigation("inv").status == "decided"
    again = await go_on(settings, board.actions())
    assert isinstance(again, Finished)
    assert any("bob says so" in item.reason for item in again.report.ruled_out)


async def test_a_replay_hears_what_people_said(recording: Path, settings: Settings, tmp_path: Path):
    board = Switchboard(tmp_path / "board")
    settings = with_policy(settings)
    answer(settings, await wait_for_approval(recording, settings, board.actions()), approved=False)
    await go_on(settings, board.actions())
    steer(settings.home, "inv", "bob", "it was not that", ("H1",))
    await go_on(settings, board.actions())
    last = [event async for event in replay("inv", settings)][-1]
    assert isinstance(last, Compared)
    assert "hypotheses" not in last.differences and "probability" not in last.differences


async def test_when_every_cause_is_said_to_be_wrong_none_is_named(recording: Path, settings: Settings, tmp_path: Path):
    board = Switchboard(tmp_path / "board")
    settings = with_policy(settings)
    answer(settings, await wait_for_approval(recording, settings, board.actions()), approved=False)
    await go_on(settings, board.actions())
    shown = tuple(shown_hypotheses(settings.home, "inv"))
    steer(settings.home, "inv", "bob", "none of these", shown)
    report = Report.model_validate_json(Ledger(settings.home).investigation("inv").report)
    for _ in range(3):  # what was not shown comes up, and is said to be wrong as well
        last = await go_on(settings, board.actions())
        assert isinstance(last, Finished)
        report = last.report
        shown = tuple(
            id
            for id, (identity, _) in shown_hypotheses(settings.home, "inv").items()
            if not identity.startswith("unseen")
        )
        if not shown:
            break
        steer(settings.home, "inv", "bob", "nor these", shown)
    assert not report.cause_found
    assert sum("bob says so" in item.reason for item in report.ruled_out) >= 2


async def test_what_was_confirmed_teaches_no_more_when_its_cause_is_said_to_be_wrong(
    recording: Path, settings: Settings, tmp_path: Path
):
    board = Switchboard(tmp_path / "board")
    settings = with_policy(settings)
    answer(settings, await wait_for_approval(recording, settings, board.actions()), approved=False)
    await go_on(settings, board.actions())
    confirm("inv", settings)
    steer(settings.home, "inv", "bob", "it was not that", ("H1",))
    await go_on(settings, board.actions())
    assert not is_confirmed("inv", settings)


async def test_whoever_dies_over_what_a_person_said_is_followed_by_another(
    recording: Path, settings: Settings, tmp_path: Path
):
    board = Switchboard(tmp_path / "board")
    settings = with_policy(settings)
    answer(settings, await wait_for_approval(recording, settings, board.actions()), approved=False)
    firings = Firings(settings.home)
    for status in ("decided", "running", "interrupted"):
        Ledger(settings.home).set_status("inv", status)
        assert firings.unfinished() == "inv"
    for status in ("waiting", "done", "failed"):
        Ledger(settings.home).set_status("inv", status)
        assert firings.unfinished() is None


async def test_an_ended_investigation_is_weighed_again(recording: Path, settings: Settings, tmp_path: Path):
    board = Switchboard(tmp_path / "board")
    settings = with_policy(settings)
    answer(settings, await wait_for_approval(recording, settings, board.actions()), approved=False)
    await go_on(settings, board.actions())
    ledger = Ledger(settings.home)
    before = Report.model_validate_json(ledger.investigation("inv").report)
    calls = len(ledger.calls("inv"))
    assert steer(settings.home, "inv", "bob", "remember the sale", ()) == ()
    assert ledger.investigation("inv").status == "done"
    steer(settings.home, "inv", "bob", "H1 was rolled back at noon", ("H1",))
    assert ledger.investigation("inv").status == "decided"
    last = await go_on(settings, board.actions())
    assert isinstance(last, Finished)
    assert last.report.headline != before.headline
    assert any("bob says so: H1 was rolled back at noon" in item.reason for item in last.report.ruled_out)
    assert ledger.investigation("inv").status == "done"
    assert len(ledger.calls("inv")) == calls  # its telemetry stands

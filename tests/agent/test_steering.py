"""What people say of causes: read as little as they say, and weighed again even where the investigation has ended."""

from pathlib import Path

import pytest

from agent.events import Finished
from agent.ledger import Ledger
from agent.report.model import Report
from agent.settings import Settings
from agent.steering import steer, wrong_hypotheses
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

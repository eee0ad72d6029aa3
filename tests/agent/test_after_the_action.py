"""After an action: what was predicted is measured again, and where it did not come true the way back is offered."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from agent.approvals import Approvals
from agent.audit import Audit
from agent.events import ApprovalNeeded, Finished
from agent.nodes.verify import judge
from agent.settings import Settings
from agent.state import Prediction
from evals.doubles.switchboard import Switchboard, with_policy
from tests.agent_approvals import answer, go_on, wait_for_approval
from tests.conftest import ONSET

BELOW = Prediction(sentence="it falls", entity="front", metric="p99", below=1.0)
ABOVE = Prediction(sentence="it rises", entity="front", metric="rate", above=10.0)


@pytest.mark.parametrize(
    ("prediction", "samples", "before", "outcome"),
    [
        (BELOW, [4.0, 3.0, 0.2, 0.2, 0.2], 4.0, "recovered"),
        (BELOW, [0.2, 0.2, 4.0], 4.0, "not_recovered"),
        (BELOW, [4.1, 4.0, 3.9], 4.0, "not_recovered"),
        (BELOW, [9.0, 9.0, 9.0], 4.0, "worse"),
        (BELOW, [9.0, 9.0, 9.0], None, "not_recovered"),
        (ABOVE, [30.0, 31.0, 32.0], 2.0, "recovered"),
        (ABOVE, [2.0, 2.0, 2.0], 2.0, "not_recovered"),
        (ABOVE, [0.0, 0.0, 0.0], 6.0, "worse"),
        (BELOW, [], 4.0, "no_fresh_data"),
    ],
)
def test_what_is_measured_says_whether_it_helped(
    prediction: Prediction, samples: list[float], before: float | None, outcome: str
):
    assert judge(prediction, np.array(samples), before).outcome == outcome


async def test_an_action_that_did_not_help_can_be_taken_back_and_needs_leave_for_it(
    recording: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # A clock within the recording: the action is done while it is bad, and it stays bad.
    ticks = itertools.count(ONSET + 10, 62)
    monkeypatch.setattr("agent.investigate.time", SimpleNamespace(time=lambda: float(next(ticks))))
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    request = await wait_for_approval(recording, settings, board.actions())
    answer(settings, request)
    needed = await go_on(settings, board.actions())
    assert isinstance(needed, ApprovalNeeded)
    assert needed.report.verification is not None
    assert needed.report.verification.outcome == "not_recovered"
    (undo,) = Approvals(settings).pending("inv")
    assert (undo.undoes, undo.needs, undo.target) == (request.action_key, 1, "store")
    answer(settings, undo, "bob")
    last = await go_on(settings, board.actions())
    assert isinstance(last, Finished)
    assert [line["what"] for line in board.done] == ["run", "undo version 2"]
    assert [result.outcome for result in last.report.action_results] == ["done", "done"]
    assert Audit(settings.home).verify() == ""


async def test_a_symptom_that_has_gone_needs_no_action(
    recording: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def gone(*_: object) -> str:
        return "front is back at 0.2 s without it"

    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    request = await wait_for_approval(recording, settings, board.actions())
    answer(settings, request)
    monkeypatch.setattr("agent.nodes.act.has_recovered", gone)
    last = await go_on(settings, board.actions())
    assert isinstance(last, Finished)
    assert [(r.outcome, r.detail) for r in last.report.action_results] == [
        ("not_needed", "front is back at 0.2 s without it")
    ]
    assert board.done == []

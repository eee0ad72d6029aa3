"""An action that somebody registered: proposed, asked for, run once, verified."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.alerts import parse_alert
from agent.events import ApprovalNeeded, Finished, Started
from agent.investigate import NotResumable, investigate, resume
from agent.ledger import Ledger
from agent.settings import Settings
from agent.sources import Source
from agent.state import Action, Approval
from diagnosis.findings import Remediation
from tools.actions import ActionSpec, registry
from tools.spec import Risk


def rollback_into(file: Path) -> Mapping[str, ActionSpec]:
    def run(arguments: Mapping[str, str]) -> str:
        with file.open("a") as out:
            out.write(f"rolled back {arguments['entity']}\n")
        return f"rolled {arguments['entity']} back"

    return registry(ActionSpec("roll_back", Remediation.ROLLBACK, Risk.REVERSIBLE, "Roll the deploy back.", run))


async def wait_for_approval(
    recording: Path, settings: Settings, actions: Mapping[str, ActionSpec]
) -> tuple[str, Action]:
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    source = Source(kind="recording", place=str(recording))
    events = [event async for event in investigate(alert, source, settings, actions=actions)]
    id = next(event.investigation_id for event in events if isinstance(event, Started))
    assert isinstance(events[-1], ApprovalNeeded)
    return id, events[-1].actions[0]


async def test_nothing_runs_before_a_person_decides(recording: Path, settings: Settings, tmp_path: Path):
    log = tmp_path / "log"
    id, action = await wait_for_approval(recording, settings, rollback_into(log))
    assert json.loads(action.arguments)["entity"] == "store"
    assert not log.exists()
    assert Ledger(settings.home).investigation(id).status == "waiting"


async def test_an_approved_action_runs_once_and_is_verified(recording: Path, settings: Settings, tmp_path: Path):
    log = tmp_path / "log"
    actions = rollback_into(log)
    id, action = await wait_for_approval(recording, settings, actions)
    yes = [Approval(action_key=action.key, approved=True, by="ann")]
    events = [event async for event in resume(id, settings, decisions=yes, actions=actions)]
    assert isinstance(events[-1], Finished)
    report = events[-1].report
    assert log.read_text() == "rolled back store\n"
    assert [result.outcome for result in report.action_results] == ["done"]
    assert report.verification is not None
    with pytest.raises(NotResumable):
        [event async for event in resume(id, settings, decisions=yes, actions=actions)]
    assert log.read_text() == "rolled back store\n"


async def test_a_rejected_action_does_not_run_and_keeps_the_reason(recording: Path, settings: Settings, tmp_path: Path):
    log = tmp_path / "log"
    actions = rollback_into(log)
    id, action = await wait_for_approval(recording, settings, actions)
    no = [Approval(action_key=action.key, approved=False, by="ann", reason="deploy freeze")]
    events = [event async for event in resume(id, settings, decisions=no, actions=actions)]
    assert isinstance(events[-1], Finished)
    assert [(r.outcome, r.detail) for r in events[-1].report.action_results] == [("rejected", "deploy freeze")]
    assert not log.exists()


async def test_a_waiting_investigation_is_not_resumed_without_a_decision(
    recording: Path, settings: Settings, tmp_path: Path
):
    id, _ = await wait_for_approval(recording, settings, rollback_into(tmp_path / "log"))
    with pytest.raises(NotResumable, match="waits for a decision"):
        [event async for event in resume(id, settings)]
    assert Ledger(settings.home).investigation(id).status == "waiting"


async def test_an_action_that_was_claimed_before_a_crash_is_not_run_again(
    recording: Path, settings: Settings, tmp_path: Path
):
    log = tmp_path / "log"
    actions = rollback_into(log)
    id, action = await wait_for_approval(recording, settings, actions)
    assert Ledger(settings.home).claim_action(action.key, id)
    yes = [Approval(action_key=action.key, approved=True, by="ann")]
    events = [event async for event in resume(id, settings, decisions=yes, actions=actions)]
    assert isinstance(events[-1], Finished)
    assert [result.outcome for result in events[-1].report.action_results] == ["already_done"]
    assert not log.exists()

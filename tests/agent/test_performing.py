"""What was approved is what runs, or nothing: after a crash, a time-out, a change of the target, a broken policy."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.acting import Acting, Grounds
from agent.approval_card import card
from agent.approvals import Approvals
from agent.audit import Audit
from agent.ledger import Ledger
from agent.settings import Settings
from agent.state import Action, ActionResult
from diagnosis.findings import Remediation
from evals.doubles.switchboard import Switchboard, with_policy
from tests.agent_approvals import answer
from tools.actions.spec import ActionError, ActionSpec, DryRun, Happened, NoAnswer, Target

TARGET = Target(
    entity="store", remediation=Remediation.ROLLBACK, change_id="c1", change_kind="", change_key="", before="",
    alert_name="slow", alert_entity="store", services=frozenset({"store"}),
)  # fmt: skip


@pytest.fixture
def board(tmp_path: Path) -> Switchboard:
    return Switchboard(tmp_path / "board")


class Case:
    """``changed`` replaces parts of the action's specification."""

    def __init__(self, settings: Settings, board: Switchboard, **changed: Any) -> None:
        self.settings, self.board, self.changed = with_policy(settings), board, changed
        self.ledger = Ledger(settings.home)
        self.ledger.create_investigation("inv", "{}", "{}", "{}")

    @property
    def acting(self) -> Acting:
        """As after a new start of the program."""
        spec: ActionSpec[Any] = replace(self.board.actions()["roll_back"], **self.changed)
        audit = Audit(self.settings.home)
        return Acting({"roll_back": spec}, Approvals(self.settings), self.ledger, audit, time.time)

    async def approved(self) -> Action:
        (action,) = await self.acting.offer("inv", TARGET, Grounds("claim", hypothesis="h"))
        (request,) = Approvals(self.settings).pending("inv")
        answer(self.settings, request)
        return action

    async def perform(self, action: Action) -> ActionResult:
        return await self.acting.perform("inv", action)


async def test_killed_while_it_was_looked_at_again_it_does_not_run_on_a_target_that_changed(
    settings: Settings, board: Switchboard
):
    case = Case(settings, board)
    action = await case.approved()
    case.ledger.claim_action(action.key, "inv")  # and then it was killed
    board.change("somebody rolled back by hand")
    result = await case.perform(action)
    assert (result.outcome, board.done) == ("failed", [])
    assert "its target has changed since it was approved" in result.detail


async def test_one_whose_key_is_done_once_is_not_sent_again_to_another_state(settings: Settings, board: Switchboard):
    case = Case(settings, board, repeatable=True, happened=lambda _, __: Happened.UNKNOWN)
    action = await case.approved()
    case.ledger.claim_action(action.key, "inv")
    board.change("somebody rolled back by hand")
    result = await case.perform(action)
    assert (result.outcome, board.done) == ("unknown", [])


async def test_a_no_counts_only_when_what_was_cut_off_has_ended(settings: Settings, board: Switchboard):
    answers = iter([Happened.YES])
    waited: list[float] = []

    def times_out(_: object, __: str) -> Any:
        waited.append(time.time())
        raise NoAnswer("no whole answer within 1 s")

    def happened(_: object, __: str) -> Happened:
        waited.append(time.time())
        return next(answers)

    case = Case(settings, board, run=times_out, happened=happened, settles_seconds=0.4)
    result = await case.perform(await case.approved())
    assert result.outcome == "done" and "took effect" in result.detail
    assert waited[1] - waited[0] > 0.2  # it was asked when the time was over


async def test_what_took_effect_though_its_answer_was_lost_can_be_undone(settings: Settings, board: Switchboard):
    def breaks(_: object, __: str) -> Any:
        raise NoAnswer("the line went dead")

    happened = {"happened": lambda _, __: Happened.YES, "memo_of": lambda _, key: f"of {key[:2]}"}
    case = Case(settings, board, run=breaks, settles_seconds=0.0, undone=lambda _, __: Happened.YES, **happened)
    action = await case.approved()
    assert (await case.perform(action)).outcome == "done"
    undo = await case.acting.offer_undo("inv", action, Grounds("it did not help"))
    assert undo is not None and undo.effect == f"store goes to of {action.key[:2]} again"
    (request,) = Approvals(case.settings).pending("inv")
    answer(case.settings, request)
    case.changed["undo"] = lambda *_: breaks(_, "")
    result = await case.perform(undo)
    assert (result.outcome, result.detail) == ("done", "it took effect (the line went dead)")


async def test_the_time_to_settle_runs_from_the_sending_and_not_from_the_look_before(
    settings: Settings, board: Switchboard
):
    looks = iter([0.0, 0.5])
    sent: list[float] = []
    asked: list[float] = []

    def slow_look(_: object) -> DryRun:
        time.sleep(next(looks))
        return DryRun("goes back", (), "s")

    def times_out(_: object, __: str) -> Any:
        sent.append(time.time())
        raise NoAnswer("no whole answer")

    def happened(_: object, __: str) -> Happened:
        asked.append(time.time())
        return Happened.NO

    case = Case(settings, board, dry_run=slow_look, run=times_out, happened=happened, settles_seconds=0.5)
    assert (await case.perform(await case.approved())).outcome == "failed"
    assert asked[0] - sent[0] > 0.45


async def test_what_was_done_and_its_row_of_the_audit_log_are_there_together(
    settings: Settings, board: Switchboard, monkeypatch: pytest.MonkeyPatch
):
    case = Case(settings, board)
    action = await case.approved()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "finish_action", full)  # killed between the action and its note
        with pytest.raises(OSError, match="No space left"):
            await case.perform(action)
    result = await case.perform(action)
    assert (result.outcome, len(board.done)) == ("done", 1)
    assert [row.what for row in Audit(settings.home).of("inv")][-2:] == ["running", "done"]


async def test_a_refusal_is_a_failure_at_once(settings: Settings, board: Switchboard):
    def refuses(_: object, __: str) -> Any:
        raise ActionError("403")

    case = Case(settings, board, run=refuses, happened=lambda _, __: Happened.NO, settles_seconds=3_600.0)
    result = await case.perform(await case.approved())
    assert (result.outcome, result.detail) == ("failed", "nothing was changed: 403")


async def test_a_proposal_that_is_repeated_is_what_was_shown(settings: Settings, board: Switchboard):
    case = Case(settings, board)
    (first,) = await case.acting.offer("inv", TARGET, Grounds("claim"))
    board.change("two")  # and killed before the first was kept
    (second,) = await case.acting.offer("inv", TARGET, Grounds("claim"))
    assert second == first
    (request,) = Approvals(case.settings).pending("inv")
    answer(case.settings, request)
    result = await case.perform(second)
    assert (result.outcome, board.done) == ("changed", [])


@pytest.mark.parametrize(
    "forged",
    [
        {"undoes": "0" * 32}, {"seen": "other"}, {"effect": "harmless"}, {"effect_lines": ("nothing",)}, {"risk": "advice"},
        {"sentence": "harmless"},
    ],
    ids=str,
)  # fmt: skip
async def test_an_approval_is_for_all_that_was_shown(settings: Settings, board: Switchboard, forged: dict[str, Any]):
    case = Case(settings, board)
    action = (await case.approved()).model_copy(update=forged)
    result = await case.perform(action)
    assert (result.outcome, result.detail, board.done) == ("refused", "it is not what was asked about", [])


def _lines(*lines: str, seen: str = "s") -> Callable[[Any], DryRun]:
    return lambda _: DryRun("goes back", lines, seen)


@pytest.mark.parametrize(
    ("before", "later"),
    [
        (_lines("1 pod"), _lines("ALL pods")),
        (_lines(seen="a1B2" * 10), _lines(seen="c3D4" * 10)),  # both look like secrets
        (_lines(seen="x" * 5_000 + "1"), _lines(seen="x" * 5_000 + "2")),
        (_lines(*["line"] * 30, "the last"), _lines(*["line"] * 30, "another")),
    ],
    ids=["line", "random", "long", "beyond what is shown"],
)
async def test_any_other_state_is_noticed(
    settings: Settings, board: Switchboard, before: Callable[[Any], DryRun], later: Callable[[Any], DryRun]
):
    case = Case(settings, board, dry_run=before)
    action = await case.approved()
    case.changed["dry_run"] = later
    result = await case.perform(action)
    assert (result.outcome, board.done) == ("changed", [])


async def test_the_card_of_an_undo_shows_what_the_undo_does(settings: Settings, board: Switchboard):
    case = Case(settings, board, undo_dry_run=lambda _, memo: DryRun(f"PUT /restore {memo}", ("with everything",)))
    action = await case.approved()
    assert (await case.perform(action)).outcome == "done"
    undo = await case.acting.offer_undo("inv", action, Grounds("it did not help"))
    assert undo is not None
    (request,) = Approvals(case.settings).pending("inv")
    assert dict(card(request))["Effect"] == "PUT /restore version 2"
    answer(case.settings, request)
    case.changed["undo_dry_run"] = lambda _, memo: DryRun(f"DELETE /everything {memo}")
    result = await case.perform(undo)
    assert result.outcome == "changed" and "DELETE /everything" in result.detail
    assert [line["what"] for line in board.done] == ["run"]


@pytest.mark.parametrize("policy", ["rules: [", "2026-02-30: freeze", "a: !!int x", "[" * 5_000, None])
async def test_a_policy_that_cannot_be_read_refuses_and_breaks_nothing(
    settings: Settings, board: Switchboard, policy: str | None
):
    case = Case(settings, board)
    action = await case.approved()
    path = case.settings.policy
    assert path is not None
    path.unlink() if policy is None else path.write_text(policy)
    result = await case.perform(action)
    assert (result.outcome, board.done) == ("refused", [])
    assert "policy" in result.detail
    (offered,) = await case.acting.offer("inv", replace(TARGET, change_id="c2"), Grounds())
    assert (offered.risk, offered.request_id) == ("forbidden", "")
    assert "policy" in offered.sentence


def test_removed_rows_of_the_audit_log_are_missed_for_ever(settings: Settings):
    import sqlite3

    audit = Audit(settings.home)
    for number in range(4):
        audit.note("inv", "ann", "web", "approved", str(number))
    with sqlite3.connect(settings.home / "ledger.db") as db:
        db.execute("DELETE FROM audit WHERE seq > 2")
    assert "rows at the end are missing: row 4 was there" in audit.verify()
    for _ in range(3):
        audit.note("inv", "bob", "web", "approved", "later")
    assert audit.verify() != ""
    assert json.loads((settings.home / "audit.head").read_text())["seq"] == 4


def test_what_was_committed_counts_though_the_end_of_the_log_cannot_be_noted(settings: Settings):
    audit = Audit(settings.home)
    (settings.home / "audit.new").mkdir(parents=True)  # as a disk that takes nothing more
    audit.note("inv", "ann", "web", "approved")
    assert [row.what for row in audit.all()] == ["approved"]

"""Beginning and deciding by commands: who asked is kept, the card comes first, and one request keeps no other waiting."""

import asyncio
import os
import pwd
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent.approvals import Approvals, Question, Request
from agent.asking import ask_for
from agent.doors.cli import app
from agent.ledger import Ledger
from agent.settings import Settings
from evals.doubles.switchboard import POLICY, Switchboard, with_policy
from tests.agent_approvals import wait_for_approval

ME = pwd.getpwuid(os.getuid()).pw_name
Pcause = Callable[..., Result]


@pytest.fixture
def mine(settings: Settings) -> Settings:
    """Whoever runs this may approve everything."""
    approvers = [{"name": "me", "terminal": ME}, *POLICY["approvers"]]
    return with_policy(settings, approvers=approvers, rules=[{"action": "*", "decision": "ask"}])


@pytest.fixture
def pcause(mine: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pcause:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PCAUSE_HOME", str(mine.home))
    monkeypatch.setenv("PCAUSE_POLICY", str(mine.policy))
    return lambda *arguments, stdin="", **more: CliRunner().invoke(app, arguments, input=stdin, **more)


@pytest.fixture
def two(recording: Path, mine: Settings, tmp_path: Path) -> tuple[Request, ...]:
    """What waits in ``inv``: ``roll_back`` and ``open_ticket``."""
    known = Switchboard(tmp_path / "board").actions()
    specs = {
        **known,
        "open_ticket": replace(
            known["roll_back"], name="open_ticket", remediations=frozenset(), undo=None, undo_dry_run=None
        ),
    }

    async def wait() -> None:
        await wait_for_approval(recording, mine, specs)
        await ask_for("inv", "open_ticket", mine, "terminal:bob", specs=specs)

    asyncio.run(wait())
    return Approvals(mine).pending("inv")


def states(settings: Settings) -> list[str]:
    return [request.state.value for request in Approvals(settings).requests("inv")]


def test_who_begins_an_investigation_is_kept(pcause: Pcause, recording: Path, mine: Settings):
    over_a_recording = pcause("investigate", "--recording", str(recording))
    assert over_a_recording.exit_code == 0, over_a_recording.output
    (row,) = Ledger(mine.home).investigations()
    assert row.requested_by == f"terminal:{ME}"


def test_who_begins_a_live_investigation_is_kept(pcause: Pcause, mine: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:9")
    pcause("investigate", "--service", "front")
    (row,) = Ledger(mine.home).investigations()
    assert row.requested_by == f"terminal:{ME}"


@pytest.mark.parametrize(
    ("said", "after"), [("roll_back\nno\n", ["approved", "pending"]), ("\nopen_ticket\n", ["pending", "approved"])]
)
def test_what_is_not_approved_keeps_nothing_else_from_being_decided(
    pcause: Pcause, mine: Settings, two: tuple[Request, ...], said: str, after: list[str]
):
    done = pcause("approve", "inv", stdin=said)
    assert states(mine) == after
    assert "is not approved: nothing was done" in done.output
    assert (done.exit_code, "aits for a" in done.output) == (4, True)


def test_it_is_gone_on_with_once_the_other_is_decided_elsewhere(
    pcause: Pcause, mine: Settings, two: tuple[Request, ...]
):
    pcause("approve", "inv", stdin="roll_back\nno\n")
    done = pcause("reject", "inv", "--reason", "not needed")
    assert (done.exit_code, states(mine)) == (0, ["approved", "rejected"]), done.output
    assert Ledger(mine.home).investigation("inv").status == "done"


def test_nothing_approved_is_a_failure(pcause: Pcause, mine: Settings, two: tuple[Request, ...]):
    done = pcause("approve", "inv", stdin="no\nno\n")
    assert (done.exit_code, states(mine)) == (1, ["pending", "pending"])


def test_who_is_no_approver_is_told_once_a_request(pcause: Pcause, mine: Settings, two: tuple[Request, ...]):
    with_policy(mine)
    done = pcause("approve", "inv", stdin="roll_back\nopen_ticket\n")
    assert (done.exit_code, done.output.count("is no approver at this door")) == (1, 2)


def test_a_rejection_shows_the_whole_card_first(pcause: Pcause, mine: Settings, two: tuple[Request, ...]):
    done = pcause("reject", "inv", "--request", two[0].id)
    assert states(mine) == ["rejected", "pending"]
    assert done.output.index(two[0].arguments_hash[:16]) < done.output.index("roll_back of store: rejected")


def test_a_request_that_does_not_wait_is_answered_with_those_that_do(pcause: Pcause, two: tuple[Request, ...]):
    done = pcause("approve", "inv", "--request", "zzz")
    assert done.exit_code == 1
    assert f"no request zzz waits in inv; there is {two[0].id}, {two[1].id}" in done.output


def test_the_shell_completes_names_of_actions(pcause: Pcause, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pcause.yaml").write_text("actions: {alertmanager: {url: 'http://127.0.0.1:9'}}\n")
    monkeypatch.setenv("_PCAUSE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "pcause act inv si")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert pcause(prog_name="pcause").output.split() == ["silence_alert"]


def test_a_name_is_never_markup(pcause: Pcause, mine: Settings, two: tuple[Request, ...]):
    asked = {**two[0].model_dump(include=set(Question.model_fields)), "target": "[red]st[/]ore", "action_key": "k"}
    Approvals(mine).open(Question.model_validate(asked), 30.0)
    done = pcause("reject", "inv")
    assert "roll_back of [red]st[/]ore: rejected" in done.output

"""What people say of a verdict, together: the incident is kept as confirmed while somebody says right and nobody wrong."""

from pathlib import Path

import pytest

from agent.feedback import give_feedback, keep_as_said, take_back
from agent.ledger import Ledger, LedgerError
from agent.past_incidents import confirm, unconfirm
from agent.runbook_index import incidents_home
from agent.settings import Settings
from agent.state import Outcome
from tests.agent.test_runbook_steps import report_of


def kept(settings: Settings) -> tuple[list[str], list[str]]:
    """The files, and what the index holds."""
    folder = settings.home / "incidents" / "confirmed"
    indexed = incidents_home(settings).manifest().get("runbooks", {})
    return sorted(path.stem for path in folder.glob("*.md")), sorted(name.removesuffix(".md") for name in indexed)


def say(settings: Settings, id: str, person: str, right: bool, gone: bool = False) -> None:
    keep_as_said(settings, id, "slack", person, right, gone=gone)
    (take_back if gone else give_feedback)(settings.home, id, "slack", person, right)


@pytest.fixture
async def id(recording: Path, settings: Settings) -> str:
    return (await report_of(recording, settings))[0]


async def test_what_is_confirmed_no_more_is_neither_kept_nor_found(recording: Path, settings: Settings, id: str):
    confirm(id, settings)
    assert kept(settings) == ([id], [id])
    assert unconfirm(id, settings)
    assert kept(settings) == ([], [])
    assert not unconfirm(id, settings)
    _, again = await report_of(recording, settings)
    assert not any("Seen and confirmed" in step.sentence for step in again.next_steps)
    assert not any(item.tool == "search_incidents" and item.outcome is Outcome.FAILED for item in again.evidence)


def test_a_neighbour_stays_when_one_is_confirmed_no_more(settings: Settings, id: str):
    path = confirm(id, settings)
    path.with_name("another.md").write_text(path.read_text() + "\n## More\n\n1. Look twice.\n")
    unconfirm(id, settings)
    assert kept(settings) == (["another"], ["another"])


@pytest.mark.parametrize("gone", [True, False])
def test_a_word_that_is_taken_back_or_turned_round_takes_the_incident_out(settings: Settings, id: str, gone: bool):
    say(settings, id, "ann", right=True)
    assert kept(settings) == ([id], [id])
    say(settings, id, "ann", right=gone, gone=gone)
    assert kept(settings) == ([], [])


def test_one_who_says_wrong_outweighs_another_and_may_take_it_back(settings: Settings, id: str):
    say(settings, id, "ann", right=True)
    say(settings, id, "bob", right=False)
    assert kept(settings) == ([], [])
    say(settings, id, "bob", right=False, gone=True)
    assert kept(settings) == ([id], [id])
    say(settings, id, "bob", right=True, gone=True)
    assert kept(settings) == ([id], [id]), "bob had not said so"


def test_two_who_say_right_are_one_when_the_other_takes_it_back(settings: Settings, id: str):
    say(settings, id, "ann", right=True)
    say(settings, id, "bob", right=True)
    say(settings, id, "ann", right=True, gone=True)
    assert kept(settings) == ([id], [id])


def test_what_was_confirmed_by_hand_stays_when_somebody_says_wrong(settings: Settings, id: str):
    confirm(id, settings, fix="Mara set the pool back to 24.")
    say(settings, id, "bob", right=False)
    assert kept(settings) == ([id], [id])


@pytest.mark.parametrize("status", ["accepted", "running", "failed", "interrupted"])
def test_only_a_report_that_stands_is_confirmed(settings: Settings, id: str, status: str):
    Ledger(settings.home).set_status(id, status)
    with pytest.raises(LedgerError, match=f"is {status}"):
        confirm(id, settings)
    assert kept(settings) == ([], [])

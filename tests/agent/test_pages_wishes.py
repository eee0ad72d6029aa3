"""What a signed-in person tells an investigation from its page: a cause that is wrong, an action by its name."""

from pathlib import Path

import pytest

from agent.ledger import Ledger
from agent.settings import Settings
from agent.steering import told
from evals.doubles.switchboard import Switchboard
from tests.agent.test_pages_approving import SHARED, as_, asking, people  # noqa: F401 - a fixture
from tests.agent_approvals import answer, go_on, wait_for_approval

STEERING, ACTIONS = "/investigations/inv/steering", "/investigations/inv/actions"
HTML = {"Accept": "text/html"}


@pytest.fixture
async def ended(recording: Path, people: Settings, tmp_path: Path) -> Settings:  # noqa: F811 - the fixture
    board = Switchboard(tmp_path / "board")
    answer(people, await wait_for_approval(recording, people, board.actions()), approved=False)
    await go_on(people, board.actions())
    return people


async def test_a_cause_that_is_wrong_is_said_by_form_and_the_investigation_goes_on(ended: Settings):
    async with asking(ended) as client:
        page = await client.get("/investigations/inv", headers={**HTML, **as_("ann")})
        assert 'action="/investigations/inv/steering"' in page.text and '<option value="H1">' in page.text
        assert 'action="/investigations/inv/actions"' not in page.text  # none is configured
        sent = await client.post(STEERING, data={"hypothesis": "H1", "text": "it was <b>off</b>"}, headers=as_("ann"))
    assert (sent.status_code, sent.headers["location"]) == (303, "/investigations/inv")
    (said,) = told(ended.home, "inv")
    assert (said.by, said.text, len(said.excluded)) == ("web:ann", "it was <b>off</b>", 1)
    assert Ledger(ended.home).investigation("inv").status == "decided"


async def test_programs_do_the_same_as_json(ended: Settings):
    async with asking(ended) as client:
        noted = await client.post(STEERING, json={"text": "there was a sale"}, headers=as_("bob"))
        unknown = await client.post(STEERING, json={"hypothesis": "H77"}, headers=as_("bob"))
        empty = await client.post(STEERING, json={"text": "  "}, headers=as_("bob"))
    assert (noted.status_code, noted.json()) == (200, {"excluded": []})
    assert unknown.status_code == 409 and "there is no hypothesis H77" in unknown.json()["error"]
    assert empty.status_code == 409 and "say which cause is wrong" in empty.json()["error"]


@pytest.mark.parametrize("path", [STEERING, ACTIONS])
async def test_only_a_signed_in_person_of_our_own_pages_is_heard(ended: Settings, path: str):
    said = {"hypothesis": "H1"} if path == STEERING else {"action": "open_ticket"}
    async with asking(ended, token=SHARED) as client:
        nobody = await client.post(path, json=said)
        shared = await client.post(path, json=said, headers={"Authorization": f"Bearer {SHARED}"})
        foreign = await client.post(path, json=said, headers={**as_("ann"), "Origin": "https://evil.example"})
        unknown = await client.post(path.replace("inv/", "other/"), json=said, headers=as_("ann"))
        broken = await client.post(path, json={**said, "more": 1}, headers=as_("ann"))
    assert [r.status_code for r in (nobody, shared, foreign, unknown, broken)] == [401, 403, 403, 404, 422]
    assert told(ended.home, "inv") == ()
    assert Ledger(ended.home).investigation("inv").status == "done"


async def test_what_was_recorded_is_not_acted_on(ended: Settings):
    async with asking(ended) as client:
        form = await client.post(ACTIONS, data={"action": "open_ticket"}, headers={**HTML, **as_("ann")})
        undo = await client.post(ACTIONS, json={"action": "undo"}, headers=as_("ann"))
    assert form.status_code == 409 and "This cannot be asked for" in form.text
    assert undo.status_code == 409 and "recorded" in undo.json()["error"]

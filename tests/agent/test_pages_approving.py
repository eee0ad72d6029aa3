"""Deciding on the web: as a person, in two steps, once, and never because another site wants it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response

from agent.approval_card import card
from agent.approvals import Approvals, Request
from agent.audit import Audit
from agent.backends import Backends
from agent.doors.server import build_app
from agent.ledger import Ledger
from agent.settings import ServerSettings, Settings
from evals.doubles.switchboard import POLICY, Switchboard, with_policy
from tests.agent_approvals import go_on, wait_for_approval

TOKENS = {"ann": "ann-" + "a" * 24, "bob": "bob-" + "b" * 24}
SHARED = "the-server's-own-token"
URL = "/investigations/inv/approval"


@asynccontextmanager
async def asking(settings: Settings, token: str | None = None) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(build_app(settings, Backends(settings), token), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def board(tmp_path: Path) -> Switchboard:
    return Switchboard(tmp_path / "board")


@pytest.fixture
def people(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, token in TOKENS.items():
        monkeypatch.setenv(f"PCAUSE_TOKEN_{name.upper()}", token)
    return with_policy(settings)


@pytest.fixture
async def request_(recording: Path, people: Settings, board: Switchboard) -> Request:
    return await wait_for_approval(recording, people, board.actions())


def as_(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]}"}


async def ticket(client: AsyncClient, name: str = "ann") -> str:
    (told,) = (await client.get(URL, headers=as_(name))).json()["requests"]
    return str(told["ticket"])


async def send(client: AsyncClient, request: Request, name: str = "ann", **more: Any) -> Response:
    body = {"request": request.id, "answer": "approve", "ticket": await ticket(client, name), **more}
    return await client.post(URL, json=body, headers=as_(name))


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


async def test_a_form_is_asked_once_more_and_then_counts_once(people: Settings, request_: Request, board: Switchboard):
    async with asking(people) as client:
        first = await client.post(URL, data={"request": request_.id, "answer": "approve"}, headers=as_("ann"))
        assert (first.status_code, Approvals(people).pending("inv")[0].votes) == (200, ())
        for label, text in card(request_):
            assert label in first.text and text.replace('"', "&#34;") in first.text
        second = await client.post(URL, data=hidden(first.text), headers=as_("ann"))
        third = await client.post(URL, data=hidden(first.text), headers=as_("ann"))
    assert (second.status_code, second.headers["location"]) == (303, "/investigations/inv")
    assert third.status_code == 409 and "does not count" in third.text and "approved already" in third.text
    assert Ledger(people.home).investigation("inv").status == "decided"
    await go_on(people, board.actions())
    assert [line["what"] for line in board.done] == ["run"]
    rows = [(row.actor, row.door, row.what) for row in Audit(people.home).of("inv")]
    assert ("ann", "web", "approved") in rows


async def test_a_program_shows_its_ticket(people: Settings, request_: Request):
    async with asking(people) as client:
        listed = (await client.get(URL, headers=as_("ann"))).json()["requests"]
        taken = await send(client, request_)
    assert listed[0]["lines"] == [list(line) for line in card(request_)]
    assert (taken.status_code, taken.json()) == (200, {"request": request_.id, "state": "approved", "ready": True})


async def test_a_rejection_keeps_its_reason_and_the_wrong_cause(people: Settings, request_: Request):
    async with asking(people) as client:
        form = {"request": request_.id, "answer": "reject", "reason": "freeze \x1b[31m", "wrong_cause": "yes"}
        first = await client.post(URL, data=form, headers=as_("ann"))
        assert "another cause is looked for" in first.text
        assert (await client.post(URL, data=hidden(first.text), headers=as_("ann"))).status_code == 303
    (after,) = Approvals(people).requests("inv")
    assert (after.state, after.wrong_cause, after.votes[0].reason) == (
        "rejected",
        True,
        "freeze \N{REPLACEMENT CHARACTER}[31m",
    )


async def test_two_people_must_approve_and_the_first_does_not_let_it_run(
    recording: Path, people: Settings, board: Switchboard
):
    settings = with_policy(people, rules=[{"action": "*", "decision": "ask_two"}])
    request = await wait_for_approval(recording, settings, board.actions())
    async with asking(settings) as client:
        first = await send(client, request)
        page = await client.get("/investigations/inv", headers={"Accept": "text/html", **as_("ann")})
        again = await client.post(URL, data={"request": request.id, "answer": "approve"}, headers=as_("ann"))
        second = await send(client, request, "bob")
    assert first.json()["ready"] is False
    assert "ann has answered already" in page.text and again.status_code == 409
    assert second.json() == {"request": request.id, "state": "approved", "ready": True}


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("shown", ["", f"Bearer {SHARED}", "Bearer " + "x" * 30, "Basic eA=="])
async def test_only_a_person_decides(people: Settings, request_: Request, shown: str, form: bool):
    headers = {"Authorization": shown} if shown else {}
    async with asking(people, SHARED if SHARED in shown else None) as client:
        body = {
            "request": request_.id,
            "answer": "approve",
            "ticket": Approvals(people).ticket(request_.id, "web", "ann"),
        }
        answer = await client.post(URL, headers=headers, **({"data": body} if form else {"json": body}))
        listed = await client.get(URL, headers=headers)
    assert answer.status_code == 403 and "personal token" in answer.text
    assert [told["ticket"] for told in listed.json()["requests"]] == [""]
    assert Approvals(people).pending("inv")[0].votes == ()


async def test_who_may_not_approve_this_action_is_told_so(recording: Path, people: Settings, board: Switchboard):
    approvers = [{**POLICY["approvers"][0], "actions": "silence_*"}, POLICY["approvers"][1]]
    settings = with_policy(people, approvers=approvers)
    request = await wait_for_approval(recording, settings, board.actions())
    async with asking(settings) as client:
        page = await client.get("/investigations/inv", headers={"Accept": "text/html", **as_("ann")})
        answer = await client.post(URL, data={"request": request.id, "answer": "approve"}, headers=as_("ann"))
    assert "ann may not approve roll_back" in page.text and '/approval"' not in page.text
    assert answer.status_code == 403 and "ann may not approve roll_back" in answer.text


async def test_a_ticket_of_another_person_or_door_or_a_changed_one_does_not_count(people: Settings, request_: Request):
    approvals = Approvals(people)
    true = approvals.ticket(request_.id, "web", "ann")
    tickets = [
        approvals.ticket(request_.id, "web", "bob"), approvals.ticket(request_.id, "terminal", "ann"), true[:-1], true + "0",
        true.upper(), f" {true}", true.split(".")[0], "x", ".", "\ud800".encode("utf-8", "replace").decode(), "é", "0" * 8_000,
    ]  # fmt: skip
    async with asking(people) as client:
        for forged in tickets:
            body = {"request": request_.id, "answer": "approve", "ticket": forged}
            assert (await client.post(URL, json=body, headers=as_("ann"))).status_code == 409, forged
    assert Approvals(people).pending("inv")[0].votes == ()


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://127.0.0.1:9999"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "none", "Origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_an_answer_that_another_site_had_sent_is_refused(
    people: Settings, request_: Request, headers: dict[str, str]
):
    async with asking(people) as client:
        form = {"request": request_.id, "answer": "approve", "ticket": await ticket(client)}
        answer = await client.post(URL, data=form, headers={**as_("ann"), **headers})
    assert answer.status_code == 403 and "own pages" in answer.text
    assert Approvals(people).pending("inv")[0].votes == ()


OWN = [
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "https://pcause.example"},
    {},
]


@pytest.mark.parametrize("headers", OWN)
async def test_an_answer_from_our_own_page_counts(people: Settings, request_: Request, headers: dict[str, str]):
    settings = people.model_copy(update={"server": ServerSettings(public_url="https://pcause.example/")})
    async with asking(settings) as client:
        form = {"request": request_.id, "answer": "approve", "ticket": await ticket(client)}
        assert (await client.post(URL, data=form, headers={**as_("ann"), **headers})).status_code == 303


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", FORM, 422), (b"%ff%fe", FORM, 400), (b"answer=approve&answer=reject", FORM, 400), (b"&".join([b"a=1"] * 30), FORM, 400),
        (b"\xff\xfe", FORM, 400), (b"request=x&answer=approve&extra=1", FORM, 422), (b"request=x&answer=perhaps", FORM, 422),
        (b"request=x&answer=approve", FORM, 409), (b"a=" + b"x" * 70_000, FORM, 413), (b"request=%00&answer=reject", FORM, 409),
        (b"{}", {"Content-Type": "application/json"}, 422), (b"[]", {"Content-Type": "application/json"}, 422),
        (b"null", {"Content-Type": "application/json"}, 422), (b"{", {"Content-Type": "application/json"}, 400),
        (b"request=x", {"Content-Type": "text/plain"}, 415), (b"request=x", {}, 415),
        (b'{"request": "x", "answer": "approve", "ticket": {}}', {"Content-Type": "application/json"}, 422),
        (b'{"request": "x", "answer": "approve", "wrong_cause": "maybe"}', {"Content-Type": "application/json"}, 422),
    ],
)  # fmt: skip
async def test_garbage_is_answered_in_a_sentence(
    people: Settings, request_: Request, body: bytes, headers: dict[str, str], status: int
):
    async with asking(people) as client:
        answer = await client.post(URL, content=body, headers={**headers, **as_("ann")})
    assert answer.status_code == status, answer.text
    assert len(answer.text) > 20
    assert Approvals(people).pending("inv")[0].votes == ()


async def test_a_request_of_another_investigation_is_not_answered_here(people: Settings, request_: Request):
    Ledger(people.home).create_investigation("other", '{"name": "x", "entity": "y"}', "{}", "{}")
    async with asking(people) as client:
        body = {"request": request_.id, "answer": "approve", "ticket": await ticket(client)}
        answer = await client.post("/investigations/other/approval", json=body, headers=as_("ann"))
    assert answer.status_code == 409
    assert Approvals(people).pending("inv")[0].votes == ()


async def test_a_broken_policy_decides_nothing(people: Settings, request_: Request):
    async with asking(people) as client:
        body = {"request": request_.id, "answer": "approve", "ticket": await ticket(client)}
        assert people.policy is not None
        people.policy.write_text("rules: [")
        answer = await client.post(URL, json=body, headers=as_("ann"))
    assert answer.status_code == 403


async def test_a_token_that_two_share_or_that_is_the_servers_is_nobodys(
    people: Settings, request_: Request, monkeypatch: pytest.MonkeyPatch
):
    async with asking(people, TOKENS["bob"]) as client:
        servers = await client.get(URL, headers=as_("bob"))
    monkeypatch.setenv("PCAUSE_TOKEN_BOB", TOKENS["ann"])
    async with asking(people) as client:
        shared = await client.get(URL, headers=as_("ann"))
    for answer in (servers, shared):
        assert [told["ticket"] for told in answer.json()["requests"]] == [""]

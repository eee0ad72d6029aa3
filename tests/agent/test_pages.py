"""The pages over HTTP: light, whole without a script, and nothing from outside acts in them."""

import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient

from agent.approvals import Approvals
from agent.backends import Backends
from agent.doors.server import build_app
from agent.event_log import EventLog
from agent.events import StageStarted
from agent.ledger import Ledger
from agent.report.text import inert
from agent.settings import ServerSettings, Settings
from agent.state import Alert
from evals.doubles.switchboard import Switchboard, with_policy
from tests.agent_approvals import answer, go_on, wait_for_approval

HTML = {"Accept": "text/html,*/*;q=0.8"}
TOKEN = "ann-" + "a" * 24
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m\u202e{{7*7}}</title></textarea>"
WIDTH_OF_ARGUMENT = 3_000


@asynccontextmanager
async def asking(settings: Settings, token: str | None = None) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(build_app(settings, Backends(settings), token), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def decided_by_ann(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PCAUSE_TOKEN_ANN", TOKEN)
    return with_policy(settings)


@pytest.fixture
def board(tmp_path: Path) -> Switchboard:
    return Switchboard(tmp_path / "board")


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def opened(settings: Settings, name: str = "Slow", entity: str = "checkout", status: str = "running") -> str:
    id = secrets.token_hex(6)
    ledger = Ledger(settings.home)
    ledger.create_investigation(id, Alert(id="a", name=name, entity=entity, fired_at=1.0).model_dump_json(), "{}", "{}")
    ledger.set_status(id, status)
    return id


class Outline(HTMLParser):
    """Tags nest, ids are there once, and each field has a label."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack, self.ids, self.tags, self.labelled, self.fields = [], [], [], set(), set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "label":
            self.labelled.add(given["for"])
        if tag == "textarea" or (tag == "input" and given.get("type") != "hidden"):
            self.fields.add(given["id"])
        if tag not in ("meta", "link", "input", "br"):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack and self.stack.pop() == tag, f"</{tag}> closes nothing"


def check(html: str) -> Outline:
    found = Outline(html)
    assert found.stack == []
    assert len(found.ids) == len(set(found.ids))
    assert found.fields <= found.labelled
    assert [tag for tag, _ in found.tags].count("main") == [tag for tag, _ in found.tags].count("h1") == 1
    attributes = [name for _, given in found.tags for name in given]
    assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert not [1 for tag, given in found.tags if tag == "script" and given.get("src") != "/static/pcause.js"]
    assert "<style" not in html and "\x1b" not in html and "\u202e" not in html
    return found


async def test_a_waiting_investigation_shows_everything_on_one_light_page(
    recording: Path, decided_by_ann: Settings, board: Switchboard
):
    settings = decided_by_ann.model_copy(update={"server": ServerSettings(public_url="https://pcause.example")})
    request = await wait_for_approval(recording, settings, board.actions())
    async with asking(settings) as client:
        page = await client.get("/investigations/inv", headers={**HTML, **bearer()})
    check(page.text)
    charts = "".join(re.findall(r"<svg.*?</svg>", page.text, re.DOTALL))
    assert len(page.text) - len(charts) < 100_000
    for part in (
        "Pool exhaustion at store", "Waits for an approval", "An action waits for a decision", "Argument change",
        "a" * 40, "version 2 → 1", request.arguments_hash[:16], "How it went", "Causal path",
        "Ruled out", "Other hypotheses", "Questions asked", "Audit trail", "<b>requested</b> by machine",
        "pcause chat inv", "https://pcause.example/investigations/inv", "tool calls", "You are <b>ann</b>",
    ):  # fmt: skip
        assert part in page.text, part
    assert re.search("Asked [a-z, ]*metrics", page.text)
    first = page.text.split('<summary><span class="id">C1')[1].split("</details>")[0]
    for part in ("<dt>Query</dt>", "query_metrics", "<dt>Window</dt>", "<dt>Value</dt>", "series"):
        assert part in first


async def test_who_shows_no_personal_token_may_read_only(recording: Path, decided_by_ann: Settings, board: Switchboard):
    await wait_for_approval(recording, decided_by_ann, board.actions())
    async with asking(decided_by_ann) as client:
        loopback = await client.get("/investigations/inv", headers=HTML)
    async with asking(decided_by_ann, token="the-server's-own") as client:
        shared = await client.get("/investigations/inv", headers={**HTML, **bearer("the-server's-own")})
        person = await client.get("/investigations/inv", headers={**HTML, **bearer()})
        stranger = await client.get("/investigations/inv", headers={**HTML, **bearer("somebody-" + "x" * 20)})
    for page in (loopback, shared):
        assert page.status_code == 200
        assert "<form" not in page.text and "sign in with your personal token" in page.text
        assert "Argument change" in page.text
    assert person.status_code == 200 and "<form" in person.text
    assert stranger.status_code == 401


async def test_without_a_usable_token_the_page_says_how_to_get_one(
    recording: Path, settings: Settings, board: Switchboard, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PCAUSE_TOKEN_ANN", "too-short")
    settings = with_policy(settings)
    await wait_for_approval(recording, settings, board.actions())
    async with asking(settings) as client:
        page = await client.get("/investigations/inv", headers={**HTML, **bearer("too-short")})
    assert "web_token_env of an approver in policy.yaml" in page.text
    assert "<form" not in page.text and "sign-in" not in page.text


async def test_a_policy_that_cannot_be_read_knows_nobody_and_breaks_nothing(
    recording: Path, decided_by_ann: Settings, board: Switchboard
):
    await wait_for_approval(recording, decided_by_ann, board.actions())
    assert decided_by_ann.policy is not None
    decided_by_ann.policy.write_text("rules: [")
    async with asking(decided_by_ann, token="the-server's-own") as client:
        page = await client.get("/investigations/inv", headers={**HTML, **bearer("the-server's-own")})
        person = await client.get("/investigations/inv", headers=bearer())
    assert page.status_code == 200 and "<form" not in page.text
    assert person.status_code == 401


async def test_signing_in_asks_the_browser_and_goes_back(decided_by_ann: Settings):
    async with asking(decided_by_ann) as client:
        asked = await client.get("/sign-in?to=inv", headers=HTML)
        gone = await client.get("/sign-in?to=inv", headers={**HTML, **bearer()})
        elsewhere = [
            await client.get("/sign-in", params={"to": to}, headers=bearer())
            for to in ("//evil.example", "https://evil.example", "../x", "a\r\nX: y", "")
        ]
    assert asked.status_code == 401 and asked.headers["www-authenticate"].startswith("Basic ")
    assert (gone.status_code, gone.headers["location"]) == (303, "/investigations/inv")
    assert {answer.headers["location"] for answer in elsewhere} == {"/investigations"}


async def test_hostile_texts_are_shown_and_do_nothing(
    recording: Path, decided_by_ann: Settings, board: Switchboard, monkeypatch: pytest.MonkeyPatch
):
    request = await wait_for_approval(recording, decided_by_ann, board.actions())
    shown = Approvals.requests

    def spoiled(self: Approvals, id: str) -> tuple[object, ...]:
        names = (
            "action",
            "summary",
            "target",
            "environment",
            "effect",
            "claim",
            "prediction",
            "rule",
            "requested_by",
            "risk",
        )
        told = dict.fromkeys(names, HOSTILE)
        return tuple(one.model_copy(update={"effect_lines": (HOSTILE,) * 3, **told}) for one in shown(self, id))

    # What a request says is sealed when it is written, so that a hostile one can only be put in at its reading.
    monkeypatch.setattr(Approvals, "requests", spoiled)
    id = opened(decided_by_ann, HOSTILE, HOSTILE)
    EventLog(decided_by_ann.home).tell(id, [StageStarted(HOSTILE, HOSTILE)])
    async with asking(decided_by_ann) as client:
        asked = await client.get("/investigations/inv", headers={**HTML, **bearer()})
        running = await client.get(f"/investigations/{id}", headers=HTML)
        listed = await client.get("/investigations", headers=HTML)
        form = {"request": request.id, "answer": "reject", "reason": HOSTILE * 3}
        confirm = await client.post("/investigations/inv/approval", data=form, headers=bearer())
    assert confirm.status_code == 200
    for page in (asked, running, listed, confirm):
        check(page.text)
        assert inert("<script>").replace("<", "&lt;").replace(">", "&gt;") in page.text


async def test_an_argument_is_never_cut(recording: Path, decided_by_ann: Settings, board: Switchboard, monkeypatch: pytest.MonkeyPatch):  # fmt: skip
    await wait_for_approval(recording, decided_by_ann, board.actions())
    shown, long = Approvals.requests, "x" * (WIDTH_OF_ARGUMENT - 1) + "!"

    def longer(self: Approvals, id: str) -> tuple[object, ...]:
        return tuple(one.model_copy(update={"arguments": json.dumps({"path": long})}) for one in shown(self, id))

    monkeypatch.setattr(Approvals, "requests", longer)
    async with asking(decided_by_ann) as client:
        page = await client.get("/investigations/inv", headers=HTML)
    told = page.text.split("<dt>Argument path</dt>")[1].split("</dd>")[0]
    assert told.count("x") >= WIDTH_OF_ARGUMENT - 1 and "!" in told


async def test_two_people_are_shown_as_two(recording: Path, settings: Settings, board: Switchboard, monkeypatch: pytest.MonkeyPatch):  # fmt: skip
    monkeypatch.setenv("PCAUSE_TOKEN_ANN", TOKEN)
    settings = with_policy(settings, rules=[{"action": "*", "decision": "ask_two"}])
    request = await wait_for_approval(recording, settings, board.actions())
    answer(settings, request, "bob")
    async with asking(settings) as client:
        page = await client.get("/investigations/inv", headers={**HTML, **bearer()})
    assert "bob approved (terminal)" in page.text and "2 people must approve it; one more is needed." in page.text
    assert "<form" in page.text


async def test_the_list_puts_first_what_waits_for_a_person(settings: Settings):
    ids = {status: opened(settings, status=status) for status in ("waiting", "done", "running", "failed")}
    async with asking(settings) as client:
        page = (await client.get("/investigations", headers=HTML)).text
    check(page)
    places = [page.index(f"/investigations/{ids[status]}") for status in ("waiting", "running")]
    assert places == sorted(places) and places[-1] < page.index(f"/investigations/{ids['done']}")
    assert [title in page for title in ("Waiting for a person", "Going on", "Ended")] == [True] * 3


async def test_json_says_where_an_investigation_stands(recording: Path, decided_by_ann: Settings, board: Switchboard):
    request = await wait_for_approval(recording, decided_by_ann, board.actions())
    async with asking(decided_by_ann) as client:
        waiting = await client.get("/investigations/inv")
        answer(decided_by_ann, request)
        await go_on(decided_by_ann, board.actions())
        done = await client.get("/investigations/inv")
    assert (waiting.status_code, waiting.headers["x-investigation-status"]) == (200, "waiting")
    assert done.headers["x-investigation-status"] == "done"
    assert done.json()["action_results"][0]["outcome"] == "done"


IDS = ["0" * 12, "a" * 5_000, "%00", "..%2f..%2fetc", "%ff", "<script>", "' OR 1=1 --", "%25", "in_", "%"]


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("path", ["", "/events", "/approval"])
async def test_an_unknown_id_is_a_clean_404_everywhere(decided_by_ann: Settings, id: str, path: str):
    async with asking(decided_by_ann) as client:
        answers = [await client.get(f"/investigations/{id}{path}", headers=headers) for headers in (HTML, bearer())]
        if path == "/approval":
            body = {"request": id[:90], "answer": "approve", "ticket": "x"}
            answers.append(await client.post(f"/investigations/{id}{path}", json=body, headers=bearer()))
    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize("status", ["accepted", "running", "interrupted", "decided", "failed", "done"])
async def test_every_status_has_a_page(settings: Settings, status: str):
    id = opened(settings, status=status)
    async with asking(settings) as client:
        page = await client.get(f"/investigations/{id}", headers=HTML)
    check(page.text)
    goes_on = status not in ("failed", "done")
    assert ('http-equiv="refresh"' in page.text, "data-events=" in page.text) == (goes_on, goes_on)


async def test_a_request_that_nobody_answered_in_time_is_expired(
    recording: Path, decided_by_ann: Settings, board: Switchboard, monkeypatch: pytest.MonkeyPatch
):
    await wait_for_approval(recording, decided_by_ann, board.actions())
    later: Callable[[], float] = lambda now=time.time: now() + 86_400  # noqa: E731 - a clock
    monkeypatch.setattr("agent.doors.serving.pages.time.time", later)
    async with asking(decided_by_ann) as client:
        page = await client.get("/investigations/inv", headers={**HTML, **bearer()})
    assert "expired" in page.text and '/approval"' not in page.text


async def test_the_list_is_not_sure_of_what_nobody_was_accused_of(settings: Settings):
    id = opened(settings, status="done")
    Ledger(settings.home).save_report(id, "No cause found for the trouble at store; what is missing is below.", 0.9, "")
    async with asking(settings) as client:
        page = await client.get("/investigations", headers=HTML)
        front = await client.get("/", headers=HTML)
    assert "No cause found" in page.text and "90 %" not in page.text
    assert (front.status_code, front.headers["location"]) == (307, "/investigations")

"""What is hostile in Slack: forged requests, texts that would like to act, and reports that are too long."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from agent.backends import Backends
from agent.doors.slack import EVENTS_PATH
from agent.doors.slacking.door import SlackDoor
from agent.doors.slacking.http import add_route, is_signed
from agent.doors.slacking.words import alert_of_message, plain, wanted_action, wants_investigation
from agent.ledger import Ledger
from agent.report.model import Report
from agent.report.slack import LONGEST_TEXT, MOST_BLOCKS, neutral, render_slack, verdict_blocks
from agent.settings import Settings
from agent.slack_settings import SlackSettings
from tests.conftest import FIRED
from tests.slack_double import BOT, SlackDouble
from tests.slack_room import ANN, closed, intake_of, room, until
from tests.slack_rules import SECRET, problem_of, shown, signed

HOSTILE = [
    "<!channel> <!here> <!everyone> <@U0ANN> <#C1|general> <!subteam^S1>",
    "<http://evil.example/login|click here> https://evil.example www.evil.example mailto:a@evil.example",
    "*bold* _italic_ ~gone~ `code` ```fence``` > quoted",
    ":white_check_mark: :approved: *Approved by* :100: @here @channel #general",
    "&lt;!channel&gt; &amp;lt;!channel&amp;gt;",
    "a\x00b\x1b[31mred\u202etxt\u200b",
    "```\n*Approved:* roll_back of store by ann (slack)\n```",
    "x" * 50_000,
    "<" * 5_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_from_outside_does_nothing(text: str):
    safe = neutral(text, 3_000)
    for acting in ("<", ">", "*", "`", "~", "https:", "http:", "www.", "mailto:", "@here", "@channel", "#general", ":white_check_mark:", ":100:", "\x1b", "\u202e", "\x00"):  # fmt: skip
        assert acting not in safe
    assert "_italic_" not in safe
    assert neutral("http_duration_p99_seconds at 12:36:04 is 3.1 s") == "http_duration_p99_seconds at 12:36:04 is 3.1 s"


async def test_hostile_words_reach_a_thread_inert_and_within_limits(
    settings: Settings, recording: Path, double: SlackDouble
):
    async with room(settings, recording, double, charts=0):
        threads = []
        for number, text in enumerate(HOSTILE):
            alert = double.note(f"C{number}", "", f"front {text}", at=FIRED + number)
            await double.say(f"C{number}", ANN, f"<@{BOT}> investigate this {text[:3000]}", thread_ts=alert["ts"])
            threads.append((f"C{number}", alert["ts"]))
        for channel, ts in threads:
            await closed(settings, channel, ts)
    said = [call.arguments for call in double.calls if call.method in ("chat.postMessage", "chat.update")]
    texts = [text for told in said for text in (told["text"], shown(told.get("blocks", [])))]
    assert [text for text in texts for mark in ("<!", "<@", "<#", "<http", "https://evil") if mark in text] == []


def test_a_long_report_stays_within_slacks_limits(settings: Settings, recording: Path):
    report = _report(recording)
    long = {
        "claims": report.claims * 200,
        "change_quote": "<`*&\n" * 3_000,
        "blind_spots": ("<" * 900,) * 90,
        "headline": "&" * 9_000,
    }
    grown = report.model_copy(update=long)
    for page in [*render_slack(grown), verdict_blocks(grown)]:
        assert problem_of("chat.postMessage", {"text": "x", "blocks": page}) == ""
        assert len(page) <= MOST_BLOCKS + 1
        assert all(len(block["text"]["text"]) <= LONGEST_TEXT for block in page if block["type"] == "section")
        assert all(block["text"]["text"].count("```") % 2 == 0 for block in page if block["type"] == "section")


def _report(recording: Path) -> Report:
    import tempfile

    from agent.alerts import parse_alert
    from agent.events import Finished
    from agent.investigate import investigate
    from agent.sources import Source

    async def run() -> Report:
        alert = parse_alert(json.loads((recording / "alert.json").read_text()))
        with tempfile.TemporaryDirectory() as home:
            told = investigate(alert, Source(kind="recording", place=str(recording)), Settings(home=Path(home)))
            last = [event async for event in told][-1]
        assert isinstance(last, Finished)
        return last.report

    return asyncio.run(run())


def event_body(double: SlackDouble) -> bytes:
    message = double.note("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
    return json.dumps(double.events("C1", message)[0]).encode()


FORGERIES: dict[str, Any] = {
    "no headers": lambda body: {},
    "no signature": lambda body: {k: v for k, v in signed(body).items() if "Signature" not in k},
    "no timestamp": lambda body: {k: v for k, v in signed(body).items() if "Timestamp" not in k},
    "another secret": lambda body: signed(body, secret="other"),
    "an empty secret": lambda body: signed(body, secret=""),
    "another body": lambda body: signed(body + b" "),
    "too old": lambda body: signed(body, at=time.time() - 301),
    "from the future": lambda body: signed(body, at=time.time() + 400),
    "a timestamp that is no number": lambda body: {**signed(body), "X-Slack-Request-Timestamp": "now"},
    "a huge timestamp": lambda body: {**signed(body), "X-Slack-Request-Timestamp": "9" * 5_000},
    "half a signature": lambda body: {**signed(body), "X-Slack-Signature": signed(body)["X-Slack-Signature"][:20]},
    "a signature that is no text": lambda body: {**signed(body), "X-Slack-Signature": b"v0=\xff\xfe"},
    "another version": lambda body: {**signed(body), "X-Slack-Signature": signed(body)["X-Slack-Signature"].replace("v0", "v1")},
}  # fmt: skip


async def http_door(settings: Settings, recording: Path, double: SlackDouble) -> tuple[SlackDoor, AsyncClient]:
    told = SlackSettings(members=(ANN,), api_url=double.url)
    intake = intake_of(settings, recording, lambda: None)
    door = SlackDoor(settings, told, Backends(settings), intake, lambda: None, SECRET)
    app = FastAPI()
    add_route(app, door, EVENTS_PATH)
    await door.start()
    return door, AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False), base_url="http://127.0.0.1")


async def test_what_slack_did_not_sign_is_refused(settings: Settings, recording: Path, double: SlackDouble):
    door, client = await http_door(settings, recording, double)
    body = event_body(double)
    async with client:
        found = {
            way: await client.post("/slack/events", content=body, headers=forge(body))
            for way, forge in FORGERIES.items()
        }
        large = await client.post("/slack/events", content=b" " * 1_000_001, headers=signed(b""))
        odd = [
            await client.post("/slack/events", content=raw, headers=signed(raw) if _text(raw) else {})
            for raw in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 90_000, b'{"type": 1}')
        ]
    await door.stop()
    assert {way: answer.status_code for way, answer in found.items()} == dict.fromkeys(FORGERIES, 401)
    assert large.status_code == 413
    assert [answer.status_code for answer in odd if answer.status_code >= 500] == []
    assert Ledger(settings.home).investigations() == []


def _text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


async def test_signed_requests_are_taken_once(settings: Settings, recording: Path, double: SlackDouble):
    door, client = await http_door(settings, recording, double)
    body = event_body(double)
    async with client:
        answers = [
            await client.post("/slack/events", content=body, headers={**signed(body), "X-Slack-Retry-Num": str(n)})
            for n in range(4)
        ]
        hello = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
        challenge = await client.post("/slack/events", content=hello, headers=signed(hello))
        form = b"command=%2Fpcause&text=investigate+front&user_id=U0ANN&channel_id=C1&trigger_id=t.1"
        command = await client.post(
            "/slack/events", content=form, headers={**signed(form), "Content-Type": "application/x-www-form-urlencoded"}
        )
        await until(lambda: len(Ledger(settings.home).investigations()) == 2)
    await door.stop()
    assert [answer.status_code for answer in answers] == [200] * 4
    assert "abc" in challenge.text
    assert "Taken" in command.json()["text"]


def test_without_a_secret_nothing_is_signed():
    assert not is_signed("", b"{}", str(int(time.time())), "v0=")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("investigate this", ""), ("Investigate this, please!", ""), ("can you look into it", ""), ("rca", ""),
        ("investigate checkout since 14:00", "checkout since 14:00"), ("diagnose: payments are slow", "payments are slow"),
        ("what changed?", None), ("", None), ("I will not investigate", None), ("investigation", None),
    ],
)  # fmt: skip
def test_what_is_asked_is_read_from_the_words(text: str, what: str | None):
    assert wants_investigation(text) == what


def test_slack_markup_is_read_as_people_see_it():
    assert (
        plain("a &lt;b&gt; &amp; <http://x.example|label> <http://y.example> <@U1> <!here>")
        == "a <b> & label http://y.example @U1 @here"
    )
    assert wanted_action("act open_ticket") == ("open_ticket", "")
    assert wanted_action("act silence_alert for store") == ("silence_alert", "store")
    assert wanted_action("Undo") == ("undo", "")
    assert wanted_action("act") == ("", "")
    assert wanted_action("act on this now please, everything burns") is None
    deep: Any = "x"
    for _ in range(500):
        deep = {"blocks": [deep] if isinstance(deep, dict) else [], "text": "deep"}
    assert alert_of_message({"ts": "1790000000.5", "blocks": [deep]}).fired_at == 1_790_000_000.5

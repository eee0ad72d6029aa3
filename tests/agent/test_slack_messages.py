"""What stands in Slack in the end: the message that follows an investigation, tables, thumbs; and whose body is read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from slack_sdk.web.async_client import AsyncWebClient

from agent.backends import Backends
from agent.doors.serving import bodies
from agent.doors.slacking.blocks import said
from agent.doors.slacking.door import SlackDoor
from agent.doors.slacking.http import add_route
from agent.doors.slacking.outbox import Outbox
from agent.doors.slacking.threads import Posts, Threads
from agent.settings import Settings
from agent.slack_settings import SlackSettings
from tests.agent.test_runbook_steps import report_of
from tests.conftest import FIRED
from tests.slack_double import BOT, BOT_TOKEN, SlackDouble
from tests.slack_room import ANN, intake_of, room, until
from tests.slack_rules import SECRET, shown, signed
from tools.spec import Table


@pytest.fixture
async def double(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackDouble]:
    monkeypatch.setenv("SLACK_BOT_TOKEN", BOT_TOKEN)
    slack = SlackDouble()
    await slack.start()
    yield slack
    await slack.stop()
    assert slack.problems == []


def outbox(double: SlackDouble, home: Path) -> Outbox:
    return Outbox(AsyncWebClient(BOT_TOKEN, base_url=double.url, retry_handlers=[]), Posts(home))


@pytest.mark.parametrize("answer_lost", [True, False])
async def test_a_message_of_an_earlier_try_ends_in_the_verdict_too(
    settings: Settings, recording: Path, double: SlackDouble, answer_lost: bool
):
    id, report = await report_of(recording, settings)
    threads, key = Threads(settings.home), "slack:C1:1"
    asked = double.note("C1", ANN, f"<@{BOT}> investigate front")["ts"]
    threads.open(key, "C1", asked, asked, id, ANN)
    if answer_lost:  # Slack took it, and who sent it knows only that it was about to
        await outbox(double, settings.home / "elsewhere").post(f"{key}:message", "C1", asked, "Investigating")
        Posts(settings.home).begin(f"{key}:message")
    else:
        await outbox(double, settings.home).post(f"{key}:message", "C1", asked, "Investigating")
    async with room(settings, recording, double, working=False, charts=0):
        await until(lambda: (found := threads.at("C1", asked)) is not None and found.state == "closed")
    message, *_ = double.ours("C1", asked)
    assert [m["text"] for m in double.ours("C1", asked)].count("Investigating") == 0
    assert report.headline.split()[0] in shown(message["blocks"])


async def test_a_post_tells_whether_it_was_sent_now(settings: Settings, double: SlackDouble):
    box = outbox(double, settings.home)
    first, again = await box.post("k", "C1", "", "hello"), await box.post("k", "C1", "", "other words")
    assert (first.now, again.now, first.ts) == (True, False, again.ts)
    double.breaks, double.late = {"chat.postMessage": 1}, True
    late = await box.post("l", "C1", "", "hello")
    assert not late.now, "the answer was lost, so it was looked for"
    assert [m["text"] for m in double.ours("C1")] == ["hello", "hello"]


async def test_a_thumb_that_turns_takes_the_incident_out(settings: Settings, recording: Path, double: SlackDouble):
    async with room(settings, recording, double, charts=0):
        asked = await double.say("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        threads = Threads(settings.home)
        thread = await until(lambda: (t := threads.at("C1", asked)) is not None and t.state == "closed" and t)
        kept = settings.home / "incidents" / "confirmed" / f"{thread.investigation_id}.md"
        await double.react("C1", ANN, thread.message_ts, "+1")
        await until(kept.exists)
        await double.react("C1", ANN, thread.message_ts, "-1")
        await until(lambda: not kept.exists())


def rows_of(table: Table) -> list[str]:
    (block,) = said("", [], [table])[1:]
    first, *lines, last = block["text"]["text"].split("\n")
    assert (first, last) == ("```", "```")
    assert len(block["text"]["text"]) <= 3_000
    return lines


def test_a_table_that_is_too_long_loses_its_last_rows_and_says_how_many():
    columns = tuple(f"column{n}" for n in range(6))
    header, *rows = rows_of(Table("t", columns, tuple((f"row{n}", *["x" * 40] * 5) for n in range(30))))
    assert header.split() == list(columns)
    kept = rows[:-1]
    assert [row.split()[0] for row in kept] == [f"row{n}" for n in range(len(kept))]
    assert 0 < len(kept) < 20
    assert rows[-1] == f"… and {30 - len(kept)} more"


def test_a_table_that_fits_is_whole():
    assert rows_of(Table("t", ("a",), (("x",), ("y",)))) == ["a", "x", "y"]
    assert rows_of(Table("t", ("a",), (("x",),) * 25))[-1] == "… and 5 more"


async def answer(settings: Settings, recording: Path, headers: dict[str, str], pieces: list[dict[str, Any]]) -> int:
    """The status that ``/slack/events`` gives to who sends so, and then nothing more."""
    intake = intake_of(settings, recording, lambda: None)
    door = SlackDoor(settings, SlackSettings(members=(ANN,)), Backends(settings), intake, lambda: None, SECRET)
    app, sent = FastAPI(), []
    add_route(app, door, "/slack/events")

    async def receive() -> dict[str, Any]:
        return pieces.pop(0) if pieces else await asyncio.Event().wait()  # type: ignore[return-value]

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/slack/events", "query_string": b"", "headers": raw}
    async with asyncio.timeout(20.0):
        await app(scope, receive, send)
    await door.stop()
    return int(sent[0]["status"])


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", BOT_TOKEN)


@pytest.mark.parametrize("missing", ["X-Slack-Request-Timestamp", "X-Slack-Signature", ""])
@pytest.mark.usefixtures("token")
async def test_the_body_of_who_shows_nothing_or_an_old_time_is_not_read(
    settings: Settings, recording: Path, missing: str
):
    headers = signed(b"{}", at=None if missing else 1_000_000_000.0)
    headers.pop(missing, None)
    assert await answer(settings, recording, headers, []) == 401, "no piece of the body ever comes"


@pytest.mark.usefixtures("token")
async def test_a_body_that_does_not_come_is_waited_for_so_long(
    settings: Settings, recording: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bodies, "_MOST_SECONDS", 0.05)
    piece = {"type": "http.request", "body": b"{", "more_body": True}
    assert await answer(settings, recording, signed(b"{}"), [piece]) == 408


@pytest.mark.usefixtures("token")
async def test_a_sender_who_leaves_is_no_failure_of_ours(settings: Settings, recording: Path):
    piece = {"type": "http.request", "body": b"{", "more_body": True}
    assert await answer(settings, recording, signed(b"{}"), [piece, {"type": "http.disconnect"}]) == 400

"""Slack, through a double that speaks its protocols and the real SDK: a mention becomes one message that ends in a verdict."""

import json
from pathlib import Path

from agent.feedback import feedback
from agent.ledger import Ledger
from agent.settings import Settings
from agent.state import Alert
from tests.conftest import FIRED
from tests.slack_double import BOT, SlackDouble
from tests.slack_room import ANN, EVE, closed, intake_of, room, until
from tests.slack_rules import shown


async def test_a_mention_becomes_one_message_that_ends_in_a_verdict(
    settings: Settings, recording: Path, double: SlackDouble
):
    async with room(settings, recording, double):
        ts = await double.say("C1", ANN, f"<@{BOT}> investigate the latency of front", at=FIRED)
        await closed(settings, "C1", ts)
    (row,) = Ledger(settings.home).investigations()
    message, *details = double.ours("C1", ts)
    assert row.headline.split()[0] in shown(message["blocks"])
    assert "*How sure:*" in shown(message["blocks"])
    assert "tool call" in shown(message["blocks"]), "the cost is in the footer"
    assert row.id in shown(message["blocks"]), "the line to hand over"
    assert "*Causal path*" in "".join(shown(page.get("blocks", [])) for page in details)
    assert double.message("C1", ts)["signs"] == ["white_check_mark"]
    pictures = [double.files[file["id"]] for page in details for file in page.get("files", [])]
    assert pictures
    assert all(picture["data"].startswith(b"\x89PNG") and picture["alt"] for picture in pictures)
    assert row.requested_by == f"slack:{ANN}"
    sent = [call.arguments for call in double.calls if call.method == "chat.postMessage"]
    assert all(told["unfurl_links"] in (False, "false", "0") and told["parse"] == "none" for told in sent)
    assert any(call.method == "chat.update" for call in double.calls)


async def test_each_event_delivered_four_times_is_one_reply(settings: Settings, recording: Path, double: SlackDouble):
    async with room(settings, recording, double):
        message = double.note("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        for payload in double.events("C1", message):
            for _ in range(4):
                await double.deliver(payload)
        await closed(settings, "C1", message["ts"])
    assert len(Ledger(settings.home).investigations()) == 1
    replies = [m for m in double.ours("C1", message["ts"]) if "*How sure:*" in shown(m.get("blocks", []))]
    assert len(replies) == 1


async def test_a_reply_to_an_alert_investigates_that_alert(settings: Settings, recording: Path, double: SlackDouble):
    text = "[FIRING:1] front-latency\nfront p99 is above 1 s <http://alerts.example/x|Graph> <!channel>"
    attached = {"attachments": [{"title": "http_duration_p99_seconds", "text": "front", "fallback": "x"}]}
    async with room(settings, recording, double):
        alert = double.note("C1", "", text, at=FIRED, **attached)
        await double.say("C1", ANN, f"<@{BOT}> investigate this please", thread_ts=alert["ts"])
        await double.say("C1", ANN, f"<@{BOT}> look into it", thread_ts=alert["ts"])
        await closed(settings, "C1", alert["ts"])
    (row,) = Ledger(settings.home).investigations()
    told = json.loads(row.alert)
    assert (told["name"], told["fired_at"], told["source"]) == ("[FIRING:1] front-latency", FIRED, "slack")
    assert "front p99 is above 1 s Graph" in told["summary"]
    assert "http_duration_p99_seconds" in told["summary"]
    assert "pool" in row.headline or "store" in row.headline


async def test_who_is_not_on_the_list_is_told_once_and_only_they(
    settings: Settings, recording: Path, double: SlackDouble
):
    async with room(settings, recording, double):
        for _ in range(3):
            await double.say("C1", EVE, f"<@{BOT}> investigate front")
        answer = double.answers[await double.command(EVE, "C1", "investigate front")]
        await until(lambda: double.whispers)
        await double.say("C1", "", f"<@{BOT}> investigate front")
    assert [whisper["user"] for whisper in double.whispers] == [EVE]
    assert EVE in answer["text"]
    assert (Ledger(settings.home).investigations(), double.ours("C1")) == ([], [])


async def test_an_empty_list_lets_nobody_in(settings: Settings, recording: Path, double: SlackDouble):
    async with room(settings, recording, double, members=()):
        await double.say("C1", ANN, f"<@{BOT}> investigate front")
        await until(lambda: double.whispers)
    assert Ledger(settings.home).investigations() == []


async def test_a_command_opens_a_thread_of_its_own(settings: Settings, recording: Path, double: SlackDouble):
    async with room(settings, recording, double):
        trigger = double.trigger()
        for _ in range(3):
            id = await double.command(ANN, "C1", "investigate the latency of front", trigger)
        assert "Taken" in double.answers[id]["text"]
        (root,) = await until(lambda: [m for m in double.ours("C1") if "thread_ts" not in m])
        await closed(settings, "C1", root["ts"])
    assert len(Ledger(settings.home).investigations()) == 1
    assert double.ours("C1", root["ts"]), "details are in its thread"


async def test_a_thumb_up_keeps_the_incident_and_a_thumb_down_is_noted(
    settings: Settings, recording: Path, double: SlackDouble
):
    async with room(settings, recording, double):
        ts = await double.say("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        await closed(settings, "C1", ts)
        (row,) = Ledger(settings.home).investigations()
        message_ts = double.ours("C1", ts)[0]["ts"]
        await double.react("C1", EVE, message_ts, "-1")
        await double.react("C1", ANN, message_ts, "-1")
        (said,) = await until(lambda: feedback(settings.home, row.id))
        assert (said.person, said.right) == (ANN, False)
        await double.react("C1", ANN, message_ts, "+1::skin-tone-2")
        await until(lambda: [(said.person, said.right) for said in feedback(settings.home, row.id)] == [(ANN, True)])
        assert (settings.home / "incidents" / "confirmed" / f"{row.id}.md").exists()
        await double.react("C1", ANN, message_ts, "+1", added=False)
        await until(lambda: not feedback(settings.home, row.id))


async def test_an_investigation_of_another_door_is_shown_by_its_id(
    settings: Settings, recording: Path, double: SlackDouble
):
    async with room(settings, recording, double):
        alert = Alert(id="a", name="front-latency", entity="front", fired_at=FIRED)
        id = intake_of(settings, recording, lambda: None).ask(alert, "web:1", "web:ann").id
        ts = await double.say("C1", ANN, f"<@{BOT}> show {id}")
        await closed(settings, "C1", ts)
        wrong = await double.say("C1", ANN, f"<@{BOT}> {'0' * 12}")
        await until(lambda: double.ours("C1", wrong))
    assert id in shown(double.ours("C1", ts)[0]["blocks"])
    assert "no investigation begins" in shown(double.ours("C1", wrong)[0]["blocks"])
    assert [row.id for row in Ledger(settings.home).investigations()] == [id]


async def test_talk_among_others_is_written_nowhere(settings: Settings, recording: Path, double: SlackDouble):
    async with room(settings, recording, double, working=False):
        root = double.note("C1", EVE, "lunch?")
        await double.say("C1", ANN, "secret plans", thread_ts=root["ts"])
        await double.say("C1", ANN, "secret plans")
        await double.react("C1", ANN, root["ts"], "+1")
    assert b"secret plans" not in b"".join(path.read_bytes() for path in settings.home.glob("ledger.db*"))
    assert double.ours("C1") == []

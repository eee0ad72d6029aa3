"""Slack's limits and failures in the middle of a post, a restart, a second bot: everything is said, and said once."""

from pathlib import Path
from typing import Any

from agent.doors.slacking.outbox import Outbox
from agent.doors.slacking.threads import Posts, Threads, ThreadState
from agent.ledger import Ledger
from agent.settings import Settings
from tests.conftest import FIRED
from tests.slack_double import BOT, BOT_TOKEN, SlackDouble
from tests.slack_room import ANN, closed, room, until
from tests.slack_rules import shown


def verdicts(double: SlackDouble, ts: str) -> list[dict[str, Any]]:
    return [m for m in double.ours("C1", ts) if "*How sure:*" in shown(m.get("blocks", []))]


async def test_a_limit_of_slack_is_waited_for_and_nothing_is_said_twice(
    settings: Settings, recording: Path, double: SlackDouble
):
    double.limits = {"chat.postMessage": 2, "chat.update": 1, "reactions.add": 1, "files.getUploadURLExternal": 1}
    async with room(settings, recording, double):
        ts = await double.say("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        await closed(settings, "C1", ts)
    assert len(verdicts(double, ts)) == 1
    assert double.message("C1", ts)["signs"] == ["white_check_mark"]
    assert set(double.limits.values()) == {0}


async def test_a_post_that_arrived_though_slack_broke_is_not_sent_again(
    settings: Settings, recording: Path, double: SlackDouble
):
    double.breaks, double.late = {"chat.postMessage": 1, "files.completeUploadExternal": 1}, True
    async with room(settings, recording, double, charts=1):
        ts = await double.say("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        await closed(settings, "C1", ts)
    keys = [m["metadata"]["event_payload"]["key"] for m in double.ours("C1", ts) if "metadata" in m]
    assert len(keys) == len(set(keys)) >= 2
    assert len([m for m in double.ours("C1", ts) if m.get("files")]) == 1


async def test_a_post_that_did_not_arrive_is_sent_again(settings: Settings, double: SlackDouble):
    from slack_sdk.web.async_client import AsyncWebClient

    double.breaks = {"chat.postMessage": 2}
    root = double.note("C1", ANN, "hello")
    outbox = Outbox(AsyncWebClient(BOT_TOKEN, base_url=double.url, retry_handlers=[]), Posts(settings.home))
    first = await outbox.post("k", "C1", root["ts"], "hello")
    again = await outbox.post("k", "C1", root["ts"], "hello")
    assert (first.ts == again.ts, first.now, again.now, len(double.ours("C1"))) == (True, True, False, 1)


async def test_a_bot_that_was_killed_goes_on_and_posts_nothing_twice(
    settings: Settings, recording: Path, double: SlackDouble
):
    # Taken, and killed before anything was done with it.
    async with room(settings, recording, double, working=False):
        ts = await double.say("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        message = (await until(lambda: double.ours("C1", ts)))[0]
        assert "Taken" in shown(message["blocks"])
    # Killed after a details page was noted and sent, before its answer was.
    async with room(settings, recording, double):
        await until(lambda: len(double.ours("C1", ts)) >= 2)
    async with room(settings, recording, double):
        await closed(settings, "C1", ts)
    keys = [m["metadata"]["event_payload"]["key"] for m in double.ours("C1", ts) if "metadata" in m]
    names = [file["name"] for m in double.ours("C1", ts) for file in m.get("files", [])]
    assert (len(keys), len(names)) == (len(set(keys)), len(set(names)))
    assert verdicts(double, ts) == [message], "the same message, renewed"
    assert len(Ledger(settings.home).investigations()) == 1


async def test_a_process_beside_says_nothing_while_another_speaks(
    settings: Settings, recording: Path, double: SlackDouble
):
    async with room(settings, recording, double), room(settings, recording, double, working=False):
        message = double.note("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        payloads = double.events("C1", message)
        for _ in range(2):  # over the second's socket
            for payload in payloads:
                await double.deliver(payload)
        await closed(settings, "C1", message["ts"])
    assert len(verdicts(double, message["ts"])) == 1


async def test_a_reply_in_the_thread_is_answered_there(settings: Settings, recording: Path, double: SlackDouble):
    async with room(settings, recording, double, charts=0):
        ts = await double.say("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        await closed(settings, "C1", ts)
        before = len(double.ours("C1", ts))
        asked = await double.say("C1", ANN, "what is the verdict?", thread_ts=ts)
        await double.say("C1", "U0EVE", "and for me?", thread_ts=ts)
        await double.say("C1", ANN, "<@U0BOB> what do you think?", thread_ts=ts)
        await until(lambda: "white_check_mark" in double.message("C1", asked).get("signs", []))
    assert len(double.ours("C1", ts)) == before + 1
    assert len(Ledger(settings.home).investigations()) == 1


async def test_a_cause_is_said_to_be_wrong_in_the_thread(settings: Settings, recording: Path, double: SlackDouble):
    from agent.steering import told

    async with room(settings, recording, double, charts=0):
        ts = await double.say("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        await closed(settings, "C1", ts)
        (row,) = Ledger(settings.home).investigations()
        asked = await double.say("C1", ANN, "H1 is wrong, the pool was fine", thread_ts=ts)
        await until(lambda: "white_check_mark" in double.message("C1", asked).get("signs", []))
        nothing = await double.say("C1", ANN, "H77 is wrong", thread_ts=ts)
        await until(lambda: "white_check_mark" in double.message("C1", nothing).get("signs", []))
    (steering,) = told(settings.home, row.id)
    assert (steering.by, steering.text) == (f"slack:{ANN}", "H1 is wrong, the pool was fine")
    assert "no hypothesis H77" in shown(double.ours("C1", ts)[-1]["blocks"])


async def test_an_end_that_was_half_told_is_told_to_its_end(settings: Settings, recording: Path, double: SlackDouble):
    async with room(settings, recording, double, charts=0):
        ts = await double.say("C1", ANN, f"<@{BOT}> investigate front", at=FIRED)
        await closed(settings, "C1", ts)
    # As one that was killed after it had noted what its message says, and before it had put the sign.
    double.message("C1", ts)["signs"] = ["eyes"]
    Threads(settings.home).set_state(f"slack:C1:{ts}", ThreadState.OPEN)
    async with room(settings, recording, double, charts=0, working=False):
        await closed(settings, "C1", ts)
    assert double.message("C1", ts)["signs"] == ["white_check_mark"]
    assert len(verdicts(double, ts)) == 1

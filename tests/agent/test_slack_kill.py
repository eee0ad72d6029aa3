"""``kill -9`` of a bot in the middle of its work: what was taken is answered, and nothing is posted twice."""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from agent.doors.slacking.threads import Threads
from agent.ledger import Ledger
from agent.settings import Settings
from tests.conftest import FIRED
from tests.slack_double import BOT, SlackDouble
from tests.slack_room import ANN, until

ROOT = Path(__file__).resolve().parents[2]
_KILLS = 6


async def test_a_killed_bot_loses_nothing_and_says_nothing_twice(
    settings: Settings, recording: Path, double: SlackDouble
):
    random, threads = Random(7), []
    process: asyncio.subprocess.Process | None = None
    try:
        for kill in range(_KILLS + 1):
            told = (str(settings.home), str(recording), double.url)
            process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.slack_process", *told, cwd=ROOT)
            await double.connected()
            if kill == _KILLS:
                break
            threads.append(await double.say(f"C{kill % 3}", ANN, f"<@{BOT}> investigate front", at=FIRED + kill))
            await asyncio.sleep(random.uniform(0.0, 4.0))
            process.kill()
            await process.wait()
            await until(lambda: not double.connections)
        known = Threads(settings.home)
        await until(
            lambda: all((t := known.at(f"C{n % 3}", ts)) and t.state == "closed" for n, ts in enumerate(threads)), 180.0
        )
    finally:
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
    assert len(Ledger(settings.home).investigations()) == _KILLS
    posted = [m for messages in double.channels.values() for m in messages if "metadata" in m]
    keys = Counter(m["metadata"]["event_payload"]["key"] for m in posted)
    names = Counter(f["name"] for messages in double.channels.values() for m in messages for f in m.get("files", []))
    assert [key for key, count in (keys + names).items() if count > 1] == []
    assert {
        ts: sum(m["thread_ts"] == ts and "details" not in m["text"] for m in posted) for ts in threads
    } == dict.fromkeys(threads, 1)
    assert [double.message(f"C{n % 3}", ts)["signs"] for n, ts in enumerate(threads)] == [["white_check_mark"]] * _KILLS


@pytest.mark.parametrize("member", ["ann", "u0ann", "B0BOT", "U0 ANN", ""])
def test_a_member_is_named_by_an_id(member: str):
    from agent.slack_settings import SlackSettings

    with pytest.raises(ValueError, match="no member id"):
        SlackSettings(members=(member,))

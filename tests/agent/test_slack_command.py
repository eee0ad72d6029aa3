"""``pcause slack`` as a process, and ``/slack/events`` beside the server's other routes."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from agent.backends import Backends
from agent.doors.slack import slack_routes
from agent.intake import Intake
from agent.settings import Settings, SettingsError
from agent.slack_settings import SlackSettings
from agent.sources import Source
from agent.workers import Workers
from tests.slack_double import APP_TOKEN, BOT, SlackDouble
from tests.slack_room import ANN, until
from tests.slack_rules import SECRET, signed

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "from agent.doors.slack import slack; from agent.settings import SettingsError\ntry: slack()\nexcept SettingsError as e: raise SystemExit(f'pcause: {e}')"


async def test_the_command_listens_answers_and_stops(tmp_path: Path, double: SlackDouble):
    (tmp_path / "pcause.yaml").write_text(
        f"home: {tmp_path}/home\nprometheus: {{url: 'http://127.0.0.1:1'}}\nslack: {{members: [{ANN}], api_url: '{double.url}'}}\n"
    )
    env = {**os.environ, "SLACK_APP_TOKEN": APP_TOKEN, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMAND, cwd=tmp_path, env=env, stderr=subprocess.PIPE
    )
    try:
        await double.connected()
        ts = await double.say("C1", ANN, f"<@{BOT}> investigate checkout")
        await until(lambda: double.ours("C1", ts))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
        assert process.stderr is not None
        assert (await process.stderr.read()).decode().strip() == "Listening to Slack. Stop with Ctrl+C."
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ({}, "SLACK_BOT_TOKEN"),
        ({"SLACK_BOT_TOKEN": "xapp-1", "SLACK_APP_TOKEN": "xapp-1"}, "begin with xoxb-"),
        ({"SLACK_BOT_TOKEN": "xoxb-wrong", "SLACK_APP_TOKEN": APP_TOKEN}, "invalid_auth"),
    ],
)
async def test_a_wrong_token_is_said_with_its_remedy(
    tmp_path: Path, double: SlackDouble, tokens: dict[str, str], said: str
):
    (tmp_path / "pcause.yaml").write_text(
        f"home: {tmp_path}/home\nprometheus: {{url: 'http://127.0.0.1:1'}}\nslack: {{members: [{ANN}], api_url: '{double.url}'}}\n"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("SLACK_")} | tokens | {"PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMAND, cwd=tmp_path, env=env, stderr=subprocess.PIPE
    )
    _, told = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, said in told.decode(), "Traceback" in told.decode()) == (1, True, False), told.decode()


async def test_the_server_answers_slack_once_it_has_answered_us(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, double: SlackDouble
):
    monkeypatch.setenv("SLACK_SIGNING_SECRET", SECRET)
    app = FastAPI()
    settings = settings.model_copy(update={"slack": SlackSettings(members=(ANN,), api_url=double.url)})
    workers = Workers(settings, Backends(settings), 1, lambda outcome, seconds: None)
    intake = Intake(settings, lambda _: Source(kind="live"), workers.wake)
    door = slack_routes(app, settings, Backends(settings), intake, workers)
    assert door is not None
    body = b'{"type": "url_verification", "challenge": "abc"}'
    async with AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as client:
        early = await client.post("/slack/events", content=body, headers=signed(body))
        door.start_later()
        await until(lambda: door.app is not None)
        later = await client.post("/slack/events", content=body, headers=signed(body))
    await door.stop()
    assert (early.status_code, later.status_code, "abc" in later.text) == (503, 200, True)


def test_a_missing_token_names_its_variable(monkeypatch: pytest.MonkeyPatch):
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.delenv(name, raising=False)
    told = SlackSettings()
    assert not told.speaks_http
    with pytest.raises(SettingsError, match="set SLACK_BOT_TOKEN to the value from your Slack app"):
        _ = told.bot_token
    with pytest.raises(SettingsError, match="set SLACK_SIGNING_SECRET"):
        _ = told.signing_secret

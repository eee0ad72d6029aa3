"""Slack: ``pcause slack`` listens by Socket Mode, ``slack_routes`` by HTTP within the server. What is heard is worked off
in ``agent/doors/slacking/``; this only starts and stops it.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from fastapi import FastAPI

    from agent.backends import Backends
    from agent.doors.slacking.door import SlackDoor
    from agent.intake import Intake
    from agent.settings import Settings
    from agent.workers import Workers

EVENTS_PATH = "/slack/events"
_STOP_SECONDS = 4.0
_EXTRA = "Slack needs more packages: install probable-cause[slack]"


def slack() -> None:
    """Listen to Slack by Socket Mode: mention the app, or reply “investigate this” to an alert (see docs/slack.md)."""
    from agent.doors.running import fail, live_source
    from agent.settings import load_settings

    settings = load_settings()
    live_source(settings)
    try:
        import aiohttp
        import slack_bolt
    except ImportError:
        fail(_EXTRA, 1)
    del aiohttp, slack_bolt
    if not settings.slack.members:
        typer.echo("pcause: slack.members is empty, so nobody may ask yet: add member ids to pcause.yaml", err=True)
    asyncio.run(_listen(settings))


def slack_routes(
    app: "FastAPI", settings: "Settings", backends: "Backends", intake: "Intake", workers: "Workers"
) -> "SlackDoor | None":
    """Add ``/slack/events``; None where no bot token and no signing secret are set. Start and stop what it gives with the
    application: ``start_later()``, ``await stop()``."""
    if not settings.slack.speaks_http:
        return None
    try:
        from agent.doors.slacking.door import SlackDoor
        from agent.doors.slacking.http import add_route
    except ImportError as error:
        from agent.settings import SettingsError

        raise SettingsError(_EXTRA) from error
    secret = settings.slack.signing_secret.get_secret_value()
    door = SlackDoor(settings, settings.slack, backends, intake, workers.wake, secret)
    add_route(app, door, EVENTS_PATH)
    return door


@asynccontextmanager
async def socket_mode(door: "SlackDoor", app_token: str) -> AsyncIterator[None]:
    """Hear by Socket Mode while it lasts. Raises ``SettingsError`` and ``OSError`` as ``SlackDoor.start``."""
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

    await door.start()
    assert door.app is not None  # noqa: S101 - it has started
    handler = AsyncSocketModeHandler(door.app, app_token)
    try:
        await handler.connect_async()  # type: ignore[no-untyped-call]
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
        await door.stop()


async def _listen(settings: "Settings") -> None:
    from agent.backends import Backends
    from agent.doors.slacking.door import SlackDoor
    from agent.intake import Intake
    from agent.sources import Source
    from agent.workers import Workers

    backends = Backends(settings)
    workers = Workers(settings, backends, settings.slack.at_once, lambda outcome, seconds: None)
    intake = Intake(settings, lambda _: Source(kind="live"), workers.wake)
    door = SlackDoor(settings, settings.slack, backends, intake, workers.wake)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with socket_mode(door, settings.slack.app_token.get_secret_value()):
        workers.start()
        typer.echo("Listening to Slack. Stop with Ctrl+C.", err=True)
        await stopped.wait()
    await asyncio.to_thread(workers.stop, _STOP_SECONDS)

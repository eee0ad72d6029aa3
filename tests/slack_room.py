"""The Slack door over a double, with a recording to investigate; and waiting for what it says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from agent.backends import Backends
from agent.doors.slack import socket_mode
from agent.doors.slacking.door import SlackDoor
from agent.doors.slacking.threads import Threads
from agent.intake import Intake
from agent.settings import Settings
from agent.slack_settings import SlackSettings
from agent.sources import Source
from agent.workers import Workers
from tests.slack_double import APP_TOKEN, SlackDouble

T = TypeVar("T")
ANN, BOB, EVE = "U0ANN", "U0BOB", "U0EVE"


def intake_of(settings: Settings, recording: Path, wake: Callable[[], None]) -> Intake:
    """The real intake, over the recording."""
    return Intake(settings, lambda _: Source(kind="recording", place=str(recording)), wake)


@asynccontextmanager
async def slack() -> AsyncIterator[SlackDouble]:
    """A Slack that listens. What it had to refuse fails the test."""
    double = SlackDouble()
    await double.start()
    try:
        yield double
    finally:
        await double.stop()
    assert double.problems == []


@asynccontextmanager
async def room(
    settings: Settings, recording: Path, double: SlackDouble, working: bool = True, **slack: Any
) -> AsyncIterator[SlackDoor]:
    """A running door (its tokens are the double's), with workers where something is to be investigated."""
    told = SlackSettings(**{"members": (ANN, BOB), "api_url": double.url, **slack})
    workers = Workers(settings, Backends(settings), 2, lambda outcome, seconds: None)
    door = SlackDoor(settings, told, Backends(settings), intake_of(settings, recording, workers.wake), workers.wake)
    async with socket_mode(door, APP_TOKEN):
        await double.connected()
        if working:
            workers.start()
        try:
            yield door
        finally:
            if working:
                await asyncio.to_thread(workers.stop, 10.0)


async def closed(settings: Settings, channel: str, ts: str) -> None:
    """Wait until everything about a conversation was said."""
    threads = Threads(settings.home)
    await until(lambda: (found := threads.at(channel, ts)) is not None and found.state == "closed")


async def until(good: Callable[[], T], seconds: float = 60.0) -> T:
    """What ``good`` gives, once it is true."""
    async with asyncio.timeout(seconds):
        while not (found := good()):  # noqa: ASYNC110 - it is another's state
            await asyncio.sleep(0.05)
    return found

"""A process that listens to a Slack double, to be killed: ``python -m tests.slack_process HOME RECORDING API_URL``."""

import asyncio
import sys
from pathlib import Path

from agent.backends import Backends
from agent.doors.slack import socket_mode
from agent.doors.slacking.door import SlackDoor
from agent.settings import Settings
from agent.slack_settings import SlackSettings
from agent.workers import Workers
from tests.slack_double import APP_TOKEN
from tests.slack_room import ANN, intake_of


async def listen(home: Path, recording: Path, url: str) -> None:
    settings = Settings(home=home)
    workers = Workers(settings, Backends(settings), 2, lambda outcome, seconds: None)
    intake = intake_of(settings, recording, workers.wake)
    told = SlackSettings(members=(ANN,), api_url=url, charts=1)
    door = SlackDoor(settings, told, Backends(settings), intake, workers.wake)
    async with socket_mode(door, APP_TOKEN):
        workers.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(listen(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))

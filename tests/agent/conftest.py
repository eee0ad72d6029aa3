"""What the tests of the doors share."""

from collections.abc import AsyncIterator

import pytest

from tests.slack_double import BOT_TOKEN, SlackDouble
from tests.slack_room import slack


@pytest.fixture
async def double(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackDouble]:
    """A Slack whose bot's token is in the environment."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", BOT_TOKEN)
    async with slack() as running:
        yield running

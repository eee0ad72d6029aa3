"""The Slack door, whole: a bolt app that commits and acknowledges, dialogues that count answers, a speaker for the rest.

Nothing is done within a delivery but its commit: Slack waits three seconds for its acknowledgement.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from agent.approvals import Approvals
from agent.backends import Backends
from agent.doors.slacking.dialogues import Dialogues
from agent.doors.slacking.events import read_command, read_event
from agent.doors.slacking.following import Follower
from agent.doors.slacking.hearing import Hearing
from agent.doors.slacking.inbox import Inbox
from agent.doors.slacking.outbox import Outbox
from agent.doors.slacking.speaker import Speaker
from agent.doors.slacking.threads import Posts, Threads
from agent.intake import Intake
from agent.ledger import LedgerError
from agent.settings import Settings, SettingsError
from agent.slack_settings import SlackSettings

_log = logging.getLogger(__name__)

_CALL_SECONDS = 30
_AGAIN_SECONDS = 15.0


class SlackDoor:
    """``wake`` tells the workers that something was decided. Opens the ledger, raises ``LedgerError``.

    Without ``signing_secret`` nothing is taken over HTTP.
    """

    def __init__(
        self, settings: Settings, slack: SlackSettings, backends: Backends, intake: Intake, wake: Callable[[], None],
        signing_secret: str = "",
    ) -> None:  # fmt: skip
        self.client = AsyncWebClient(
            slack.bot_token.get_secret_value(), base_url=slack.api_url, timeout=_CALL_SECONDS, retry_handlers=[]
        )
        self.signing_secret = signing_secret
        self._wake, self._me = wake, AuthorizeResult(enterprise_id=None, team_id=None)
        self._inbox, threads = Inbox(settings.home), Threads(settings.home)
        outbox = Outbox(self.client, Posts(settings.home))
        self._hearing = Hearing(settings, slack, backends, intake, self._inbox, threads, outbox, self._changed)
        self._follower = Follower(settings, slack, threads, outbox)
        self._speaker = Speaker(settings.home, self._inbox, self._hearing, self._follower)
        self._dialogues = Dialogues(Approvals(settings), outbox, self._decided)
        self._tasks: set[asyncio.Task[None]] = set()
        self.app: AsyncApp | None = None

    async def start(self) -> None:
        """Ask Slack who we are, then listen. Raises ``SettingsError`` for a token that Slack refuses, ``OSError`` where
        it does not answer."""
        try:
            me = await self.client.auth_test()
        except SlackApiError as error:
            data = error.response.data
            said = data.get("error") if isinstance(data, dict) else error.response.status_code
            raise SettingsError(f"Slack refuses the bot token: {said}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise OSError(f"Slack does not answer: {error}") from error
        self._me = AuthorizeResult(
            enterprise_id=None, team_id=me.get("team_id"), bot_id=me.get("bot_id"), bot_user_id=me.get("user_id"),
            bot_token=self.client.token,
        )  # fmt: skip
        self.app = self._build()
        self._keep(self._speaker.run())

    def start_later(self) -> None:
        """The same in the background, as often as it takes: a server takes alerts while Slack is away."""
        self._keep(self._start_when_it_answers())

    async def stop(self) -> None:
        """What was taken and not answered is answered by who starts next."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._inbox.close()

    async def _start_when_it_answers(self) -> None:
        while self.app is None:
            try:
                await self.start()
            except (SettingsError, OSError) as error:
                _log.error("Slack is not listened to: %s", error)
                await asyncio.sleep(_AGAIN_SECONDS)

    def _build(self) -> AsyncApp:
        async def authorize() -> AuthorizeResult:
            return self._me

        signed = bool(self.signing_secret)
        app = AsyncApp(
            name="pcause", client=self.client, authorize=authorize, signing_secret=self.signing_secret or "unused",
            request_verification_enabled=signed, logger=_bolt_log(),
        )  # fmt: skip

        @app.middleware
        async def take(body: dict[str, Any], next_: Callable[[], Any]) -> BoltResponse | None:
            if body.get("type") == "event_callback":
                return await self._take_event(body)
            if "command" in body:
                return await self._take_command(body)
            await next_()
            return None

        @app.action(re.compile("^pcause_(approve|reject)$"))
        async def press(ack: Callable[[], Any], body: dict[str, Any]) -> None:
            await ack()
            await self._dialogues.open(body, body["actions"][0]["action_id"] == "pcause_approve")

        @app.view("pcause_approve")
        async def approve(ack: Callable[[], Any], body: dict[str, Any]) -> None:
            await ack()
            await self._dialogues.decide(body, approve=True)

        @app.view("pcause_reject")
        async def reject(ack: Callable[[], Any], body: dict[str, Any]) -> None:
            await ack()
            await self._dialogues.decide(body, approve=False)

        return app

    async def _take_event(self, body: Mapping[str, Any]) -> BoltResponse:
        heard = read_event(body, self._me.bot_user_id or "")
        try:
            if heard is not None and await self._inbox.take(heard):
                self._speaker.wake()
        except LedgerError as error:  # not acknowledged, so that Slack delivers it again
            _log.error("an event was not taken: %s", error)
            return BoltResponse(status=503, body="")
        return BoltResponse(status=200, body="")

    async def _take_command(self, body: Mapping[str, Any]) -> BoltResponse:
        heard = read_command(body)
        if heard is None:
            return BoltResponse(status=200, body="")
        if not self._hearing.may(heard.user):
            return _only_to_you(
                f"You may not ask here: somebody has to add {heard.user} to slack.members in pcause.yaml."
            )
        try:
            if await self._inbox.take(heard):
                self._speaker.wake()
        except LedgerError as error:
            _log.error("a command was not taken: %s", error)
            return _only_to_you("This cannot be taken now; try again in a minute.")
        return _only_to_you("Taken. The answer comes into this channel.")

    def _changed(self, _: str) -> None:
        self._speaker.wake()

    def _decided(self, investigation_id: str, ready: bool) -> None:
        self._follower.nudge(investigation_id)
        self._speaker.wake()
        if ready:
            self._wake()

    def _keep(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _bolt_log() -> logging.Logger:
    """Its warnings are about tokens that we give on purpose, and about what we do not listen to."""
    log = logging.getLogger("pcause.slack")
    log.setLevel(logging.ERROR)
    return log


def _only_to_you(text: str) -> BoltResponse:
    return BoltResponse(status=200, body={"response_type": "ephemeral", "text": text})

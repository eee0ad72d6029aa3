"""Everything that is said to Slack: within its limits, and each post once, also across a crash in the middle of it."""

import asyncio
import hashlib
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from agent.doors.slacking.threads import Posts
from agent.report.slack import Block

_log = logging.getLogger(__name__)

_POST_SECONDS = 1.0  # between two posts in a channel, as Slack asks
_MOST_TRIES = 6
_LONGEST_WAIT_SECONDS = 120.0  # that Slack may ask for
_LOOK_BACK_SECONDS = 120.0
_KIND = "pcause_post"
_FINE = frozenset(("already_reacted", "no_reaction", "message_not_found", "cant_update_message"))


class SlackSaidNo(Exception):  # noqa: N818 - said as one says it
    """Slack refuses this for good; ``code`` is its word for it, such as ``not_in_channel``."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack says {code}")
        self.code = code


class SlackAway(Exception):  # noqa: N818 - said as one says it
    """Slack does not answer; whether it did what was asked is not known."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of ours. Where it was not sent ``now``, an earlier try has sent it, maybe with other words."""

    ts: str
    now: bool


class Outbox:
    """Over one client, whose own retries are off: this knows which call may be sent twice."""

    def __init__(self, client: AsyncWebClient, posts: Posts) -> None:
        self._client, self._posts = client, posts
        self._not_before: dict[str, float] = defaultdict(float)  # by method, and by channel for posts; monotonic
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def post(
        self, key: str, channel: str, thread_ts: str, text: str, blocks: Sequence[Block] | None = None
    ) -> Posted:
        """Post once a key. Raises ``SlackSaidNo``, ``SlackAway``."""
        async with self._turns[key]:
            begun = await asyncio.to_thread(self._posts.begin, key)
            if begun.ts:
                return Posted(begun.ts, now=False)
            name = hashlib.sha256(key.encode()).hexdigest()[:24]
            unsure = begun.again
            for attempt in range(_MOST_TRIES):
                found = await self._find(channel, thread_ts, name, begun.begun_at) if unsure else ""
                ts = found
                if not found:
                    try:
                        ts = await self._send(channel, thread_ts, text, blocks, name)
                    except SlackAway:
                        unsure = True
                        await asyncio.sleep(min(2.0**attempt, 30.0))
                        continue
                await asyncio.to_thread(self._posts.finish, key, ts)
                return Posted(ts, now=not found)
            raise SlackAway("Slack does not answer")

    async def update(self, channel: str, ts: str, text: str, blocks: Sequence[Block]) -> None:
        """Replace a message of ours. Raises ``SlackSaidNo``, ``SlackAway``."""
        await self._steady(
            "chat_update", channel=channel, ts=ts, text=text, blocks=list(blocks), parse="none", link_names=False
        )

    async def react(self, channel: str, ts: str, add: str, remove: str = "") -> None:
        """Put a sign on a message, instead of another; what does not work out is only noted."""
        try:
            if add:
                await self._steady("reactions_add", channel=channel, timestamp=ts, name=add)
            if remove:
                await self._steady("reactions_remove", channel=channel, timestamp=ts, name=remove)
        except (SlackSaidNo, SlackAway) as error:
            _log.warning("no reaction in %s: %s", channel, error)

    async def whisper(self, channel: str, user: str, text: str, thread_ts: str = "") -> None:
        """Tell one member; what does not work out is only noted."""
        more = {"thread_ts": thread_ts} if thread_ts else {}
        try:
            await self._call(
                "chat_postEphemeral", channel=channel, user=user, text=text, parse="none", link_names=False, **more
            )
        except (SlackSaidNo, SlackAway) as error:
            _log.warning("%s could not be told: %s", user, error)

    async def upload(self, key: str, channel: str, thread_ts: str, png: bytes, title: str, described: str) -> None:
        """Show a picture in a thread once a key. Raises ``SlackSaidNo``, ``SlackAway``."""
        async with self._turns[key]:
            begun = await asyncio.to_thread(self._posts.begin, key)
            if begun.ts:
                return
            name = f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.png"
            ts = await self._find(channel, thread_ts, name, begun.begun_at) if begun.again else ""
            if not ts:
                await self._call(
                    "files_upload_v2", filename=name, content=png, title=title, alt_txt=described, channel=channel,
                    thread_ts=thread_ts,
                )  # fmt: skip
            await asyncio.to_thread(self._posts.finish, key, ts or "sent")

    async def replies(self, channel: str, thread_ts: str, limit: int = 1, oldest: str = "") -> list[dict[str, Any]]:
        """The first messages of a thread, its root first. Raises ``SlackSaidNo``, ``SlackAway``."""
        more = {"oldest": oldest} if oldest else {}
        told = await self._steady(
            "conversations_replies", channel=channel, ts=thread_ts, limit=limit, include_all_metadata=True, **more
        )
        return [message for message in told.get("messages", []) if isinstance(message, dict)]

    async def open_view(self, trigger_id: str, view: Block) -> None:
        """Show a dialogue. Raises ``SlackSaidNo``, ``SlackAway``."""
        await self._call("views_open", trigger_id=trigger_id, view=view)

    async def _send(self, channel: str, thread_ts: str, text: str, blocks: Sequence[Block] | None, name: str) -> str:
        await self._turn(channel)
        more: dict[str, Any] = {"thread_ts": thread_ts} if thread_ts else {}
        if blocks is not None:
            more["blocks"] = list(blocks)
        told = await self._call(
            "chat_postMessage", channel=channel, text=text, parse="none", link_names=False, unfurl_links=False,
            unfurl_media=False, metadata={"event_type": _KIND, "event_payload": {"key": name}}, **more,
        )  # fmt: skip
        return str(told["ts"])

    async def _turn(self, channel: str) -> None:
        """Wait until the channel may be posted to."""
        now = time.monotonic()
        at = max(self._not_before[f"post {channel}"], now)
        self._not_before[f"post {channel}"] = at + _POST_SECONDS
        await asyncio.sleep(at - now)

    async def _find(self, channel: str, thread_ts: str, name: str, since: float) -> str:
        """The timestamp of a post of ours that may have arrived, by the name that it carries; "" where it is not there."""
        oldest = f"{since - _LOOK_BACK_SECONDS:.6f}"
        if thread_ts:
            messages = await self.replies(channel, thread_ts, 200, oldest)
        else:
            told = await self._steady(
                "conversations_history", channel=channel, oldest=oldest, limit=200, include_all_metadata=True
            )
            messages = told.get("messages", [])
        for message in messages:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            files = [file.get("name") for file in message.get("files") or []]
            if message.get("bot_id") and (payload.get("key") == name or name in files):
                return str(message["ts"])
        return ""

    async def _steady(self, method: str, **arguments: Any) -> Any:  # noqa: ANN401 - of any method
        """Call what may be called twice, until Slack answers."""
        for attempt in range(_MOST_TRIES):
            try:
                return await self._call(method, **arguments)
            except SlackAway:
                if attempt == _MOST_TRIES - 1:
                    raise
                await asyncio.sleep(min(2.0**attempt, 30.0))
        raise AssertionError("unreachable")

    async def _call(self, method: str, **arguments: Any) -> Any:  # noqa: ANN401 - of any method
        """Call once; where Slack asks to wait, all calls of the method wait, and this is sent again: it was not taken."""
        waited = 0.0
        while True:
            await asyncio.sleep(max(self._not_before[method] - time.monotonic(), 0.0))
            try:
                return await getattr(self._client, method)(**arguments)
            except SlackApiError as error:
                status = getattr(error.response, "status_code", 200)
                data = getattr(error.response, "data", None)  # a proxy's answer is a text
                code = str(data.get("error", "")) if isinstance(data, dict) else ""
                code = code or f"status {status}"
                if status == 429 or code in ("ratelimited", "rate_limited"):
                    seconds = _retry_after(error)
                    waited += seconds
                    if waited > _LONGEST_WAIT_SECONDS:
                        raise SlackAway(f"Slack asks to wait for more than {_LONGEST_WAIT_SECONDS:.0f} s") from error
                    self._not_before[method] = max(self._not_before[method], time.monotonic() + seconds)
                elif code in _FINE:
                    return {}
                elif status >= 500 or code in (
                    "internal_error",
                    "fatal_error",
                    "service_unavailable",
                    "request_timeout",
                ):
                    raise SlackAway(f"{method}: {code}") from error
                else:
                    raise SlackSaidNo(code) from error
            except (aiohttp.ClientError, TimeoutError, OSError, SlackRequestError) as error:
                raise SlackAway(f"{method}: {type(error).__name__}") from error


def _retry_after(error: SlackApiError) -> float:
    headers = getattr(error.response, "headers", {}) or {}
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "1")
    try:
        return max(float(told), 0.1)
    except ValueError:
        return 1.0

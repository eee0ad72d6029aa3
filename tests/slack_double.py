"""A Slack of one's own: what people do there, and how it is delivered over Socket Mode; the rest is its Web API.

It keeps channels, threads, reactions, dialogues and files, refuses what Slack refuses (too long, too many blocks, unknown
scopes of a trigger), and speaks through the real SDK by its address.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.slack_web_api import APP_TOKEN, BOT, BOT_TOKEN, TEAM, WebApi


@dataclass
class SlackDouble(WebApi):
    """``acks`` are the seconds until each envelope was acknowledged, ``answers`` what came with that."""

    acks: dict[str, float] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    _clock: float = 1_795_000_000.0
    _sent: dict[str, float] = field(default_factory=dict)
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)

    async def start(self) -> None:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/upload/{id}", self._upload)
        app.router.add_get("/socket", self._socket)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/api/"

    async def stop(self) -> None:
        for socket in list(self._sockets):
            await socket.close()
        await self._runner.cleanup()

    # What people do

    def note(
        self, channel: str, user: str, text: str, thread_ts: str = "", at: float = 0.0, **more: Any
    ) -> dict[str, Any]:
        """A message in a channel, told to nobody. ``user`` "" is another app's."""
        self._clock += 1
        ts = f"{at or self._clock:.6f}"
        by = {"user": user} if user else {"bot_id": "B0ALERTS", "subtype": "bot_message"}
        message = {
            "type": "message",
            "ts": ts,
            "text": text,
            **by,
            **({"thread_ts": thread_ts} if thread_ts else {}),
            **more,
        }
        self.channels.setdefault(channel, []).append(message)
        return message

    def events(self, channel: str, message: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The events that Slack makes of a message: a mention comes twice, as a mention and as a message."""
        event = {**message, "channel": channel, "event_ts": message["ts"], "channel_type": "channel"}
        kinds = ["app_mention", "message"] if f"<@{BOT}>" in message["text"] else ["message"]
        return [self.event({**event, "type": kind}) for kind in kinds]

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": "A0",
            "event_id": self._id("Ev"),
            "event_time": int(time.time()),
            "event": dict(event),
        }

    async def say(self, channel: str, user: str, text: str, thread_ts: str = "", **more: Any) -> str:
        """A message, and its events delivered; its timestamp."""
        message = self.note(channel, user, text, thread_ts, **more)
        for payload in self.events(channel, message):
            await self.deliver(payload)
        return str(message["ts"])

    async def react(self, channel: str, user: str, ts: str, name: str, added: bool = True) -> None:
        kind = "reaction_added" if added else "reaction_removed"
        item = {"type": "message", "channel": channel, "ts": ts}
        await self.deliver(
            self.event({"type": kind, "user": user, "reaction": name, "item": item, "event_ts": self._stamp()})
        )

    async def press(self, user: str, channel: str, message: Mapping[str, Any], action_id: str) -> None:
        """Press a button of a message."""
        button = next(
            e for b in message["blocks"] if b["type"] == "actions" for e in b["elements"] if e["action_id"] == action_id
        )
        payload = {
            "type": "block_actions", "user": {"id": user}, "team": {"id": TEAM}, "trigger_id": self.trigger(), "channel": {"id": channel},
            "message": dict(message), "container": {"type": "message"}, "actions": [{**button, "type": "button", "block_id": "ask"}],
        }  # fmt: skip
        await self.deliver(payload, kind="interactive")

    async def submit(self, user: str, view: Mapping[str, Any], reason: str = "", wrong: bool = False) -> None:
        """Send a dialogue off."""
        chosen = [{"value": "wrong_cause"}] if wrong else []
        values = {
            "reason": {"reason": {"type": "plain_text_input", "value": reason}},
            "cause": {"cause": {"selected_options": chosen}},
        }
        payload = {
            "type": "view_submission",
            "user": {"id": user},
            "team": {"id": TEAM},
            "view": {**view, "id": "V1", "type": "modal", "state": {"values": values}},
        }
        await self.deliver(payload, kind="interactive")

    async def command(self, user: str, channel: str, text: str, trigger: str = "") -> str:
        """Use /pcause; the envelope's id, under which its answer is."""
        payload = {
            "command": "/pcause",
            "text": text,
            "user_id": user,
            "channel_id": channel,
            "team_id": TEAM,
            "trigger_id": trigger or self.trigger(),
        }
        return await self.deliver(payload, kind="slash_commands")

    def trigger(self) -> str:
        id = self._id("trigger.")
        self._triggers[id] = time.monotonic()
        return id

    # Delivery

    async def deliver(self, payload: Mapping[str, Any], kind: str = "events_api", seconds: float = 60.0) -> str:
        """Send one envelope and wait for its acknowledgement; its id."""
        id = self.send(payload, kind)
        async with asyncio.timeout(seconds):
            while id not in self.acks:  # noqa: ASYNC110 - polled, as a test waits
                await asyncio.sleep(0.01)
        return id

    def send(self, payload: Mapping[str, Any], kind: str = "events_api", attempt: int = 0) -> str:
        id = self._id("envelope-")
        envelope = {
            "envelope_id": id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
            "retry_attempt": attempt,
        }
        self._sent[id] = time.monotonic()
        socket = self._sockets[-1]
        task = asyncio.ensure_future(socket.send_str(json.dumps(envelope)))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return id

    @property
    def connections(self) -> int:
        return len(self._sockets)

    async def connected(self, seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while not self._sockets:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": len(self._sockets)}))
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                told = json.loads(message.data)
                self.acks.setdefault(told["envelope_id"], time.monotonic() - self._sent[told["envelope_id"]])
                self.answers[told["envelope_id"]] = told.get("payload")
        self._sockets.remove(socket)
        return socket


__all__ = ["APP_TOKEN", "BOT", "BOT_TOKEN", "SlackDouble"]

"""A Slack of one's own: Web API over HTTP, Socket Mode over a websocket, and the rules that a client meets there.

It keeps channels, threads, reactions, dialogues and files, refuses what Slack refuses (too long, too many blocks, unknown
scopes of a trigger), and speaks through the real SDK by its address.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.slack_rules import arguments_of, problem_of

BOT, BOT_ID, TEAM = "U0BOT", "B0BOT", "T0TEAM"
BOT_TOKEN, APP_TOKEN = "xoxb-double", "xapp-double"


@dataclass
class Call:
    method: str
    arguments: dict[str, Any]
    at: float


@dataclass
class SlackDouble:
    """``limits`` are answers of 429 still to give, by method; ``breaks`` answers of 500, before or (``late``) after it was done."""

    channels: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    whispers: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    acks: dict[str, float] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    breaks: dict[str, int] = field(default_factory=dict)
    late: bool = False
    retry_after: str = "1"
    _clock: float = 1_795_000_000.0
    _sent: dict[str, float] = field(default_factory=dict)
    _triggers: dict[str, float] = field(default_factory=dict)
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)
    _number: int = 0

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

    # Web API

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments = await arguments_of(request)
        expected = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        if request.headers.get("Authorization") != f"Bearer {expected}" and arguments.get("token") != expected:
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if self.limits.get(method, 0) > 0:
            self.limits[method] -= 1
            return web.json_response(
                {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": self.retry_after}
            )
        breaking = self.breaks.get(method, 0) > 0
        if breaking:
            self.breaks[method] -= 1
        if breaking and not self.late:
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        self.calls.append(Call(method, arguments, time.monotonic()))
        problem = problem_of(method, arguments)
        if problem:
            self.problems.append(f"{method}: {problem}")
            return web.json_response({"ok": False, "error": problem})
        told = getattr(self, "_" + method.replace(".", "_"))(arguments)
        if breaking:
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        return web.json_response({"ok": True, **told})

    def _auth_test(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"user_id": BOT, "bot_id": BOT_ID, "team_id": TEAM, "url": "https://double.slack.com/"}

    def _apps_connections_open(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"url": f"ws://127.0.0.1:{self.port}/socket"}

    def _chat_postMessage(self, told: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the method of the Web API
        kept = {name: told[name] for name in ("thread_ts", "blocks", "metadata") if name in told}
        message = {"type": "message", "ts": self._stamp(), "user": BOT, "bot_id": BOT_ID, "text": told["text"], **kept}
        self.channels.setdefault(told["channel"], []).append(message)
        return {"ts": message["ts"], "channel": told["channel"], "message": message}

    def _chat_update(self, told: Mapping[str, Any]) -> dict[str, Any]:
        message = self.message(told["channel"], told["ts"])
        message |= {"text": told["text"], "blocks": told.get("blocks", [])}
        return {"ts": told["ts"], "channel": told["channel"]}

    def _chat_postEphemeral(self, told: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the method of the Web API
        self.whispers.append(dict(told))
        return {"message_ts": self._stamp()}

    def _reactions_add(self, told: Mapping[str, Any]) -> dict[str, Any]:
        signs = self.message(told["channel"], told["timestamp"]).setdefault("signs", [])
        if told["name"] in signs:
            return {"ok": False, "error": "already_reacted"}
        signs.append(told["name"])
        return {}

    def _reactions_remove(self, told: Mapping[str, Any]) -> dict[str, Any]:
        signs = self.message(told["channel"], told["timestamp"]).setdefault("signs", [])
        if told["name"] not in signs:
            return {"ok": False, "error": "no_reaction"}
        signs.remove(told["name"])
        return {}

    def _conversations_replies(self, told: Mapping[str, Any]) -> dict[str, Any]:
        found = [m for m in self.channels.get(told["channel"], []) if told["ts"] in (m["ts"], m.get("thread_ts"))]
        return {"messages": self._since(found, told)} if found else {"ok": False, "error": "thread_not_found"}

    def _conversations_history(self, told: Mapping[str, Any]) -> dict[str, Any]:
        found = [m for m in self.channels.get(told["channel"], []) if "thread_ts" not in m]
        return {"messages": self._since(found, told)}

    def _views_open(self, told: Mapping[str, Any]) -> dict[str, Any]:
        at = self._triggers.pop(told["trigger_id"], None)
        if at is None or time.monotonic() - at > 3.0:
            return {"ok": False, "error": "expired_trigger_id"}
        self.views.append(told["view"])
        return {"view": {"id": "V1"}}

    def _files_getUploadURLExternal(self, told: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the method of the Web API
        id = self._id("F")
        self.files[id] = {"name": told["filename"], "length": int(told["length"]), "alt": told.get("alt_txt", "")}
        return {"upload_url": f"http://127.0.0.1:{self.port}/upload/{id}", "file_id": id}

    async def _upload(self, request: web.Request) -> web.Response:
        body = await request.read()
        file = self.files[request.match_info["id"]]
        if "multipart" in request.headers.get("Content-Type", ""):
            body = body[body.index(b"\x89PNG") :] if b"\x89PNG" in body else body
        file["data"] = body
        return web.Response(text=f"OK - {len(body)}")

    def _files_completeUploadExternal(self, told: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the method of the Web API
        uploaded = json.loads(told["files"]) if isinstance(told["files"], str) else told["files"]
        shared = [{"id": f["id"], "name": self.files[f["id"]]["name"], "title": f.get("title")} for f in uploaded]
        more = {"thread_ts": told["thread_ts"]} if told.get("thread_ts") else {}
        message = {
            "type": "message",
            "ts": self._stamp(),
            "user": BOT,
            "bot_id": BOT_ID,
            "text": "",
            "files": shared,
            **more,
        }
        self.channels.setdefault(told["channel_id"], []).append(message)
        return {"files": shared}

    # Looking

    def message(self, channel: str, ts: str) -> dict[str, Any]:
        return next(message for message in self.channels[channel] if message["ts"] == ts)

    def ours(self, channel: str, thread_ts: str = "") -> list[dict[str, Any]]:
        """Our own messages of a channel, or of one of its threads."""
        return [
            m
            for m in self.channels.get(channel, [])
            if m.get("bot_id") == BOT_ID and (not thread_ts or m.get("thread_ts") == thread_ts)
        ]

    def _since(self, messages: Sequence[dict[str, Any]], told: Mapping[str, Any]) -> list[dict[str, Any]]:
        oldest = float(told.get("oldest") or 0)
        return [message for message in messages if float(message["ts"]) >= oldest][: int(told.get("limit", 100))]

    def _stamp(self) -> str:
        self._number += 1
        return f"{time.time():.3f}{self._number % 1000:03d}"

    def _id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number:08d}"

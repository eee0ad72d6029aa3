"""The Web API of a Slack of one's own, spoken to by the real SDK: what it keeps, and what it refuses as Slack does."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.slack_rules import arguments_of, problem_of

BOT, BOT_ID, TEAM = "U0BOT", "B0BOT", "T0TEAM"
BOT_TOKEN, APP_TOKEN = "xoxb-double", "xapp-double"


@dataclass
class Call:
    method: str
    arguments: dict[str, Any]
    at: float


@dataclass
class WebApi:
    """``limits`` are answers of 429 still to give, by method; ``breaks`` answers of 500, before or (``late``) after it was done."""

    channels: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    whispers: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    breaks: dict[str, int] = field(default_factory=dict)
    late: bool = False
    retry_after: str = "1"
    port: int = 0
    _triggers: dict[str, float] = field(default_factory=dict)
    _number: int = 0

    def message(self, channel: str, ts: str) -> dict[str, Any]:
        return next(message for message in self.channels[channel] if message["ts"] == ts)

    def ours(self, channel: str, thread_ts: str = "") -> list[dict[str, Any]]:
        """Our own messages of a channel, or of one of its threads."""
        return [
            m
            for m in self.channels.get(channel, [])
            if m.get("bot_id") == BOT_ID and (not thread_ts or m.get("thread_ts") == thread_ts)
        ]

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

    def _since(self, messages: Sequence[dict[str, Any]], told: Mapping[str, Any]) -> list[dict[str, Any]]:
        oldest = float(told.get("oldest") or 0)
        return [message for message in messages if float(message["ts"]) >= oldest][: int(told.get("limit", 100))]

    def _stamp(self) -> str:
        self._number += 1
        return f"{time.time():.3f}{self._number % 1000:03d}"

    def _id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number:08d}"

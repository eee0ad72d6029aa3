"""What Slack refuses, how it signs, and what its blocks show."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

SECRET = "signing-secret-of-the-double"


def problem_of(method: str, told: Mapping[str, Any]) -> str:
    """What Slack would refuse of a call; "" where nothing."""
    if method in ("chat.postMessage", "chat.update", "chat.postEphemeral"):
        if not told.get("text") or len(str(told["text"])) > 40_000:
            return "no_text" if not told.get("text") else "msg_too_long"
        return _blocks(told.get("blocks", []), 50)
    if method == "views.open":
        view = told["view"]
        long = (
            len(view["title"]["text"]) > 24
            or len(view["submit"]["text"]) > 24
            or len(view.get("private_metadata", "")) > 3_000
        )
        return "invalid_arguments" if long else _blocks(view["blocks"], 100)
    return ""


def _blocks(blocks: Sequence[Mapping[str, Any]], most: int) -> str:
    if len(blocks) > most or sum(len(json.dumps(block)) for block in blocks) > 200_000:
        return "invalid_blocks: too many"
    if sum(len(block["text"]["text"]) for block in blocks if block["type"] == "section") > 13_000:
        return "msg_blocks_too_long"
    for block in blocks:
        texts = (
            [block["text"]] if block["type"] == "section" else block["elements"] if block["type"] == "context" else []
        )
        if any(not 1 <= len(text["text"]) <= 3_000 for text in texts) or len(texts) > 10:
            return "invalid_blocks: length of text"
        if block["type"] == "actions" and any(
            len(e["text"]["text"]) > 75 or len(e["value"]) > 2_000 for e in block["elements"]
        ):
            return "invalid_blocks: button"
    return ""


async def arguments_of(request: web.Request) -> dict[str, Any]:
    """Of a call, whichever way they came."""
    told: dict[str, Any] = (
        await request.json() if request.content_type == "application/json" else dict(await request.post())
    )
    for name in ("blocks", "metadata", "view"):
        if isinstance(told.get(name), str):
            told[name] = json.loads(told[name])
    return {**dict(request.query), **told}


def signed(body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """Headers as Slack signs a request."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}", "Content-Type": "application/json"}


def shown(blocks: Sequence[Mapping[str, Any]]) -> str:
    """All that blocks show, as text."""
    found: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, Mapping):
            if isinstance(part.get("text"), str):
                found.append(part["text"])
            for name, value in part.items():
                if name != "text" or not isinstance(value, str):
                    walk(value)
        elif isinstance(part, list):
            for item in part:
                walk(item)

    walk(list(blocks))
    return "\n".join(found)

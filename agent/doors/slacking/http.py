"""``/slack/events``: events, buttons, dialogues and commands over HTTP, each signed by Slack over its raw body."""

import hashlib
import hmac
import re
import time
from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from slack_bolt.async_app import AsyncBoltRequest

from agent.doors.serving.bodies import BodyError, read_bounded
from agent.doors.slacking.door import SlackDoor

_LATEST_SECONDS = 300.0
_SIGNED_BY = ("request-timestamp", "signature")
_UNSIGNED = "this is not signed by Slack, or too old: check SLACK_SIGNING_SECRET and the clock"
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def add_route(app: FastAPI, door: SlackDoor, path: str) -> None:
    """Mount it; who calls shows no token but Slack's signature."""

    @app.post(path, include_in_schema=False)
    async def hear(request: Request) -> Response:
        timestamp, signature = (request.headers.get(f"x-slack-{name}", "") for name in _SIGNED_BY)
        # Before the body: nobody holds a connection open who shows nothing.
        if not (door.signing_secret and signature and is_fresh(timestamp)):
            return _problem(401, _UNSIGNED)
        try:
            body = await read_bounded(request)
        except BodyError as error:
            return _problem(error.status, str(error))
        if not is_signed(door.signing_secret, body, timestamp, signature):
            return _problem(401, _UNSIGNED)
        if door.app is None:
            return _problem(503, "Slack has not answered yet; send it again")
        asked = _read(body, dict(request.headers.items()))
        if asked is None:
            return _problem(400, "the body is neither JSON nor a form")
        told = await door.app.async_dispatch(asked)
        # What we do not listen to is no error of Slack's: it would be delivered again. 500 is the SDK's for a shape that it
        # cannot read; what we cannot take now is 503.
        status = {404: 200, 500: 400}.get(told.status, told.status)
        return Response(told.body, status, headers=told.first_headers_without_set_cookie())


def is_signed(secret: str, body: bytes, timestamp: str, signature: str, now: float | None = None) -> bool:
    """Whether Slack signed it within the last minutes; never raises. Without a secret nothing is."""
    if not secret or not is_fresh(timestamp, now):
        return False
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={digest}".encode(), signature.encode("utf-8", "surrogatepass"))


def is_fresh(timestamp: str, now: float | None = None) -> bool:
    """Whether it is a time of the last minutes."""
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    return abs((time.time() if now is None else now) - int(timestamp)) <= _LATEST_SECONDS


def _read(body: bytes, headers: dict[str, str | Sequence[str]]) -> AsyncBoltRequest | None:
    """None for what is signed and still no JSON object and no form."""
    try:
        asked = AsyncBoltRequest(body=body.decode("utf-8"), headers=headers)
    except (ValueError, TypeError, AttributeError, RecursionError):  # the SDK takes the shape for granted
        return None
    return asked if isinstance(asked.body, dict) else None


def _problem(status: int, said: str) -> Response:
    return JSONResponse({"error": said}, status)

"""Reading a request's body: bounded in size and time; JSON, or a form."""

import asyncio
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request

MOST_BYTES = 1_000_000
_MOST_FORM_BYTES = 64_000
_MOST_SECONDS = 20.0
_FORM = "application/x-www-form-urlencoded"


class BodyError(Exception):
    """The body cannot be taken; ``status`` is the answer's, the message says what to do."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


async def read_json(request: Request) -> object:
    """The decoded body. Raises ``BodyError`` with 400, 408, 413 or 415."""
    return decode_json(await read_body(request))


async def read_body(request: Request) -> bytes:
    """The body as it was sent. Raises ``BodyError`` with 400, 408, 413 or 415.

    The content type is required: a foreign web page cannot send it unasked.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise BodyError(415, f"the body must be JSON, got {kind[:80] or 'no content type'!r}: send Content-Type: application/json")  # fmt: skip
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise BodyError(415, f"the body is encoded as {encoding[:40]!r}: send it plain")
    return await read_bounded(request)


def is_form(request: Request) -> bool:
    """Whether a page of ours, or what looks like one, sent it."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


async def read_form(request: Request) -> dict[str, object]:
    """The fields of a form, each once. Raises ``BodyError``."""
    body = await read_bounded(request, _MOST_FORM_BYTES)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise BodyError(400, "the form cannot be read: it must be UTF-8 and have at most 20 fields") from None
    if len(dict(pairs)) != len(pairs):
        raise BodyError(400, "the form has a field twice")
    return dict(pairs)


async def read_bounded(request: Request, most_bytes: int = MOST_BYTES) -> bytes:
    """The body, whatever it is. Raises ``BodyError`` with 400, 408 or 413."""
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            return await _read(request, most_bytes)
    except TimeoutError:
        raise BodyError(408, f"the body did not arrive within {_MOST_SECONDS:.0f} s: send it again") from None
    except ClientDisconnect:
        raise BodyError(400, "the sender left before the body had arrived") from None


def decode_json(body: bytes) -> object:
    """Raises ``BodyError`` with 400."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyError(400, f"the body is no JSON in UTF-8: {error}") from error


async def _read(request: Request, most_bytes: int) -> bytes:
    too_large = BodyError(413, f"the body is larger than {most_bytes:,} bytes: send less at once")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > most_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise too_large
    return bytes(body)

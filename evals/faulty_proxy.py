"""A proxy that is sick on purpose: it stands before a real server and spoils what passes, one way at a time.

The ways are the row "a sick backend still gives a report" of the security table: what the network, a gateway, a
login page or an overloaded server does to an answer.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Any

_HEAD_END = b"\r\n\r\n"
_TRICKLE_SECONDS = 1.0
_BIG_BYTES = 50_000_000


class Sickness(StrEnum):
    """What happens to every answer. ``NONE`` lets it pass. ``REFUSED`` and ``DNS`` need no proxy: see ``address``."""

    NONE = "none"
    REFUSED = "refused"
    DNS = "dns"
    HANG = "hang"
    TRICKLE = "one_byte_a_second"
    RESET = "reset"
    TRUNCATED = "truncated_json"
    HTML = "html_200"
    STATUS_401 = "401"
    STATUS_403 = "403"
    STATUS_404 = "404"
    STATUS_429 = "429"
    STATUS_500 = "500"
    STATUS_503 = "503"
    EMPTY = "empty"
    NAN = "nan"
    STALE = "stale"
    BIG = "50_mb"
    REDIRECT = "redirect"


class FaultyProxy:
    """Listens on a port of 127.0.0.1 in a thread of its own. A context manager: leaving it closes everything."""

    def __init__(self, upstream_port: int, sickness: Sickness) -> None:
        self._upstream_port, self._sickness = upstream_port, sickness
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0
        self.requests = 0

    @property
    def address(self) -> str:
        """The address to give to the product."""
        match self._sickness:
            case Sickness.REFUSED:
                return "http://127.0.0.1:1"
            case Sickness.DNS:
                return "http://no-such-host.invalid:9090"
            case _:
                return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "FaultyProxy":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _message(reader)
            self.requests += 1
            await self._answer(request, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client gave up, which is its right
        finally:
            with suppress(OSError, RuntimeError):
                writer.close()

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        match self._sickness:
            case Sickness.HANG:
                await asyncio.sleep(3600)
            case Sickness.RESET:
                writer.transport.abort()
            case Sickness.TRICKLE:
                await _trickle(writer, await self._upstream(request))
            case Sickness.TRUNCATED:
                head, _, body = (await self._upstream(request)).partition(_HEAD_END)
                await _send(writer, _with_length(head, body[: max(len(body) // 2, 1)]))
            case Sickness.HTML:
                await _send(writer, _made(200, b"<!doctype html><title>Sign in</title>", "text/html"))
            case Sickness.BIG:
                await _send(writer, _made(200, b'{"status":"success","data":"' + b"x" * _BIG_BYTES + b'"}'))
            case Sickness.REDIRECT:
                await _send(writer, _made(302, b"", extra="Location: http://127.0.0.1:1/elsewhere\r\n"))
            case Sickness.STATUS_401 | Sickness.STATUS_403 | Sickness.STATUS_404 | Sickness.STATUS_500:
                await _send(writer, _made(int(self._sickness.value), b'{"status":"error","error":"no"}'))
            case Sickness.STATUS_429 | Sickness.STATUS_503:
                await _send(writer, _made(int(self._sickness.value), b"slow down", "text/plain", "Retry-After: 1\r\n"))
            case Sickness.EMPTY:
                await _send(writer, self._rewritten(await self._upstream(request), _emptied))
            case Sickness.NAN:
                await _send(writer, self._rewritten(await self._upstream(request), _not_numbers))
            case Sickness.STALE:
                await _send(writer, self._rewritten(await self._upstream(request), _ended_early))
            case _:
                await _send(writer, await self._upstream(request))

    async def _upstream(self, request: bytes) -> bytes:
        """The real server's whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        try:
            writer.write(_closing(request))
            await writer.drain()
            answer = await reader.read()
            head, _, body = answer.partition(_HEAD_END)
            return _with_length(head, _unchunked(body) if b"chunked" in head.lower() else body)
        finally:
            writer.close()

    @staticmethod
    def _rewritten(answer: bytes, change: Callable[[Any], Any]) -> bytes:
        head, _, body = answer.partition(_HEAD_END)
        try:
            body = json.dumps(change(json.loads(body))).encode()
        except ValueError:
            return answer
        return _with_length(head, body)


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(_HEAD_END)
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return head + (await reader.readexactly(length) if length else b"")


def _closing(request: bytes) -> bytes:
    """The request with ``Connection: close`` and no compression, so that the answer ends with the connection."""
    head, _, body = request.partition(_HEAD_END)
    dropped = (b"connection:", b"accept-encoding:", b"transfer-encoding:")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(dropped)]
    return b"\r\n".join([*lines, b"Connection: close"]) + _HEAD_END + body


def _with_length(head: bytes, body: bytes) -> bytes:
    dropped = (b"content-length:", b"transfer-encoding:", b"connection:")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(dropped)]
    lines += [b"Content-Length: %d" % len(body), b"Connection: close"]
    return b"\r\n".join(lines) + _HEAD_END + body


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        count = int(size or b"0", 16)
        if not count:
            break
        whole, body = whole + body[:count], body[count + 2 :]
    return whole


def _made(status: int, body: bytes, kind: str = "application/json", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status} Made\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}Connection: close"
    return head.encode() + _HEAD_END + body


async def _send(writer: asyncio.StreamWriter, answer: bytes) -> None:
    writer.write(answer)
    await writer.drain()


async def _trickle(writer: asyncio.StreamWriter, answer: bytes) -> None:
    for place in range(len(answer)):
        await _send(writer, answer[place : place + 1])
        await asyncio.sleep(_TRICKLE_SECONDS)


def _emptied(answer: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same answer with nothing in it: no series, no hits, no buckets."""
    if isinstance(answer, dict):
        return {
            name: 0 if name == "value" and isinstance(value, int) else _emptied(value) for name, value in answer.items()
        }
    return [] if isinstance(answer, list) else answer


def _not_numbers(answer: Any) -> Any:  # noqa: ANN401 - any JSON
    """Every sample is NaN, as after a division by zero."""
    return _samples(answer, lambda pairs: [[time, "NaN"] for time, _ in pairs])


def _ended_early(answer: Any) -> Any:  # noqa: ANN401 - any JSON
    """The newer half of every series is missing, as when the scraper died."""
    return _samples(answer, lambda pairs: pairs[: len(pairs) // 2])


def _samples(answer: Any, change: Callable[[list[Any]], list[Any]]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(answer, dict):
        return {
            name: change(value) if name == "values" and isinstance(value, list) else _samples(value, change)
            for name, value in answer.items()
        }
    return [_samples(item, change) for item in answer] if isinstance(answer, list) else answer

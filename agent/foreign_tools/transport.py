"""How another MCP server is reached: by the official client, over streams that end at a bounded number of bytes.

The client's own stream to a program reads a line of any length, and a server that is broken or hostile must not take our
memory, so the stream here is ours; a server by address is read through a counting transport.
"""

import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from subprocess import DEVNULL
from typing import TYPE_CHECKING

import anyio
import httpx
from anyio.abc import Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage
from pydantic import ValidationError

if TYPE_CHECKING:
    from agent.foreign_tools.settings import McpServer

MOST_BYTES = 4_000_000  # of all that a server says in one conversation
_LEAVE_SECONDS = 1.0
_CHUNK = 65_536

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]


class TooMuch(OSError):  # noqa: N818 - said as one says it
    """The server said more than is read."""

    def __init__(self) -> None:
        super().__init__(f"it said more than {MOST_BYTES:,} bytes; ask it for less")


class Trouble:
    """What went wrong in a stream, for whoever waits for an answer from it: the client itself would wait on.

    ``stop`` ends the waiting.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.stop: Callable[[], None] = lambda: None

    def tell(self, error: Exception) -> None:
        """The first that is told counts."""
        self.error = self.error or error
        self.stop()


@asynccontextmanager
async def streams(
    server: "McpServer", secrets: Mapping[str, str], trouble: Trouble
) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """``secrets`` are environment variables of a program; of an address the one of ``token_env`` is the bearer token."""
    if server.command:
        async with _program(server.command, secrets, trouble) as both:
            yield both
        return
    headers = {"Authorization": f"Bearer {secrets[server.token_env]}"} if server.token_env else {}
    counting = _Counting(trouble)
    async with (
        httpx.AsyncClient(transport=counting, headers=headers, timeout=server.timeout_seconds, trust_env=False) as http,
        streamable_http_client(server.url, http_client=http) as (incoming, outgoing, _),
    ):
        yield incoming, outgoing


@asynccontextmanager
async def _program(
    command: tuple[str, ...], secrets: Mapping[str, str], trouble: Trouble
) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    told, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, asked = anyio.create_memory_object_stream[SessionMessage](0)
    with told, incoming, outgoing, asked:
        process = await anyio.open_process(
            command, env={**get_default_environment(), **secrets}, stderr=DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_read, process, told, trouble)
                group.start_soon(_write, process, asked)
                try:
                    yield incoming, outgoing
                finally:
                    group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)


async def _read(process: Process, told: MemoryObjectSendStream[SessionMessage | Exception], trouble: Trouble) -> None:
    """Lines of JSON; a line that is none is what a careless program prints."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line, seen = bytearray(), 0
    with told, suppress(anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
        while True:
            chunk = await process.stdout.receive(_CHUNK)
            seen += len(chunk)
            if seen > MOST_BYTES:
                trouble.tell(TooMuch())
                return
            *whole, rest = chunk.split(b"\n")
            for part in whole:
                line += part
                with suppress(ValidationError):
                    await told.send(SessionMessage(JSONRPCMessage.model_validate_json(bytes(line))))
                line.clear()
            line += rest


async def _write(process: Process, asked: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async for message in asked:
            text = message.message.model_dump_json(by_alias=True, exclude_none=True)
            await process.stdin.send(text.encode() + b"\n")


async def _end(process: Process) -> None:
    """Its input closed it should leave by itself; else it is ended, with all that it started."""
    if process.stdin is not None:
        with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await process.stdin.aclose()
    with anyio.move_on_after(_LEAVE_SECONDS):
        await process.wait()
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.aclose()


class _Counting(httpx.AsyncBaseTransport):
    """Reads so many bytes of all answers together, and no more."""

    def __init__(self, trouble: Trouble) -> None:
        self._inner, self._trouble, self.seen = httpx.AsyncHTTPTransport(trust_env=False), trouble, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # Plain, since a small compressed answer can be a huge one.
        request.headers["Accept-Encoding"] = "identity"
        try:
            answer = await self._inner.handle_async_request(request)
        except httpx.TransportError as error:
            self._trouble.tell(error)
            raise
        if answer.status_code >= 400 and request.method == "POST":
            self._trouble.tell(OSError(f"it answered with HTTP status {answer.status_code}"))
        if answer.headers.get("content-encoding", "identity") != "identity":
            self._trouble.tell(OSError("it compresses its answers, which nobody asked for"))
            await answer.aclose()
            raise httpx.ReadError(str(self._trouble.error), request=request)
        stream = answer.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous transport
        return httpx.Response(answer.status_code, headers=answer.headers, stream=_Counted(stream, self))

    def count(self, chunk: bytes) -> None:
        self.seen += len(chunk)
        if self.seen > MOST_BYTES:
            self._trouble.tell(TooMuch())
            raise httpx.ReadError(str(self._trouble.error))

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Counted(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, counter: _Counting) -> None:
        self._stream, self._counter = stream, counter

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._counter.count(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()

"""The door reached: over standard input and output, or over HTTP on this machine, by the official SDK."""

import asyncio
import hashlib
import hmac
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from io import TextIOWrapper
from typing import Any

import anyio
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.backends import Backends
from agent.doors.mcp_serving.answering import Door
from agent.doors.mcp_serving.catalogue import INSTRUCTIONS, offered
from agent.doors.mcp_serving.runs import Runs
from agent.settings import Settings
from agent.sources import Source

HOST, PATH = "127.0.0.1", "/mcp"
_STOP_SECONDS = 1.5  # less than clients give us before they kill; what is killed can be resumed all the same
_MOST_BODY = 200_000


def door(settings: Settings, source: Source) -> Door:
    """The answers over a source, with backends of its own."""
    backends = Backends(settings)
    return Door(settings, source, backends, Runs(settings, source, backends, settings.server.at_once))


def build(door: Door) -> Server[Any, Any]:
    """The MCP server: tools only; no prompt, no resource, and it asks nothing of its client."""
    server: Server[Any, Any] = Server("probable-cause", version("probable-cause"), INSTRUCTIONS)

    @server.list_tools()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_tools() -> list[types.Tool]:
        return offered(await asyncio.to_thread(door.tools))

    # Not the SDK's check of arguments: ours answers with the remedy, and takes times in words.
    @server.call_tool(validate_input=False)  # type: ignore[untyped-decorator]
    async def call_tool(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        context = server.request_context
        token = context.meta.progressToken if context.meta is not None else None
        told = 0

        async def tell(message: str) -> None:
            nonlocal told
            told += 1
            if token is not None:
                await context.session.send_progress_notification(
                    token, told, message=message, related_request_id=str(context.request_id)
                )

        client = context.session.client_params
        answer = await door.answer(name, arguments, client.clientInfo.name if client is not None else "http", tell)
        structured = dict(answer.structured) if answer.structured is not None else None
        text = types.TextContent(type="text", text=answer.text)
        return types.CallToolResult(content=[text], structuredContent=structured, isError=answer.wrong)

    return server


async def serve_stdio(door: Door) -> None:
    """Until the client closes our input. Only the protocol reaches standard output, whatever a library prints."""
    server = build(door)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as protocol:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        stdout = anyio.wrap_file(TextIOWrapper(protocol, encoding="utf-8", write_through=True))
        try:
            async with stdio_server(stdout=stdout) as (incoming, outgoing):
                await server.run(incoming, outgoing, server.create_initialization_options())
        finally:
            await asyncio.to_thread(door.runs.stop, _STOP_SECONDS)


def http_app(door: Door, token: str) -> ASGIApp:
    """Streamable HTTP at ``/mcp`` for who shows the token, asked by a name of this machine only."""
    hosts = [f"{host}:*" for host in (HOST, "localhost")]
    origins = [f"http://{host}" for host in hosts]
    manager = StreamableHTTPSessionManager(
        build(door), stateless=True, max_request_body_size=_MOST_BODY,
        security_settings=TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins),
    )  # fmt: skip

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with manager.run():
            yield
        await asyncio.to_thread(door.runs.stop, _STOP_SECONDS)

    return _Bearer(Starlette(routes=[Mount(PATH, app=manager.handle_request)], lifespan=lifespan), token)


def serve_http(door: Door, token: str, port: int) -> None:
    """Until SIGTERM or SIGINT."""
    import uvicorn

    uvicorn.run(
        http_app(door, token), host=HOST, port=port, access_log=False, server_header=False, proxy_headers=False,
        log_level="warning", limit_concurrency=100, timeout_graceful_shutdown=4,
    )  # fmt: skip


class _Bearer:
    """Lets in who shows the token, compared in one length so that comparing tells nothing of it."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._digest = app, hashlib.sha256(token.encode()).digest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scheme, _, shown = Headers(scope=scope).get("authorization", "").partition(" ")
            digest = hashlib.sha256(shown.strip().encode("utf-8", "surrogatepass")).digest()
            if scheme.lower() != "bearer" or not hmac.compare_digest(digest, self._digest):
                refusal = JSONResponse(
                    {"error": "show the server's token: Authorization: Bearer …"},
                    401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

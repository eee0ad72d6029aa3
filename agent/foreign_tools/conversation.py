"""One conversation with another MCP server: begun, used and ended within its time-out, its errors told for a person.

A server is started for each question: none is left running, and none carries anything from one question to the next.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from agent.foreign_tools.transport import TooMuch, Trouble, streams
from agent.redaction import cut_secrets
from agent.report.text import inert
from agent.settings import secret
from tools.http.errors import BackendError, NoAnswer

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.types import CallToolResult
    from mcp.types import Tool as ForeignTool

    from agent.foreign_tools.settings import McpServer

T = TypeVar("T")
_MOST_PAGES, _MOST_TOOLS = 10, 200


def converse(server: "McpServer", use: "Callable[[ClientSession], Awaitable[T]]") -> T:
    """Begin, ``use`` the session, end; from a thread without an event loop. Raises ``BackendError``."""
    names = tuple(name for name in (server.token_env, *server.pass_env) if name)
    try:
        found = {name: secret(name, f"mcp server {server.name}") for name in names}
    except ValueError as error:
        raise BackendError(str(error)) from None
    secrets = {name: value.get_secret_value() for name, value in found.items() if value is not None}
    # What its client logs of a server is the server's text; what matters of it is told below.
    logging.getLogger("mcp.client").setLevel(logging.CRITICAL)
    return asyncio.run(_within(server, secrets, use))


async def _within(server: "McpServer", secrets: dict[str, str], use: "Callable[[ClientSession], Awaitable[T]]") -> T:
    from importlib.metadata import version

    from mcp import ClientSession
    from mcp.types import Implementation

    us = Implementation(name="probable-cause", version=version("probable-cause"))
    trouble, answers = Trouble(), list[T]()
    try:
        async with asyncio.timeout(server.timeout_seconds) as limit:
            trouble.stop = lambda: None if limit.expired() else limit.reschedule(asyncio.get_running_loop().time())
            async with (
                streams(server, secrets, trouble) as (incoming, outgoing),
                ClientSession(incoming, outgoing, client_info=us) as session,
            ):
                await session.initialize()
                answers.append(await use(session))
    except Exception as error:
        if not answers:
            raise _told(server, trouble.error or _first(error)) from error
    return answers[0]


def _first(error: BaseException) -> BaseException:
    """The first of a group: what else failed did so since it had."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _told(server: "McpServer", error: BaseException) -> BackendError:
    """What happened and what to do, in a line; what the server said is data in it."""
    from mcp import McpError

    name = f"MCP server {server.name}"
    if isinstance(error, BackendError):
        return error
    if isinstance(error, TimeoutError):
        seconds = f"{server.timeout_seconds:g} s"
        return NoAnswer(f"{name}: no answer within {seconds}; see whether it runs, or raise its timeout_seconds")
    if isinstance(error, FileNotFoundError | PermissionError) and server.command:
        return NoAnswer(f"{name}: its command {server.command[0]} cannot be started; correct it in mcp.servers")
    said = inert(cut_secrets(str(error)), 200)
    if isinstance(error, McpError) and "closed" in said.lower():
        remedy = "run its command by hand to see why" if server.command else "see its own log"
        return NoAnswer(f"{name}: it ended without an answer; {remedy}")
    if isinstance(error, McpError):
        return BackendError(f"{name} refused: {said}")
    if isinstance(error, TooMuch):
        return BackendError(f"{name}: {error}")
    remedy = "check its address and token_env in mcp.servers" if server.url else "see whether it runs by hand"
    return BackendError(f"{name}: {said or type(error).__name__}; {remedy}")


async def offered(session: "ClientSession") -> "dict[str, ForeignTool]":
    """Its tools by name; one that is told twice is left out, for nobody knows which of both would answer."""
    from mcp.types import PaginatedRequestParams

    found: dict[str, ForeignTool] = {}
    twice: set[str] = set()
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
        for tool in page.tools[:_MOST_TOOLS]:
            twice |= {tool.name} & found.keys()
            found[tool.name] = tool
        cursor = page.nextCursor
        if not cursor or len(found) >= _MOST_TOOLS:
            break
    return {name: tool for name, tool in found.items() if name not in twice}


async def call(session: "ClientSession", name: str, arguments: dict[str, Any]) -> "CallToolResult":
    """Call a tool. Not by the session's own method, which runs the server's schema of answers over them."""
    from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest

    wanted = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
    return await session.send_request(ClientRequest(wanted), CallToolResult)

"""The allowed tools of other MCP servers as tools of ours. Nothing is started before somebody asks."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agent.foreign_tools.pins import Pins, digest_of
from agent.foreign_tools.schemas import ANYTHING, ForeignArguments, harmless, misfit
from tools.http.guard import Guard
from tools.spec import Answer, Tool, ToolError

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.types import CallToolResult
    from mcp.types import Tool as ForeignTool

    from agent.foreign_tools.settings import AllowedTool, McpServer, McpSettings

PREFIX = "mcp__"
_AT_ONCE = 2


class HasMcp(Protocol):
    """The settings, as far as they are needed here."""

    @property
    def home(self) -> Path: ...

    @property
    def mcp(self) -> "McpSettings": ...


class NotAsked(ToolError):  # noqa: N818 - a state, named as one reads it
    """A tool is not what was allowed; the message says what to do."""


def foreign_tools(settings: HasMcp) -> Mapping[str, Tool[Any]]:
    """By the name ``mcp__server__tool``, each with the risk of the settings, for the toolbelt to ask.

    Arguments are checked before the call where the tool was seen before, else in it. A server that does not answer is
    a failed answer of its tools.
    """
    if not settings.mcp.servers:
        return {}
    pins = Pins(settings.home)
    made = (
        _tool(server, allowed, pins, guard)
        for server in settings.mcp.servers
        for guard in (Guard(f"MCP server {server.name}", _AT_ONCE, server.timeout_seconds),)
        for allowed in server.tools
        if allowed.allow
    )
    return {tool.name: tool for tool in made}


def full_name(server: str, tool: str) -> str:
    """How a tool of another server is called here."""
    return f"{PREFIX}{server}__{tool}"


def _tool(server: "McpServer", allowed: "AllowedTool", pins: Pins, guard: Guard) -> Tool[Any]:
    from agent.foreign_tools.answers import MOST_ROWS

    name = full_name(server.name, allowed.name)
    try:
        known = pins.all().get(name)
    except ToolError:
        known = None  # asked, it says what is wrong with the file
    arguments = ForeignArguments.of(name, known.wanted if known else ANYTHING)
    # Its server's own description is for people to look at (``pcause mcp-tools``): a summary may reach a model.
    summary = f"the tool {allowed.name} of the MCP server {server.name}"

    def run(given: ForeignArguments) -> Answer:
        from agent.foreign_tools.answers import answer_of
        from agent.foreign_tools.conversation import converse

        result = guard.run(lambda: converse(server, lambda session: _asked(session, name, allowed.name, pins, given)))
        if isinstance(result, str):
            raise NotAsked(result)
        return answer_of(result, f"{server.name}: {allowed.name}")

    return Tool(name, summary, arguments, allowed.risk, lambda _: MOST_ROWS, run)


async def _asked(
    session: "ClientSession", name: str, tool: str, pins: Pins, given: ForeignArguments
) -> "CallToolResult | str":
    """The answer, or why it was not asked: that is no trouble of the server's, so it opens no circuit."""
    from agent.foreign_tools.conversation import call, offered

    found = (await offered(session)).get(tool)
    if found is None:
        return f"{name}: its server does not offer this tool, or offers two of that name; see pcause mcp-tools"
    try:
        digest, wanted = seen(found)
        pin = pins.put(name, digest, wanted, only_new=True)
    except (ValueError, ToolError) as error:
        return f"{name}: {error}"
    if pin.digest != digest:
        return (
            f"{name} is not asked: what its server says of it has changed since it was allowed. Look at it with "
            f"pcause mcp-tools, and allow it again with pcause mcp-tools --allow {name}"
        )
    if problem := misfit(pin.wanted, given.given):
        return f"{name}: the arguments do not fit: {problem}"
    return await call(session, tool, given.given)


def seen(tool: "ForeignTool") -> tuple[str, dict[str, Any]]:
    """What a tool is now: its digest and its arguments, made harmless. Raises ``SchemaRefused``."""
    return digest_of(tool.model_dump(mode="json", exclude={"meta", "icons"})), harmless(tool.inputSchema)

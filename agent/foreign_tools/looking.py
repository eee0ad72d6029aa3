"""What other servers offer, for a person to look at and to allow. Their texts are shown, inert; no model reads them."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.foreign_tools.calling import HasMcp, full_name, seen
from agent.foreign_tools.conversation import converse, offered
from agent.foreign_tools.pins import Pin, Pins
from agent.redaction import cut_secrets
from agent.report.text import inert
from tools.http.errors import BackendError
from tools.spec import ToolError

if TYPE_CHECKING:
    from mcp.types import Tool as ForeignTool

    from agent.foreign_tools.settings import McpServer

_AT_ONCE = 8
_DESCRIPTION = 400


@dataclass(frozen=True, slots=True)
class Look:
    """A tool of another server. ``state`` is ready, new (allowed, never asked), changed, refused, not_allowed,
    not_offered or unreachable; ``risk`` is "" where the settings do not name it. ``says`` is its server's description or
    what is wrong, inert."""

    name: str
    risk: str
    state: str
    says: str
    wanted: Mapping[str, Any]


def look(settings: HasMcp) -> tuple[Look, ...]:
    """All tools of all servers, which are started for it: call this in a thread. Raises ``ToolError`` for our own file."""
    servers = settings.mcp.servers
    pins = Pins(settings.home).all()
    if not servers:
        return ()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = list(threads.map(_offers, servers))
    return tuple(one for server, offers in zip(servers, found, strict=True) for one in _looks(server, offers, pins))


def allow(settings: HasMcp, name: str) -> Look:
    """Allow a tool as it is now; its server is started for it: call this in a thread. Raises ``ToolError`` where the settings do not allow it or it cannot be seen."""
    for server in settings.mcp.servers:
        for allowed in server.tools:
            if full_name(server.name, allowed.name) != name:
                continue
            if not allowed.allow:
                raise ToolError(f"{name} is not allowed in the settings: set allow: true beside it in mcp.servers")
            offers = _offers(server)
            if isinstance(offers, str):
                raise ToolError(offers)
            tool = offers.get(allowed.name)
            if tool is None:
                raise ToolError(f"MCP server {server.name} offers no tool {allowed.name}; see pcause mcp-tools")
            try:
                digest, wanted = seen(tool)
            except ValueError as error:
                raise ToolError(f"{name} cannot be allowed: {error}") from error
            Pins(settings.home).put(name, digest, wanted)
            return Look(name, allowed.risk.value, "ready", _said(tool), wanted)
    raise ToolError(f"no tool of the settings is called {name}; add it to mcp.servers, or see pcause mcp-tools")


def _offers(server: "McpServer") -> "dict[str, ForeignTool] | str":
    try:
        return converse(server, offered)
    except BackendError as error:
        return str(error)


def _looks(server: "McpServer", offers: "dict[str, ForeignTool] | str", pins: Mapping[str, Pin]) -> list[Look]:
    named = {tool.name: tool for tool in server.tools}
    if isinstance(offers, str):
        return [
            Look(full_name(server.name, tool.name), tool.risk.value, "unreachable", offers, {}) for tool in server.tools
        ] or [Look(full_name(server.name, "*"), "", "unreachable", offers, {})]
    shown: list[Look] = []
    for name in dict.fromkeys((*named, *offers)):
        tool, allowed = offers.get(name), named.get(name)
        risk, full = (allowed.risk.value if allowed else ""), full_name(server.name, inert(name, 64))
        if tool is None:
            shown.append(Look(full, risk, "not_offered", "its server does not offer it", {}))
            continue
        try:
            digest, wanted = seen(tool)
        except ValueError as error:
            shown.append(Look(full, risk, "refused", inert(str(error)), {}))
            continue
        pin = pins.get(full)
        state = "ready" if pin and pin.digest == digest else "changed" if pin else "new"
        shown.append(Look(full, risk, state if allowed and allowed.allow else "not_allowed", _said(tool), wanted))
    return shown


def _said(tool: "ForeignTool") -> str:
    return inert(cut_secrets(tool.description or ""), _DESCRIPTION)

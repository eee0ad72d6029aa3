"""The door for other agents (``pcause mcp``), and other servers' tools looked at and allowed (``pcause mcp-tools``)."""

import json
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agent.foreign_tools.looking import Look

_MISSING = "MCP needs its extra: pip install 'probable-cause[mcp]'"


def mcp(
    http: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Serve HTTP on this port of this machine instead; needs the server's token."
        ),
    ] = None,
    recording: Annotated[Path | None, typer.Option(help="A recorded incident instead of the live systems.")] = None,
) -> None:
    """Let other agents read telemetry, investigate and read reports, over MCP. It offers nothing that acts or approves."""
    from agent.doors.running import fail
    from agent.settings import SettingsError, load_settings
    from agent.sources import Source

    if find_spec("mcp") is None:
        fail(_MISSING, code=1)
    settings = load_settings()
    source = Source(kind="live")
    if recording is not None:
        from tools.recording import recording_tools

        recording_tools(recording)  # a folder that is no recording is an error of usage, before anything starts
        source = Source(kind="recording", place=str(recording.resolve()))
    token = settings.server.token
    if http is not None and token is None:
        raise SettingsError(
            f"over HTTP agents must show a token: set the environment variable {settings.server.token_env}"
        )
    from agent.doors.mcp_serving.serving import door, serve_http, serve_stdio

    if http is not None and token is not None:
        serve_http(door(settings, source), token.get_secret_value(), http)
        return
    import asyncio

    asyncio.run(serve_stdio(door(settings, source)))


def mcp_tools(
    allow: Annotated[str, typer.Option(help="Allow this tool as it is now: mcp__server__tool.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
) -> None:
    """Look at what the MCP servers of the settings offer, and allow again a tool that has changed."""
    from agent.doors.running import fail
    from agent.settings import load_settings
    from tools.spec import ToolError

    if find_spec("mcp") is None:
        fail(_MISSING, code=1)
    from agent.foreign_tools import looking

    settings = load_settings()
    try:
        found = (looking.allow(settings, allow),) if allow else looking.look(settings)
    except ToolError as error:
        fail(str(error), code=1)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    elif not found:
        typer.echo("No MCP server is configured; name one in mcp.servers of pcause.yaml (docs/mcp.md shows how).")
    else:
        for one in found:
            _show(one)


def _show(one: "Look") -> None:
    typer.echo(f"{one.name}  {one.state.replace('_', ' ')}{f', {one.risk}' if one.risk else ''}")
    # Quoted, so that nobody takes a stranger's sentence for ours.
    typer.echo(
        f"    {'problem' if one.state in ('unreachable', 'refused', 'not_offered') else 'its server says'}: “{one.says}”"
    )
    if one.wanted.get("properties"):
        typer.echo(f"    arguments: {', '.join(one.wanted['properties'])}")

"""Settings of other servers' tools, ``mcp:`` in pcause.yaml. A tool that is not named and allowed here does not exist."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tools.spec import Risk


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AllowedTool(_Model):
    """``risk`` is what we say of it, whatever its server says: only ``read`` runs without a person."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    risk: Risk
    allow: bool = False


class McpServer(_Model):
    """A program (``command``, no shell) that speaks MCP over its standard input and output, or the address of one.

    ``token_env`` names the variable with the bearer token; a program is given that variable, those of ``pass_env``, and
    nothing else of our environment but PATH, HOME and the like. ``timeout_seconds`` is for starting and answering.
    """

    name: str = Field(pattern=r"^[a-z0-9]+(?:[_-][a-z0-9]+)*$", max_length=32)
    command: tuple[str, ...] = ()
    url: str = ""
    token_env: str = ""
    pass_env: tuple[str, ...] = ()
    tools: tuple[AllowedTool, ...] = ()
    timeout_seconds: float = Field(default=10.0, gt=0, le=50)

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not url:
            return url
        try:
            parts = urlsplit(url)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            fine = False
        if not fine:
            raise ValueError("this is no address; write it like https://tools.example/mcp")
        if parts.username or parts.password or parts.query:
            raise ValueError("keep credentials out of the address; name the token's variable in token_env")
        return url

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError(f"server {self.name} needs a command or a url, one of them")
        if self.url and self.pass_env:
            raise ValueError(f"server {self.name} has a url; pass_env is for a command")
        names = [tool.name for tool in self.tools]
        if len(set(names)) < len(names):
            raise ValueError(f"server {self.name} names a tool twice")
        return self


class McpSettings(_Model):
    """The servers, by name."""

    servers: tuple[McpServer, ...] = ()

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = [server.name for server in self.servers]
        if len(set(names)) < len(names):
            raise ValueError("two servers have one name; give each its own")
        return self

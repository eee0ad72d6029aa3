"""Where a live system is and how it is asked: address, credentials, limits."""

import re
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

T = TypeVar("T")


class Connection(BaseModel):
    """One backend. ``name`` is how reports call it. No error repeats what was given: it may be a secret.

    ``timeout_seconds`` is for one answer from the first byte sent to the last byte read; ``most_bytes`` is the
    largest answer that is read; ``at_once`` is how many calls may be under way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    url: str
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    ca_file: str = ""
    verify: bool = True
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    most_bytes: int = Field(default=48_000_000, gt=0)
    at_once: int = Field(default=4, ge=1, le=64)

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("this is no address; write it like http://prometheus:9090")
        if parts.username or parts.password:
            raise ValueError("keep credentials out of the address; name them in username and password_env")
        return url.rstrip("/")

    @field_validator("token", "password", "username", "headers")
    @classmethod
    def _sendable(cls, given: T) -> T:
        """Client libraries quote a header that they cannot send, with the secret that is in it."""
        texts = given.values() if isinstance(given, Mapping) else (given,)
        for one in texts:
            text = one.get_secret_value() if isinstance(one, SecretStr) else str(one or "")
            if _CONTROL.search(text) or text.encode("latin-1", "ignore").decode("latin-1") != text:
                raise ValueError("it holds a character that no header can carry (a line break, perhaps)")
        return given

    @property
    def all_headers(self) -> dict[str, str]:
        """Headers of every request, with the bearer token where there is one."""
        headers = dict(self.headers)
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        return headers

    @property
    def basic(self) -> tuple[str, str] | None:
        """User and password for basic authentication, where there is a user."""
        if not self.username:
            return None
        return self.username, self.password.get_secret_value() if self.password else ""

    @property
    def checks(self) -> bool | str:
        """What ``requests`` takes as ``verify``: a file of authorities, or whether to verify at all."""
        return self.ca_file if self.ca_file and self.verify else self.verify

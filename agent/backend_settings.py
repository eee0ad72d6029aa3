"""Settings of a live system, whichever it is, and the secrets that settings name. The only reader of those variables."""

import os
import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from tools.http.connection import Connection

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class SettingsError(ValueError):
    """A setting cannot be used; the message names it and what would be right, and its value where that is no secret."""


class Backend(BaseModel):
    """A live system. Secrets are never written here: ``token_env`` and ``password_env`` name environment variables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    token_env: str = ""
    username: str = ""
    password_env: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    ca_file: str = ""
    verify: bool = True
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    at_once: int = Field(default=4, ge=1, le=64)

    def connection(self, name: str, setting: str = "") -> Connection:
        """How to talk to it. ``setting`` is where it stands in the settings, by its name if nothing else is said.

        Raises ``SettingsError`` where the address or a named variable is missing.
        """
        place = setting or name.lower()
        try:
            return Connection(
                name=name,
                url=self.url,
                token=secret(self.token_env, f"{place}.token_env"),
                username=self.username,
                password=secret(self.password_env, f"{place}.password_env"),
                headers=self.headers,
                ca_file=self.ca_file,
                verify=self.verify,
                timeout_seconds=self.timeout_seconds,
                at_once=self.at_once,
            )
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise SettingsError(f"setting {place}.{first['loc'][0]}: {first['msg']}") from None


def secret(variable: str, setting: str) -> SecretStr | None:
    """The value of the environment variable that a setting names; None where it names none."""
    if not variable:
        return None
    if not secret_is_set(variable):
        raise SettingsError(f"{setting} names the environment variable {variable}, which is not set")
    value = os.environ[variable].strip()  # a file that is read into a variable ends with a line break
    if _CONTROL.search(value):
        raise SettingsError(f"the environment variable {variable} of {setting} holds a line break or control character")
    return SecretStr(value)


def secret_is_set(variable: str) -> bool:
    """Whether the environment variable holds more than blanks."""
    return bool(os.environ.get(variable, "").strip())

"""Settings of Slack, ``slack:`` in pcause.yaml. Tokens are never written here, only the names of their variables."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class SlackSettings(BaseModel):
    """``members`` are the member ids (``U0123…``) who may start investigations and ask: with none, nobody may.

    Who may approve is said in ``policy.yaml``. ``at_once`` is how many investigations run in the process of
    ``pcause slack``, ``charts`` how many are shown. ``api_url`` is for a proxy, or a test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: tuple[str, ...] = ()
    bot_token_env: str = "SLACK_BOT_TOKEN"  # noqa: S105 - the name of a variable
    app_token_env: str = "SLACK_APP_TOKEN"  # noqa: S105 - the name of a variable
    signing_secret_env: str = "SLACK_SIGNING_SECRET"  # noqa: S105 - the name of a variable
    at_once: int = Field(default=2, ge=1, le=64)
    charts: int = Field(default=4, ge=0, le=10)
    api_url: str = Field(default="https://slack.com/api/", pattern=r"^https?://[^\s]+/$")

    @field_validator("members")
    @classmethod
    def _member_ids(cls, members: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [member for member in members if not member.isalnum() or member[:1] not in "UW" or not member.isupper()]
        if wrong:
            raise ValueError(f"{wrong[0][:40]!r} is no member id; it is like U0123ABCDEF (profile, ⋮, Copy member ID)")
        return members

    @property
    def bot_token(self) -> SecretStr:
        """Raises ``SettingsError`` where it is not set; so do the others."""
        return self._secret(self.bot_token_env, "bot_token_env", "xoxb-", "OAuth & Permissions")

    @property
    def app_token(self) -> SecretStr:
        """For Socket Mode."""
        return self._secret(self.app_token_env, "app_token_env", "xapp-", "Basic Information, App-Level Tokens")

    @property
    def signing_secret(self) -> SecretStr:
        """For events over HTTP."""
        return self._secret(self.signing_secret_env, "signing_secret_env", "", "Basic Information, App Credentials")

    @property
    def speaks_http(self) -> bool:
        """Whether ``/slack/events`` can be served: a bot token and a signing secret are set."""
        from agent.settings import secret_is_set

        return secret_is_set(self.bot_token_env) and secret_is_set(self.signing_secret_env)

    def _secret(self, variable: str, setting: str, prefix: str, where: str) -> SecretStr:
        from agent.settings import SettingsError, secret, secret_is_set

        if not variable or not secret_is_set(variable):
            raise SettingsError(
                f"set {variable or f'slack.{setting}'} to the value from your Slack app's page ({where})"
            )
        found = secret(variable, f"slack.{setting}")
        if found is None or not found.get_secret_value().startswith(prefix):
            raise SettingsError(f"{variable} should begin with {prefix}: it is another of Slack's tokens")
        return found

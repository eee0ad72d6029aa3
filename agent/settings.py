"""Settings: environment (``PCAUSE_…``) over ``pcause.yaml`` over defaults. The only reader of either."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from agent import strict_yaml
from agent.action_settings import ActionSettings
from agent.backend_settings import Backend, SettingsError, secret, secret_is_set
from agent.foreign_tools.settings import McpSettings
from agent.models.policy import ModelPolicy, ReasonerChoice
from agent.senders.settings import Senders
from agent.slack_settings import SlackSettings
from tools.logs.policy import LogPolicy
from tools.metrics.policy import MetricPolicy

_MAY_BE_SECRET = frozenset(
    {"url", "headers", "username", "token_env", "password_env", "header_env", "secret_env", "pass_env", "body"}
)


class CallCeilings(BaseModel):
    """What one call may use at most; None is no ceiling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: int | None = Field(default=None, ge=0)
    tokens_in: int | None = Field(default=None, ge=0)
    tokens_out: int | None = Field(default=None, ge=0)
    usd: Decimal | None = Field(default=None, ge=0)


class Ceilings(BaseModel):
    """What one investigation may use at most. ``points`` are samples, log lines, spans and changes read; reasoning is
    part of ``tokens_out``. ``call`` bounds each of its calls."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool_calls: int = Field(default=200, ge=1)
    points: int = Field(default=20_000_000, ge=1)
    seconds: float = Field(default=120.0, gt=0)
    usd: Decimal = Field(default=Decimal("0.50"), ge=0)
    tokens_in: int | None = Field(default=None, ge=0)
    tokens_out: int | None = Field(default=None, ge=0)
    call: CallCeilings = CallCeilings()


class PeriodCeilings(CallCeilings):
    """What all investigations of a period may use together; None is no ceiling."""

    tool_calls: int | None = Field(default=None, ge=0)


class DayCeilings(PeriodCeilings):
    """Of a UTC day."""

    usd: Decimal | None = Field(default=Decimal(20), ge=0)


class MonthCeilings(PeriodCeilings):
    """Of a UTC month."""

    usd: Decimal | None = Field(default=Decimal(300), ge=0)


class Periods(BaseModel):
    """Ceilings over investigations; ``source_day`` is what one source of alerts (``alertmanager``, ``file``, …) may use
    in a day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_day: PeriodCeilings = PeriodCeilings()
    day: DayCeilings = DayCeilings()
    month: MonthCeilings = MonthCeilings()


class PrometheusSettings(Backend):
    """Prometheus, or what speaks its API (Thanos, Mimir, VictoriaMetrics); ``metrics`` says how to read its series.

    Where one server holds several environments, ``metrics.matchers`` (label: value, all must match) picks the one that
    is meant: ``{cluster: prod}``. Otherwise services of one name are read as one. Queries that somebody wrote
    themselves are asked as they are.
    """

    metrics: MetricPolicy = MetricPolicy()


class OpenSearchSettings(Backend):
    """OpenSearch; ``logs`` says which indices and fields hold logs and spans, where they are not found by themselves."""

    logs: LogPolicy = LogPolicy()


class GitHubSettings(Backend):
    """Deployments of a repository (``owner/name``); asked only where a token is set, or ``token_env`` is empty."""

    url: str = "https://api.github.com"
    token_env: str = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
    repository: str

    @property
    def has_token(self) -> bool:
        """False where the default variable is not set; one that is named must be."""
        named = type(self).model_fields["token_env"].default != self.token_env
        return named or secret_is_set(self.token_env)


class ChangeSettings(BaseModel):
    """Where changes are read from, beside what is posted to ``/changes``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    git: tuple[Path, ...] = ()
    github: GitHubSettings | None = None
    argocd: Backend | None = None
    mlflow: Backend | None = None


class ServerSettings(BaseModel):
    """``pcause serve``. Without a token it listens on this machine only. ``public_url`` is where people find its pages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8687, ge=0, le=65535)
    token_env: str = "PCAUSE_SERVER_TOKEN"  # noqa: S105 - the name of a variable
    at_once: int = Field(default=2, ge=1, le=64)
    public_url: str = ""

    @property
    def token(self) -> SecretStr | None:
        """The bearer token that senders and readers show; None where the default variable is not set."""
        named = type(self).model_fields["token_env"].default != self.token_env
        return secret(self.token_env, "server.token_env") if named or secret_is_set(self.token_env) else None


class RunbookSettings(BaseModel):
    """The index of the runbooks: on a Qdrant server where ``url`` is set, else in a folder below ``home``.

    ``:memory:`` as ``url`` keeps it in this process, for tests.

    ``embedding`` names another model than the default as ``package.module:Class`` of LlamaIndex, with its arguments.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = ""
    api_key_env: str = "QDRANT_API_KEY"
    embedding: str = ""
    embedding_arguments: dict[str, Any] = Field(default_factory=dict)

    @property
    def api_key(self) -> SecretStr | None:
        """The key of the server; None where the default variable is not set."""
        named = type(self).model_fields["api_key_env"].default != self.api_key_env
        return secret(self.api_key_env, "runbooks.api_key_env") if named or secret_is_set(self.api_key_env) else None


class Settings(BaseModel):
    """``home`` holds the ledger, the checkpoints and the evidence; ``policy`` is the file of rules for actions, without
    which none is done. After an action the symptom is watched for ``verify_seconds`` at most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    ceilings: Ceilings = Ceilings()
    periods: Periods = Periods()
    max_rounds: int = Field(default=4, ge=1, le=20)
    prometheus: PrometheusSettings | None = None
    opensearch: OpenSearchSettings | None = None
    changes: ChangeSettings = ChangeSettings()
    server: ServerSettings = ServerSettings()
    runbooks: RunbookSettings = RunbookSettings()
    actions: ActionSettings = ActionSettings()
    mcp: McpSettings = McpSettings()
    senders: Senders = Senders()
    slack: SlackSettings = SlackSettings()
    policy: Path | None = None
    verify_seconds: float = Field(default=300.0, ge=0, le=3600)
    reasoner: ReasonerChoice = ReasonerChoice.AUTO
    models: ModelPolicy = ModelPolicy()


_ENVIRONMENT = {
    "PCAUSE_HOME": ("home",),
    "PCAUSE_POLICY": ("policy",),
    "PROMETHEUS_URL": ("prometheus", "url"),
    "OPENSEARCH_URL": ("opensearch", "url"),
    "QDRANT_URL": ("runbooks", "url"),
    "PCAUSE_SERVER_HOST": ("server", "host"),
    "PCAUSE_SERVER_PORT": ("server", "port"),
    "PCAUSE_PUBLIC_URL": ("server", "public_url"),
    "PCAUSE_MAX_ROUNDS": ("max_rounds",),
    "PCAUSE_REASONER": ("reasoner",),
    "PCAUSE_MODEL": ("models", "default"),
    "OPENAI_BASE_URL": ("models", "base_url"),
    "PCAUSE_BUDGET_USD": ("ceilings", "usd"),
    "PCAUSE_CEILING_TOOL_CALLS": ("ceilings", "tool_calls"),
    "PCAUSE_CEILING_POINTS": ("ceilings", "points"),
    "PCAUSE_CEILING_SECONDS": ("ceilings", "seconds"),
    "PCAUSE_BUDGET_USD_DAY": ("periods", "day", "usd"),
    "PCAUSE_BUDGET_USD_MONTH": ("periods", "month", "usd"),
}


def load_settings() -> Settings:
    """Read and validate everything. Raises ``SettingsError``."""
    merged: dict[str, Any] = {"home": user_data_path("probable-cause"), **_from_file()}
    for name, path in _ENVIRONMENT.items():
        value = os.environ.get(name)
        if not value:
            continue
        place = merged
        for part in path[:-1]:
            place[part] = dict(place.get(part) or {})
            place = place[part]
        place[path[-1]] = value
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingsError(f"setting {where}{_shown(first)} is not usable: {first['msg'].lower()}") from None
    policy = settings.policy
    if policy is None and Path("policy.yaml").is_file():
        policy = Path("policy.yaml")
    here = {"home": settings.home.expanduser(), "policy": policy and policy.expanduser()}
    return settings.model_copy(update=here)


def _shown(error: ErrorDetails) -> str:
    """The value that was given, unless it may be a secret or hold one."""
    given, fields = error["input"], frozenset(map(str, error["loc"]))
    if error["type"] == "extra_forbidden" or not isinstance(given, str | int | float) or fields & _MAY_BE_SECRET:
        return ""
    return f" = {given!r}"


def _from_file() -> dict[str, Any]:
    """``PCAUSE_CONFIG``, else ``pcause.yaml`` in the current folder, else nothing."""
    named = os.environ.get("PCAUSE_CONFIG")
    path = Path(named) if named else Path("pcause.yaml")
    if not named and not path.exists():
        return {}
    try:
        raw = strict_yaml.load(path.read_text(encoding="utf-8"))
    except strict_yaml.DuplicateKey as error:
        raise SettingsError(f"cannot read the settings file {path}: {error}") from None
    except yaml.MarkedYAMLError as error:  # its own words quote the line, which may hold a secret
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise SettingsError(f"cannot read the settings file {path}: {error.problem} in line {line}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"cannot read the settings file {path}: {error}") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise SettingsError(f"the settings file {path} must hold keys and values, not {type(raw).__name__}")
    return raw


__all__ = [
    "Backend",
    "CallCeilings",
    "Ceilings",
    "ChangeSettings",
    "DayCeilings",
    "GitHubSettings",
    "MonthCeilings",
    "OpenSearchSettings",
    "PeriodCeilings",
    "Periods",
    "PrometheusSettings",
    "RunbookSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "load_settings",
    "secret",
    "secret_is_set",
]

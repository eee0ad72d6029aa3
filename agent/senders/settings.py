"""Settings of the senders of alerts. Secrets are never written here: ``…_env`` names an environment variable."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_HEADER = r"^[A-Za-z0-9-]{1,100}$"


class SenderName(StrEnum):
    """The senders that ``POST /webhook/NAME`` knows."""

    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    PAGERDUTY = "pagerduty"
    CLOUDEVENTS = "cloudevents"
    GENERIC = "generic"


class Scheme(StrEnum):
    """How a signature is made: over the raw body (and a time, where a header carries one), or by Standard Webhooks."""

    HMAC = "hmac"
    STANDARD_WEBHOOKS = "standard-webhooks"


class Sender(BaseModel):
    """One sender. All that is set here must be shown; where nothing is set, the server's own token is.

    ``username`` and ``password_env`` are a Basic login. It may send ``per_second`` deliveries for long, and ``burst`` at
    once; more are asked to come again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_env: str = ""
    username: str = ""
    password_env: str = ""
    per_second: float = Field(default=500.0, gt=0)
    burst: int = Field(default=5_000, ge=1)

    @property
    def proves_itself(self) -> bool:
        """Whether this sender shows something of its own, not the server's token."""
        return bool(self.token_env or self.password_env)

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if bool(self.username) != bool(self.password_env):
            raise ValueError("a basic login needs both username and password_env")
        return self


class SigningSender(Sender):
    """A sender that signs. ``secret_env`` names the variable that holds the key of its HMAC-SHA256."""

    secret_env: str = ""

    @property
    def proves_itself(self) -> bool:
        return bool(self.secret_env) or super().proves_itself


class GrafanaSender(SigningSender):
    """Set ``timestamp_header`` to what the contact point names: then the time is signed too, and old ones are refused."""

    signature_header: str = Field(default="X-Grafana-Alerting-Signature", pattern=_HEADER)
    timestamp_header: str = Field(default="", pattern=r"^[A-Za-z0-9-]{0,100}$")


class SchemedSender(SigningSender):
    """A sender whose signature can be of either scheme. With ``hmac`` and a ``timestamp_header``, the signature is over
    the time in seconds, a dot and the body; without, over the body alone."""

    scheme: Scheme = Scheme.STANDARD_WEBHOOKS
    signature_header: str = Field(default="X-Signature-256", pattern=_HEADER)
    timestamp_header: str = Field(default="", pattern=r"^[A-Za-z0-9-]{0,100}$")


def _readable(path: str) -> str:
    from jsonpath import JSONPathError, compile

    try:
        compile(path, strict=True)
    except JSONPathError as error:
        first_line = str(error).splitlines()[0]
        raise ValueError(f"{path!r} is no JSONPath (RFC 9535), such as $.alert.name: {first_line}") from None
    return path


_Path = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_readable)]


class Mapped(BaseModel):
    """Where a delivery tells what, as JSONPath. ``alerts`` finds the alerts, all others look inside one of them.

    What has ``status`` in ``resolved`` has ended. Without ``started_at`` an alert begins when it is first told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alerts: _Path = "$"
    name: _Path
    service: _Path | None = None
    fingerprint: _Path | None = None
    status: _Path | None = None
    resolved: tuple[str, ...] = ("resolved", "ok", "closed", "recovered", "normal", "inactive")
    started_at: _Path | None = None
    ended_at: _Path | None = None
    severity: _Path | None = None
    summary: _Path | None = None
    metric: _Path | None = None
    threshold: _Path | None = None
    observed: _Path | None = None
    cluster: _Path | None = None
    namespace: _Path | None = None


class GenericSender(SchemedSender):
    """Any other sender of JSON; ``mapping`` says how to read it."""

    scheme: Scheme = Scheme.HMAC
    mapping: Mapped | None = None


class Senders(BaseModel):
    """All senders, and what makes one incident of their alerts.

    Alerts of services that call each other (at most ``hops`` calls apart) are one incident where they began within
    ``storm_seconds`` of its first; 0 keeps all apart. ``calls`` tells who calls whom (caller: callees), beside what the
    newest investigation found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alertmanager: Sender = Sender()
    grafana: GrafanaSender = GrafanaSender()
    pagerduty: SigningSender = SigningSender()
    cloudevents: SchemedSender = SchemedSender()
    generic: GenericSender = GenericSender()
    storm_seconds: float = Field(default=300.0, ge=0, le=900)
    hops: int = Field(default=2, ge=1, le=6)
    calls: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)

    def of(self, name: SenderName) -> Sender:
        """The settings of one sender."""
        found: Sender = getattr(self, name.value)
        return found

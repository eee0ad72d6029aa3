"""Settings of actions, ``actions:`` in pcause.yaml. Nothing configured: there is no action. What is configured still
runs only where ``policy.yaml`` and a person say so."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from agent.backend_settings import Backend
from tools.actions.placeholders import names_in
from tools.actions.templates import Address, Body, HttpAction, Script, VariableName
from tools.actions.workloads.policy import KubernetesPolicy

_TICKET: JsonValue = {
    "dedup_key": "{key}", "title": "{title}", "service": "{entity}", "source": "probable-cause",
}  # fmt: skip


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AlertmanagerSettings(Backend):
    """Where alerts are silenced; ``service_label`` is the label that holds an alert's service."""

    service_label: str = Field(default="service", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$")
    minutes: int = Field(default=60, ge=1, le=7 * 24 * 60)
    max_minutes: int = Field(default=240, ge=1, le=7 * 24 * 60)

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.minutes > self.max_minutes:
            raise ValueError(f"minutes ({self.minutes}) is more than max_minutes ({self.max_minutes})")
        return self


class ScriptSettings(_Model):
    """The only folder that scripts are run from, and their names."""

    folder: Path
    named: tuple[Script, ...] = ()


class TicketSettings(_Model):
    """Where ``open_ticket`` posts; ``body`` may be what the other side expects (PagerDuty, Jira, a webhook of yours).
    It holds ``{key}``, by which the other side can tell that it has the ticket."""

    url: Address
    body: Body = _TICKET
    secret_env: str = ""
    header_env: dict[str, VariableName] = Field(default_factory=dict)
    ca_file: str = ""
    verify: bool = True
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    repeatable: bool = False

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if "key" not in names_in(self.url, self.body):
            raise ValueError("its body must hold {key}, so that the same ticket is not opened twice")
        return self

    @property
    def action(self) -> HttpAction:
        """As the call that it is."""
        return HttpAction.model_validate(
            {
                "name": "open_ticket", "summary": "Open a ticket or an incident.", "risk": "reversible", "method": "POST",
                **self.model_dump(),
            }
        )  # fmt: skip


class ActionSettings(_Model):
    """What could be acted on, and how."""

    alertmanager: AlertmanagerSettings | None = None
    kubernetes: KubernetesPolicy | None = None
    http: tuple[HttpAction, ...] = ()
    scripts: ScriptSettings | None = None
    ticket: TicketSettings | None = None

    @property
    def names(self) -> frozenset[str]:
        """Of all that is configured; no secret is read."""
        from tools.actions.alertmanager import NAME

        found = {action.name for action in self.http}
        found |= {script.name for script in self.scripts.named} if self.scripts else set()
        found |= {NAME} if self.alertmanager else set()
        found |= self.kubernetes.allow if self.kubernetes else set()
        return frozenset(found | ({self.ticket.action.name} if self.ticket else set()))

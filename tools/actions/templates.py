"""Actions that an installation declares in its settings: HTTP calls and named scripts, as templates with placeholders."""

import re
from abc import ABC, abstractmethod
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from diagnosis.findings import Remediation
from diagnosis.telemetry import ChangeKind
from tools.actions.placeholders import (
    IN_UNDO,
    check_address,
    check_arguments,
    check_body,
    names_in,
    origin,
    title_of,
    why_not,
)
from tools.actions.spec import ActionArguments, Target
from tools.spec import Risk

Address = Annotated[str, AfterValidator(check_address)]
Body = Annotated[JsonValue, AfterValidator(check_body)]
UndoAddress = Annotated[str, AfterValidator(lambda url: check_address(url, more=IN_UNDO))]
UndoBody = Annotated[JsonValue, AfterValidator(lambda body: check_body(body, more=IN_UNDO))]
ActionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
_VALUES = ("entity", "change", "flag", "before", "title")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")


class TemplateArguments(ActionArguments):
    """The values of a template; those that it does not use are empty. Each is checked when it is made and when it is
    read back."""

    change: str = ""
    flag: str = ""
    before: str = ""
    title: str = ""

    @model_validator(mode="after")
    def _fit_their_places(self) -> Self:
        for name in _VALUES:
            value = getattr(self, name)
            if (value or name == "entity") and (problem := why_not(name, value)):
                raise ValueError(problem)
        return self

    def values(self, key: str, undoes: str = "") -> dict[str, str]:
        """By placeholder; ``undoes`` is the key of what is taken back."""
        return {name: getattr(self, name) for name in _VALUES} | {"key": key, "undoes": undoes}


class Template(BaseModel, ABC):
    """What HTTP actions and scripts have in common: when they are proposed, and for whom.

    ``remediations``: none is one that only a person asks for. ``change_kinds``: none is any. ``services`` are globs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ActionName
    summary: str = Field(min_length=1, max_length=200)
    remediations: frozenset[Remediation] = frozenset()
    change_kinds: frozenset[ChangeKind] = frozenset()
    risk: Literal["reversible", "destructive"] = "destructive"
    services: tuple[str, ...] = ("*",)

    @field_validator("remediations")
    @classmethod
    def _something(cls, value: frozenset[Remediation]) -> frozenset[Remediation]:
        if Remediation.NONE in value:
            raise ValueError("leave remediations out for an action that only a person asks for; none is no remedy")
        return value

    @property
    def risk_class(self) -> Risk:
        return Risk(self.risk)

    @property
    @abstractmethod
    def used(self) -> frozenset[str]:
        """The placeholders of all its parts."""

    def fit(self, target: Target) -> TemplateArguments | None:
        """The values for a verdict; None where it is for another service or kind of change, or lacks a value."""
        if target.entity not in target.services or not any(fnmatchcase(target.entity, glob) for glob in self.services):
            return None
        if self.change_kinds and target.change_kind not in self.change_kinds:
            return None
        known = {
            "entity": target.entity,
            "change": target.change_id,
            "flag": target.change_key,
            "before": target.before,
            "title": title_of(target.alert_name, f"({target.entity})"),
        }
        values = {name: known[name] for name in self.used - {"key", *IN_UNDO}} | {"entity": target.entity}
        if any(why_not(name, value) for name, value in values.items()):
            return None
        return TemplateArguments.model_validate(values)


class Call(BaseModel):
    """One request. ``body`` is sent as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: Address
    body: Body = None

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.method == "GET" and self.body is not None:
            raise ValueError("a GET has no body")
        return self


class UndoCall(Call):
    """The request that takes another back: it can name that one by ``{undoes}``, its key."""

    url: UndoAddress
    body: UndoBody = None


class Check(BaseModel):
    """How to ask whether a key was done: 200 is yes, 404 is no, all else is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Address

    @field_validator("url")
    @classmethod
    def _by_key(cls, url: str) -> str:
        if "key" not in names_in(url):
            raise ValueError("it must ask for {key}: otherwise another's doing would be taken for ours")
        return url


class HttpAction(Call, Template):
    """A signed request. ``secret_env`` names the variable with the signing secret, ``header_env`` maps headers to
    variables that hold their whole value. ``repeatable``: the other side does an ``Idempotency-Key`` once."""

    dry_run: Call | None = None
    undo: UndoCall | None = None
    check: Check | None = None
    secret_env: str = ""
    header_env: dict[str, VariableName] = Field(default_factory=dict)
    ca_file: str = ""
    verify: bool = True
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    repeatable: bool = False

    @property
    def used(self) -> frozenset[str]:
        calls = [self, *(call for call in (self.dry_run, self.undo) if call)]
        asked = (self.check.url,) if self.check else ()
        return names_in(*asked, *(part for call in calls for part in (call.url, call.body)))

    @model_validator(mode="after")
    def _one_host(self) -> Self:
        """The secret is shared with one host."""
        others = [part.url for part in (self.dry_run, self.undo, self.check) if part is not None]
        if any(origin(url) != origin(self.url) for url in others):
            raise ValueError("dry_run, undo and check are on the host of url; another host would see its secret")
        if self.dry_run is not None and "key" in names_in(self.dry_run.url, self.dry_run.body):
            raise ValueError("a dry run has no {key}: nothing was approved yet")
        if self.method == "GET" or (self.undo is not None and self.undo.method == "GET"):
            raise ValueError("a GET changes nothing; use POST, PUT, PATCH or DELETE")
        if not all(_HEADER.fullmatch(name) for name in self.header_env):
            raise ValueError("header_env maps names of headers to names of variables")
        return self


class Script(Template):
    """A program of the folder, with its arguments. ``check`` ends with 0 where the key was done and with 1 where it was
    not; it and all others find the key in ``PCAUSE_ACTION_KEY``. ``pass_env`` are variables that it sees, too."""

    argv: tuple[str, ...]
    dry_run: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    pass_env: tuple[VariableName, ...] = ()
    timeout_seconds: float = Field(default=60.0, gt=0, le=100)

    @property
    def used(self) -> frozenset[str]:
        return names_in(self.argv, self.dry_run, self.check, self.undo)

    @model_validator(mode="after")
    def _fixed(self) -> Self:
        for part in (self.argv, *(part for part in (self.dry_run, self.check) if part)):
            check_arguments(part)
        if self.undo:
            check_arguments(self.undo, more=IN_UNDO)
        if "key" in names_in(self.dry_run):
            raise ValueError("a dry run has no {key}: nothing was approved yet")
        return self

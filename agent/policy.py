"""What may be done and who may say so: ``policy.yaml``. Rules are asked in order; where none matches, nothing is done."""

import re
import time
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from agent import strict_yaml
from tools.spec import Risk

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_BETWEEN = re.compile(r"(?:(?P<days>[a-z,-]+) )?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)", re.IGNORECASE)
_MOST_BYTES = 1_000_000
_SETTLED_SECONDS = 2.0  # a file that was just written may be written again within one tick of its clock


class PolicyError(ValueError):
    """The policy cannot be used: nothing is done until it can. The message names the file and the place."""


class Decision(StrEnum):
    """What a rule says of an action."""

    DRY_RUN = "allow_dry_run"
    ASK = "ask"
    ASK_TWO = "ask_two"
    NEVER = "never"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Approver(_Model):
    """A person by name, and who they are at each door: the variable that holds their token for the pages, their Slack
    member id, their user name on this machine."""

    name: str = Field(min_length=1, max_length=100)
    web_token_env: str = ""
    slack: str = ""
    terminal: str = ""
    actions: str = "*"


class Rule(_Model):
    """Globs over an action, its service, its environment and its risk; ``between`` is like ``Mon-Fri 08:00-18:00``.

    A window that ends when it starts lasts 24 hours: ``Sat-Sun 00:00-00:00`` is both days.
    """

    action: str = "*"
    service: str = "*"
    environment: str = "*"
    risk: str = "*"
    between: str = ""
    decision: Decision

    @field_validator("between")
    @classmethod
    def _readable(cls, value: str) -> str:
        _window(value)
        return value


class Environment(_Model):
    """A name for services, by globs; the first that fits counts."""

    name: str
    services: tuple[str, ...]


class Ruling(_Model):
    """What the policy says: ``rule`` counts from 1, 0 where none matched; ``why`` is shown to people."""

    decision: Decision
    rule: int
    environment: str
    why: str

    @property
    def people(self) -> int:
        """How many must approve; 0 where nothing runs."""
        return {Decision.ASK: 1, Decision.ASK_TWO: 2}.get(self.decision, 0)


class Policy(_Model):
    """The whole file. Without one nobody may approve and nothing may be done."""

    version: int = Field(default=1, ge=1, le=1)
    timezone: str = "UTC"
    environments: tuple[Environment, ...] = ()
    approvers: tuple[Approver, ...] = ()
    requester_may_approve: bool = True
    expires_minutes: float = Field(default=30.0, gt=0, le=24 * 60)
    rules: tuple[Rule, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no timezone {value!r}; write it like Europe/Berlin") from error
        return value

    @model_validator(mode="after")
    def _one_person_an_identity(self) -> Self:
        for what in ("name", "web_token_env", "slack", "terminal"):
            given = [value for approver in self.approvers if (value := getattr(approver, what))]
            if len(given) != len(set(given)):
                raise ValueError(f"two approvers have the same {what}: one person could then be two")
        return self

    def person(self, door: str, identity: str) -> Approver | None:
        """The approver behind an identity of a door (``web``: a name, whose token was shown)."""
        field = {"terminal": "terminal", "slack": "slack", "web": "name"}.get(door)
        if field is None or not identity:
            return None
        return next((approver for approver in self.approvers if getattr(approver, field) == identity), None)

    def may(self, name: str, action: str) -> bool:
        """Whether this approver may answer for this action."""
        return any(approver.name == name and fnmatchcase(action, approver.actions) for approver in self.approvers)

    def name_behind(self, requester: str) -> str:
        """The approver behind the ``door:identity`` that asked for an investigation; "" for anybody else."""
        person = self.person(*requester.partition(":")[::2])
        return person.name if person else ""

    def decide(self, action: str, service: str, risk: Risk, at: float) -> Ruling:
        """The first rule that fits, at a moment in epoch seconds. What destroys is never asked of one person alone."""
        environment = next((e.name for e in self.environments if any(fnmatchcase(service, g) for g in e.services)), "")
        for number, rule in enumerate(self.rules, 1):
            fits = (
                fnmatchcase(action, rule.action)
                and fnmatchcase(service, rule.service)
                and fnmatchcase(environment, rule.environment)
                and fnmatchcase(risk.value, rule.risk)
                and self._now_within(rule.between, at)
            )
            if fits:
                decision, why = rule.decision, f"rule {number} says {rule.decision.value}"
                if decision is Decision.ASK and risk is Risk.DESTRUCTIVE:
                    decision, why = Decision.ASK_TWO, f"{why}, and what is destructive is asked of two people"
                return Ruling(decision=decision, rule=number, environment=environment, why=why)
        said = "no rule matches, so it is not done" if self.rules else "there is no rule, so nothing is done"
        return Ruling(decision=Decision.NEVER, rule=0, environment=environment, why=said)

    def _now_within(self, between: str, at: float) -> bool:
        window = _window(between)
        if window is None:
            return True
        days, start, end = window
        now = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self.timezone))
        minute, day = now.hour * 60 + now.minute, now.weekday()
        if start < end:
            return day in days and start <= minute < end
        return (day in days and minute >= start) or ((day - 1) % 7 in days and minute < end)  # over midnight


def load_policy(path: Path | None) -> Policy:
    """The policy of a file as it is now; None is the one that allows nothing. Raises ``PolicyError``.

    A file that is the same is read once: a server asks for each request that somebody sends.
    """
    if path is None:
        return Policy()
    try:
        there = path.stat()
        state = (there.st_mtime_ns, there.st_ctime_ns, there.st_size, there.st_dev, there.st_ino)
        settled = time.time() - there.st_ctime > _SETTLED_SECONDS
        told = _read_once(path, state) if settled else _read(path)
    except OSError as error:
        raise PolicyError(f"cannot read the policy {path}: {error}") from error
    if isinstance(told, str):
        raise PolicyError(told)
    return told


@lru_cache(maxsize=16)
def _read_once(path: Path, state: tuple[int, ...]) -> Policy | str:
    """``state`` is another one when the file is."""
    return _read(path)


def _read(path: Path) -> Policy | str:
    """The policy, or why it is none. Raises ``OSError``."""
    raw = path.read_bytes()
    if len(raw) > _MOST_BYTES:
        return f"the policy {path} is larger than {_MOST_BYTES:,} bytes"
    try:
        return Policy.model_validate(strict_yaml.load(raw) or {})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        return f"the policy {path} cannot be used: {where}: {first['msg']}"
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        return f"cannot read the policy {path}: {error}"


def _window(between: str) -> tuple[frozenset[int], int, int] | None:
    """Days (0 is Monday) and minutes of the day from and to; None for any time. Raises ``ValueError``."""
    if not between:
        return None
    told = _BETWEEN.fullmatch(between.strip())
    if told is None:
        raise ValueError(f"{between!r} is no time; write it like Mon-Fri 08:00-18:00")
    start, end = (_minute(told[name]) for name in ("start", "end"))
    return _days(told["days"]), start, end


def _minute(text: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    if hours > 24 or minutes > 59 or (hours == 24 and minutes):
        raise ValueError(f"{text!r} is no time of a day")
    return hours * 60 + minutes


def _days(text: str | None) -> frozenset[int]:
    if not text:
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise ValueError(f"{part!r} is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun")
        start, length = _DAYS.index(first), (_DAYS.index(last or first) - _DAYS.index(first)) % 7
        found |= {(start + n) % 7 for n in range(length + 1)}
    return frozenset(found)

"""Actions: what could be done about a cause. An action is declared once; nothing here decides to run it.

Arguments come from code over evidence (``fit``), never from a text. Whoever runs one (``agent/acting.py``, nobody else)
shows the dry run to a person first, and gives the key of the action to ``run`` once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from diagnosis.findings import Remediation
from tools.spec import Risk


class ActionError(Exception):
    """An action could not be done; the message says why and what to do. It may have happened all the same: ``happened``
    is asked."""


class NoAnswer(ActionError):  # noqa: N818 - a state, named as one reads it
    """The target did not answer, so that it may still be doing what was asked. Where nothing was sent (refused, unknown
    host, no TLS), it is a plain ``ActionError``."""


class ActionArguments(BaseModel):
    """What every action needs: ``entity`` is the service that it touches, known to the topology."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity: str = Field(min_length=1, max_length=253)


@dataclass(frozen=True, slots=True)
class Target:
    """What a verdict gives an action to fit its arguments to. All of it was read from telemetry: values, never orders.

    ``change_kind`` is a ``diagnosis.telemetry.ChangeKind`` value or "", ``change_key`` the flag or setting that was
    changed and ``before`` its earlier value; ``services`` are all that the topology knows.
    """

    entity: str
    remediation: Remediation
    change_id: str
    change_kind: str
    change_key: str
    before: str
    alert_name: str
    alert_entity: str
    services: frozenset[str]


MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would happen: ``effect`` in one sentence, ``lines`` like "replicas 3 → 6".

    More than ``MOST_LINES`` are not shown: what a person must see whole is refused instead (``ActionError``).
    ``seen`` stands for the state that it looked at; where it is another just before the action runs, it does not run.
    """

    effect: str
    lines: tuple[str, ...] = ()
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """``detail`` is one sentence about what was done; ``memo`` is what ``undo`` needs, as text of its own."""

    detail: str
    memo: str = ""


class Happened(StrEnum):
    """Whether the effect of an action with some key is there."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


A = TypeVar("A", bound=ActionArguments)


def _unknown(_: object, __: str) -> Happened:
    return Happened.UNKNOWN


def _no_memo(_: object, __: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class ActionSpec(Generic[A]):
    """One kind of action. All functions raise ``ActionError``; they bear being called from any thread.

    ``fit`` gives the arguments for a verdict, None where the action is none for it. ``remediations`` are the verdicts
    that it is proposed for; none: only a person asks for it. ``run`` and ``undo`` take the action's key, which the
    target should keep (idempotency key, annotation): ``happened`` asks the target for it after a crash.
    ``repeatable``: the target itself does a key once, so sending it again is safe. ``undo_dry_run`` shows what ``undo``
    would do with a memo, exactly; each action with an undo has one. ``settles_seconds`` after it was begun, what was cut
    off has ended one way or the other. ``memo_of`` gives the memo of a key that took effect though its answer was lost;
    ``undone`` says whether what a memo stands for was taken back (without it ``happened`` is asked for the undo's key).
    """

    name: str
    summary: str
    risk: Risk
    remediations: frozenset[Remediation]
    arguments: type[A]
    fit: Callable[[Target], A | None]
    dry_run: Callable[[A], DryRun]
    run: Callable[[A, str], Done]
    happened: Callable[[A, str], Happened] = _unknown
    undo: Callable[[A, str, str], Done] | None = None
    repeatable: bool = False
    undo_dry_run: Callable[[A, str], DryRun] | None = None
    settles_seconds: float = 60.0
    memo_of: Callable[[A, str], str] = _no_memo
    undone: Callable[[A, str], Happened] | None = None


def registry(*specs: ActionSpec[Any]) -> Mapping[str, ActionSpec[Any]]:
    """Actions by name; two of one name are an error."""
    by_name = {spec.name: spec for spec in specs}
    if len(by_name) != len(specs):
        raise ValueError(f"two actions share a name: {sorted(spec.name for spec in specs)}")
    return by_name

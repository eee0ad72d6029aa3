"""What a fault of the lab is: data, so that one more is one more small file."""

from dataclasses import dataclass

from evals.lab.alerting import AlertRule
from evals.lab.load import LoadProfile
from evals.lab.source_tree import CommitDraft


@dataclass(frozen=True)
class DeployStep:
    """Deploy the newest commit to ``service``."""

    service: str


@dataclass(frozen=True)
class FlagStep:
    """Switch a flag, which a service reads while it runs."""

    flag: str
    service: str
    on: bool
    author: str


@dataclass(frozen=True)
class PlannedStep:
    """A step and its time, in seconds from the start of the recording."""

    at_seconds: float
    step: CommitDraft | DeployStep | FlagStep


@dataclass(frozen=True)
class Fault:
    """One incident to be caused.

    The plan is made for a run of ``seconds`` and is stretched for another length. ``cause`` is a commit of the plan
    and ``path`` leads from the service that it breaks to the service that alerts.
    """

    name: str
    kind: str
    remediation: str
    cause: CommitDraft
    path: tuple[str, ...]
    seconds: float
    plan: tuple[PlannedStep, ...]
    load: LoadProfile
    alert: AlertRule

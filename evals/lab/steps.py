"""What a plan is made of: commits, deploys, flags and settings, each at its time."""

from dataclasses import dataclass

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
class ModelStep:
    """Make another version of a model the active one of ``service``."""

    service: str
    version: str
    author: str
    title: str


Step = CommitDraft | DeployStep | FlagStep | ModelStep


@dataclass(frozen=True)
class PlannedStep:
    """A step and its time in seconds, from the start of the baseline or, after the fault, from its injection."""

    at_seconds: float
    step: Step


def describe(step: Step) -> str:
    """The step in a few words, for the progress line."""
    match step:
        case CommitDraft():
            return f"commit by {step.author}: {step.title}"
        case DeployStep():
            return f"deploy {step.service}"
        case FlagStep():
            return f"flag {step.flag} {'on' if step.on else 'off'}"
        case ModelStep():
            return f"model {step.version} at {step.service}"

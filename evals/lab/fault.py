"""What a fault of the lab is: a small declaration, so that one more fault is one more small file in ``faults/``."""

from collections.abc import Callable
from dataclasses import dataclass

from diagnosis.findings import FaultKind, Remediation
from evals.lab.load import USUAL_LOAD, LoadProfile
from evals.lab.source_tree import CommitDraft
from evals.lab.steps import FlagStep, ModelStep, PlannedStep
from evals.lab.world import World


@dataclass(frozen=True)
class Truth:
    """What a right report says. ``change`` is the step that is to blame, None where no change is."""

    service: str
    kind: FaultKind
    remediation: Remediation
    change: CommitDraft | FlagStep | ModelStep | None = None


@dataclass(frozen=True)
class Effect:
    """What proves that the fault happens: the largest value of a PromQL vector is above (or below) a threshold.

    It must not hold before the injection and must hold after it; an empty vector does not hold.
    """

    query: str
    above: float | None = None
    below: float | None = None

    def holds(self, value: float | None) -> bool:
        """Whether a measured value is the effect."""
        if value is None:
            return False
        return (self.above is not None and value > self.above) or (self.below is not None and value < self.below)


@dataclass(frozen=True)
class Fault:
    """One incident to be caused.

    ``inject`` and ``undo`` use the levers of the world; ``undo`` is always called and must bear being called when
    nothing, or half, was injected. Innocent changes are added to every run (``innocent.py``); ``before`` and ``after``
    are further ones of the fault's own, in seconds from the start of the baseline and from the injection. ``remedy`` names
    the action of ``acting.py`` that ends it, where that is not the one for the remediation of its truth.
    """

    name: str
    summary: str
    truth: Truth
    effect: Effect
    inject: Callable[[World], None]
    undo: Callable[[World], None]
    before: tuple[PlannedStep, ...] = ()
    after: tuple[PlannedStep, ...] = ()
    load: LoadProfile = USUAL_LOAD
    baseline_seconds: float = 60.0
    patience_seconds: float = 90.0
    remedy: str = ""

"""What an investigation tells whoever watches it. Doors render these; nothing else comes out."""

from dataclasses import dataclass

from agent.report.model import Report
from agent.state import Action, ActionResult, Alert, Evidence, Verification
from diagnosis.findings import Hypothesis


@dataclass(frozen=True, slots=True)
class Started:
    """The investigation exists in the ledger under this id; ``resumed`` when it went on where it stopped."""

    investigation_id: str
    alert: Alert
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage of the graph began; ``branch`` is the source of a gather branch."""

    stage: str
    branch: str = ""


@dataclass(frozen=True, slots=True)
class StageFinished:
    stage: str
    branch: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """A question was answered (or refused, or came back empty)."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Ranked:
    """The hypotheses after a round, most probable first."""

    hypotheses: tuple[Hypothesis, ...]


@dataclass(frozen=True, slots=True)
class ApprovalNeeded:
    """What is known so far is reported; the machine waits for answers to the actions' requests (``agent/approvals.py``); ``resume`` then continues it."""

    investigation_id: str
    actions: tuple[Action, ...]
    report: Report


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of an action, by its name."""

    action: str
    result: ActionResult


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the symptom went away after an action."""

    verification: Verification


@dataclass(frozen=True, slots=True)
class Finished:
    report: Report


@dataclass(frozen=True, slots=True)
class Compared:
    """After a replay: whether the new report equals the recorded one but for ids and times."""

    same: bool
    differences: tuple[str, ...]


Event = (
    Started | StageStarted | StageFinished | EvidenceFound | Ranked | ApprovalNeeded | Performed | Verified | Finished
    | Compared
)  # fmt: skip

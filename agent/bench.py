"""The workbench that the nodes share: everything with a side effect, handed in and never global."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.acting import Acting
from agent.evidence import EvidenceStore
from agent.ledger import Ledger
from agent.reasoners import Reasoner
from agent.toolbelt import Toolbelt


@dataclass(frozen=True, slots=True)
class Bench:
    """``now`` gives epoch seconds and is used for stamps only, never for a diagnosis. After an action the symptom is
    watched for ``verify_seconds`` at most."""

    investigation_id: str
    toolbelt: Toolbelt
    store: EvidenceStore
    ledger: Ledger
    reasoner: Reasoner
    acting: Acting
    home: Path
    max_rounds: int
    now: Callable[[], float]
    verify_seconds: float = 0.0

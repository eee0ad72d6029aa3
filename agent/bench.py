"""The workbench that the nodes share: everything with a side effect, handed in and never global."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.evidence import EvidenceStore
from agent.ledger import Ledger
from agent.reasoners import Reasoner
from agent.toolbelt import Toolbelt
from tools.actions import ActionSpec


@dataclass(frozen=True, slots=True)
class Bench:
    """``now`` gives epoch seconds and is used for stamps only, never for a decision."""

    investigation_id: str
    toolbelt: Toolbelt
    store: EvidenceStore
    ledger: Ledger
    reasoner: Reasoner
    actions: Mapping[str, ActionSpec]
    max_rounds: int
    now: Callable[[], float]

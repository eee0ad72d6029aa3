"""What every explanation is judged against: the failing entity, the onset, the symptoms, the map and the changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Change, Topology
from diagnosis.weights import WEIGHTS


@dataclass(frozen=True, slots=True)
class Scene:
    """``onset`` is that of the alerted series; ``cut_off`` are entities that could not reach another."""

    entity: str
    onset: float
    symptoms: Sequence[Symptom]
    topology: Topology
    entities: frozenset[str]
    changes: Sequence[Change]
    finding_ids: Mapping[int, str] = field(default_factory=dict)
    cut_off: frozenset[str] = frozenset()

    @property
    def latest(self) -> float:
        """When a cause must have taken effect: the clock that stamps a deploy is not the one of the telemetry."""
        return self.onset + WEIGHTS["clock_tolerance_seconds"]

    def finding_id(self, symptom: Symptom) -> str:
        """The finding that reports this symptom, or "" when it did not make the list."""
        return self.finding_ids.get(id(symptom), "")

    def nearness(self, entity: str) -> float:
        """1 at the failing entity, less the farther away in calls."""
        if entity == self.entity:
            return 1.0
        if entity in self.topology.callers(self.entity) or entity in self.topology.callees(self.entity):
            return 0.85
        return 0.6

"""What a case for "nobody's change" is, and what its detectors may look at."""

from dataclasses import dataclass

from diagnosis.failure_text import Failure
from diagnosis.findings import FaultKind, Remediation, Support
from diagnosis.scene import Scene
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import PatternTable, SeriesMatrix


@dataclass(frozen=True, slots=True)
class Case:
    """A cause that is no change: where, of which kind, how strong (nats), and why."""

    entity: str
    fault_kind: FaultKind
    remediation: Remediation
    sentence: str
    supports: tuple[Support, ...]

    @property
    def score(self) -> float:
        return sum(support.weight for support in self.supports)


@dataclass(frozen=True, slots=True)
class View:
    """All that the detectors may look at."""

    scene: Scene
    matrix: SeriesMatrix
    table: PatternTable
    hosts: dict[str, str]
    baseline_end: float

    def support(self, weight: float, reason: str, symptom: Symptom | None = None) -> Support:
        finding = self.scene.finding_ids.get(id(symptom), "") if symptom is not None else ""
        return Support(weight=weight, reason=reason, finding_id=finding)

    def with_text(self, *families: Failure) -> list[Symptom]:
        """Failing texts of these families that began with the incident, strongest first."""
        signals = {f"text:{family.value}" for family in families}
        found = [s for s in self.scene.symptoms if s.signals & signals and s.bad]
        return sorted(found, key=lambda s: (-s.strength, s.onset or 0.0, s.entity))


def share_of(symptom: Symptom, view: View) -> float:
    """How much of the failing text around the onset this symptom is, 0.4 to 1: the main noise, or one of many."""
    first = [s for s in view.scene.symptoms if s.bad and s.channel.value != "metrics"]
    earliest = min((s.onset for s in first if s.onset is not None), default=None)
    early = symptom.onset is None or earliest is None or symptom.onset <= earliest + 120
    return 0.4 + 0.3 * symptom.strength + (0.3 if early else 0.0)

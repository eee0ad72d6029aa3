"""Where the fault is, and of which kind: run every channel on one incident and rank what they say."""

from dataclasses import dataclass

from diagnosis.aliases import aliases_of
from diagnosis.channels import CHANNELS, Observation
from diagnosis.incident import Incident
from diagnosis.periods import Periods
from diagnosis.ranking import Suspect, rank
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import PatternTable, Topology
from diagnosis.weights import CHANNEL_WEIGHTS


@dataclass(frozen=True, slots=True)
class Localisation:
    """Suspects, best first, and what they were judged by."""

    suspects: tuple[Suspect, ...]
    seen: Observation


def localise(
    incident: Incident, topology: Topology, symptoms: list[Symptom], periods: Periods, without: frozenset[str] = frozenset(),
    weights: dict[str, float] | None = None,
) -> Localisation:
    names = {key.entity for key in incident.metrics.keys} | set(incident.spans.entities)
    seen = Observation(
        metrics=incident.metrics,
        patterns=incident.patterns or PatternTable(incident.window, 60.0, ()),
        spans=incident.spans,
        topology=topology,
        periods=periods,
        symptoms=tuple(symptoms),
        entity=incident.entity,
        metric=incident.metric,
        aliases=aliases_of(names, topology),
    )
    clues = [clue for name, channel in CHANNELS.items() if name not in without for clue in channel(seen)]
    return Localisation(tuple(rank(clues, topology, seen.aliases, weights or CHANNEL_WEIGHTS)), seen)

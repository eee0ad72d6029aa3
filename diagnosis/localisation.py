"""Where the fault is, and of which kind: run every channel on one incident and rank what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.aliases import aliases_of
from diagnosis.calibration import posterior
from diagnosis.channels import CHANNELS, Clue, Observation
from diagnosis.findings import Suspect
from diagnosis.incident import Incident
from diagnosis.periods import Periods
from diagnosis.ranking import Ranked, rank
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import PatternTable, Topology
from diagnosis.weights import CHANNEL_WEIGHTS

_MOST_SUSPECTS = 12


@dataclass(frozen=True, slots=True)
class Localisation:
    """Entities with scores and clues, best first; their probabilities; and the probability of none of them."""

    ranked: tuple[Ranked, ...]
    probabilities: tuple[float, ...]
    elsewhere: float

    @property
    def clues(self) -> list[Clue]:
        return [clue for one in self.ranked for clue in one.clues]

    def suspects(self, finding_ids: Mapping[int, str]) -> tuple[Suspect, ...]:
        """The best of them in the form that is stored; ``finding_ids`` maps a symptom (by identity) to its finding."""
        return tuple(
            Suspect(
                entity=one.entity,
                probability=probability,
                fault_kind=one.kind,
                kind_probability=one.kinds.get(one.kind, 0.0),
                score=one.score,
                shares=tuple(sorted(one.shares.items(), key=lambda item: (-item[1], item[0]))),
                finding_ids=tuple(
                    dict.fromkeys(id for clue in one.clues if (id := finding_ids.get(_identity(clue.symptom))))
                ),
            )
            for one, probability in list(zip(self.ranked, self.probabilities, strict=True))[:_MOST_SUSPECTS]
        )


def _identity(symptom: Symptom) -> int:
    return id(symptom)


def localise(
    incident: Incident, topology: Topology, symptoms: Sequence[Symptom], periods: Periods, first: str = "",
    without: frozenset[str] = frozenset(), weights: Mapping[str, float] = CHANNEL_WEIGHTS,
) -> Localisation:  # fmt: skip
    """Clues of all channels but those named in ``without``, ranked.

    ``first`` is where the walk from the alerted entity down the calls ended (``diagnosis/localise.py``), "" without one.
    """
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
        first=first,
        aliases=aliases_of(names, topology),
    )
    clues = [clue for name, channel in CHANNELS.items() if name not in without for clue in channel(seen)]
    ranked = rank(clues, topology, seen.aliases, weights)
    probabilities, elsewhere = posterior(np.array([one.score for one in ranked]))
    return Localisation(tuple(ranked), tuple(map(float, probabilities)), elsewhere)

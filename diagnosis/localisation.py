"""Where the fault is, and of which kind: run every channel on one incident and rank what they say."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from diagnosis.aliases import aliases_of
from diagnosis.calibration import posterior
from diagnosis.channels import CHANNELS, Clue, Observation
from diagnosis.channels.clue import Source
from diagnosis.channels.unreachable import unreached
from diagnosis.examination import Examination
from diagnosis.findings import Suspect
from diagnosis.ranking import Ranked, rank
from diagnosis.weights import CHANNEL_WEIGHTS

_MOST_SUSPECTS = 12


@dataclass(frozen=True, slots=True)
class Localisation:
    """Entities with scores and clues, best first; their probabilities; and the probability of none of them.

    ``cut_off`` are those that could not reach a service of ours, from 0 to 1 by how much they say so.
    """

    ranked: tuple[Ranked, ...]
    probabilities: tuple[float, ...]
    elsewhere: float
    cut_off: Mapping[str, float] = field(default_factory=dict)

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
                    dict.fromkeys(found for clue in one.clues if (found := finding_ids.get(id(clue.symptom))))
                ),
            )
            for one, probability in list(zip(self.ranked, self.probabilities, strict=True))[:_MOST_SUSPECTS]
        )


def observe(seen: Examination) -> Observation:
    """What the channels look at."""
    incident = seen.incident
    names = {key.entity for key in incident.metrics.keys} | set(incident.spans.entities)
    return Observation(
        metrics=incident.metrics,
        patterns=seen.table,
        spans=incident.spans,
        topology=seen.topology,
        periods=seen.split,
        symptoms=seen.symptoms,
        entity=incident.entity,
        metric=incident.metric,
        first=seen.walked,
        aliases=aliases_of(names, seen.topology),
    )


def clues_of(observation: Observation, without: frozenset[str] = frozenset()) -> list[Clue]:
    """What all channels say but those named in ``without``."""
    clues = [clue for name, channel in CHANNELS.items() if name not in without for clue in channel(observation)]
    alone = cut_off(observation)
    return [_inherited(clue, alone[clue.entity]) if clue.entity in alone else clue for clue in clues]


def cut_off(observation: Observation) -> dict[str, float]:
    """Who could not reach a service of ours, and how strongly it says so."""
    found: dict[str, float] = {}
    for symptom in observation.symptoms:
        if unreached(observation, symptom):
            found[symptom.entity] = max(found.get(symptom.entity, 0.0), symptom.strength)
    return found


# A callee that is not reached leaves no trace, so its caller seems to fail by itself, and to go another way; what it
# does instead (asks its store, tries again) costs time and resources of its own.
_FAILS_ALONE = frozenset(("conservation", "event_patterns", "call_walk", "log_templates"))
_DOES_INSTEAD = frozenset(("fan_out", "self_time", "saturation", "span_errors"))
_LEFT_OF_IT = 0.2


def _inherited(clue: Clue, alone: float) -> Clue:
    if clue.method in _FAILS_ALONE:
        return replace(clue, source=Source.CALLEES, strength=_LEFT_OF_IT * clue.strength)
    if clue.method in _DOES_INSTEAD:
        return replace(clue, strength=(1.0 - (1.0 - _LEFT_OF_IT) * alone) * clue.strength)
    return clue


def localise(
    seen: Examination, without: frozenset[str] = frozenset(), weights: Mapping[str, float] = CHANNEL_WEIGHTS
) -> Localisation:
    """Rank what the channels say."""
    observation = observe(seen)
    ranked = rank(clues_of(observation, without), seen.topology, observation.aliases, weights)
    probabilities, elsewhere = posterior(np.array([one.score for one in ranked]))
    return Localisation(tuple(ranked), tuple(map(float, probabilities)), elsewhere, cut_off(observation))

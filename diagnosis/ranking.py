"""From clues to a ranking of (entity, fault kind): evidence added up, with explaining away along the topology.

A clue counts in nats: its channel's weight times its strength. Of one channel the strongest clue of an entity counts
whole and what else it says a quarter, since clues of one channel are not independent. What a callee explains is taken
from its callers' inherited clues (Budhathoki et al., "Causal structure-based root cause analysis of outliers", ICML
2022). Scores become probabilities in ``diagnosis/calibration.py``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from diagnosis.channels.clue import Clue, Source
from diagnosis.findings import FaultKind
from diagnosis.telemetry import Topology
from diagnosis.weights import CHANNEL_WEIGHTS, WEIGHTS


@dataclass(frozen=True, slots=True)
class Ranked:
    """An entity with its score in nats, each channel's share of it, its kinds with probabilities, and its clues."""

    entity: str
    score: float
    shares: Mapping[str, float]
    kinds: Mapping[FaultKind, float]
    clues: tuple[Clue, ...]

    @property
    def kind(self) -> FaultKind:
        return max(self.kinds, key=lambda kind: (self.kinds[kind], kind.value)) if self.kinds else FaultKind.UNKNOWN


class Nature(StrEnum):
    """What a channel speaks of. Channels of one nature see one fact with several eyes."""

    BEHAVIOUR = "behaviour"
    TIME = "time"
    RESOURCE = "resource"
    JUDGEMENT = "judgement"


NATURES: Mapping[str, Nature] = {
    **dict.fromkeys(
        ("event_patterns", "log_templates", "span_errors", "fan_out", "absence", "unreachable", "withheld_calls"),
        Nature.BEHAVIOUR,
    ),
    **dict.fromkeys(("conservation", "call_gap", "self_time", "deviation", "onset_order"), Nature.TIME),
    **dict.fromkeys(("saturation", "tenants"), Nature.RESOURCE),
    "call_walk": Nature.JUDGEMENT,
}
_Shares = Mapping[str, float]
_Heavy = Mapping[Nature, Mapping[str, float]]


def rank(
    clues: Iterable[Clue], topology: Topology, aliases: Mapping[str, str],
    weights: Mapping[str, float] = CHANNEL_WEIGHTS,
) -> list[Ranked]:  # fmt: skip
    """Entities, the best first; of equal scores the name decides, so that the order is reproducible."""
    by_entity: defaultdict[str, list[Clue]] = defaultdict(list)
    for clue in clues:
        if clue.strength > 0.0 and clue.method in weights:
            by_entity[aliases.get(clue.entity, clue.entity)].append(clue)
    parts = {name: {source: _shares(found, weights, source) for source in Source} for name, found in by_entity.items()}
    heavy = {nature: {name: _weight_of(part, nature) for name, part in parts.items()} for nature in Nature}
    below = {nature: _heaviest_below(topology, heavy[nature]) for nature in Nature}
    ranked = []
    for name, found in by_entity.items():
        explained = _explained(name, parts[name], heavy, below, topology)
        shares: dict[str, float] = {}
        for source, by_method in parts[name].items():
            for method, value in by_method.items():
                left = value * (1.0 - explained[source, NATURES[method]])
                shares[method] = max(shares.get(method, 0.0), left)
        ranked.append(Ranked(name, _total(shares), shares, _kinds(found, weights, explained), tuple(found)))
    return sorted(ranked, key=lambda one: (-one.score, one.entity))


def _shares(clues: list[Clue], weights: Mapping[str, float], source: Source) -> dict[str, float]:
    by_method: defaultdict[str, list[float]] = defaultdict(list)
    for clue in clues:
        if clue.source is source:
            by_method[clue.method].append(clue.strength)
    shares = {}
    for method, strengths in by_method.items():
        first, *rest = sorted(strengths, reverse=True)
        shares[method] = weights[method] * (first + min(WEIGHTS["same_channel"] * sum(rest), first))
    return shares


def _total(shares: _Shares, *natures: Nature) -> float:
    """Natures add up; within one the best channel counts whole, the next ones less and less."""
    total = 0.0
    for nature in natures or Nature:
        mine = sorted((value for method, value in shares.items() if NATURES[method] is nature), reverse=True)
        total += sum(value * WEIGHTS["same_nature"] ** place for place, value in enumerate(mine))
    return total


def _explained(
    name: str, parts: Mapping[Source, _Shares], heavy: _Heavy, below: _Heavy, topology: Topology
) -> dict[tuple[Source, Nature], float]:
    """How much of what an entity took over from others, of each nature, those others account for, 0 to 1.

    What another does by itself explains anything; what it only feels explains the like of it. The square leaves a
    strong sign nearly whole where others show only faint ones.
    """
    callers = topology.callers(name) - topology.circle(name)
    found = {}
    for nature in Nature:
        mine = sum(_total(part, nature) for part in parts.values())
        above = max((heavy[nature].get(caller, 0.0) for caller in callers), default=0.0)
        best = {Source.OWN: 0.0, Source.CALLEES: below[nature].get(name, 0.0), Source.CALLERS: above}
        for source in Source:
            found[source, nature] = WEIGHTS["explained_away"] * min(best[source] / max(mine, 1e-9), 1.0) ** 2
    return found


def _heaviest_below(topology: Topology, weight: Mapping[str, float]) -> dict[str, float]:
    """For each entity the most weight of any that it depends on at any depth, but not in a circle."""
    best: dict[str, float] = {}  # of an entity's circle and all below
    found: dict[str, float] = {}
    for circle in topology.circles:
        callees = {callee for name in circle for callee in topology.callees(name)} - circle
        most = max((best[callee] for callee in callees), default=0.0)
        found.update(dict.fromkeys(circle, most))
        best.update(dict.fromkeys(circle, max([most, *(weight.get(name, 0.0) for name in circle)])))
    return found


def _weight_of(part: Mapping[Source, _Shares], nature: Nature) -> float:
    return _total(part[Source.OWN]) + _total(part[Source.CALLEES], nature) + _total(part[Source.CALLERS], nature)


def _only_where_nothing_is_named(votes: dict[FaultKind, dict[str, float]]) -> None:
    """That errors began is what every fault amounts to: a channel that names a kind does not vote for it as well."""
    generic = votes.get(FaultKind.ERROR_REGRESSION, {})
    for method, value in list(generic.items()):
        named = (mine.get(method, 0.0) for kind, mine in votes.items() if kind is not FaultKind.ERROR_REGRESSION)
        if max(named, default=0.0) > WEIGHTS["named_kind"] * value:
            del generic[method]


def _kinds(
    clues: list[Clue], weights: Mapping[str, float], explained: Mapping[tuple[Source, Nature], float]
) -> dict[FaultKind, float]:
    """Probabilities of the kinds, given the entity: each channel votes once for a kind, by its best clue."""
    votes: defaultdict[FaultKind, dict[str, float]] = defaultdict(dict)
    for clue in clues:
        value = weights[clue.method] * clue.strength * (1.0 - explained[clue.source, NATURES[clue.method]])
        for kind, fit in clue.kinds.items():
            votes[kind][clue.method] = max(votes[kind].get(clue.method, 0.0), value * fit)
    votes.pop(FaultKind.UNKNOWN, None)
    _only_where_nothing_is_named(votes)
    scores = {kind: sum(by_method.values()) for kind, by_method in votes.items()}
    if not scores:
        return {}
    top = max(scores.values())
    odds = {kind: float(np.exp((score - top) / WEIGHTS["kind_temperature"])) for kind, score in scores.items()}
    total = sum(odds.values())
    return {kind: value / total for kind, value in sorted(odds.items())}

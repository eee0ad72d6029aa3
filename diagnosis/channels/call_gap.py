"""The gap between what a caller waited and what its callee worked: the network, a queue, a slow accept.

The same call seen from both sides (client and server span, as OpenTelemetry names them). A delay at one service widens
the gap of every call into it and out of it, so the service that covers most of the widened calls, and few others,
explains them: a weighted set cover, taken greedily.
"""

from dataclasses import dataclass

import numpy as np

from diagnosis.channels.clue import Clue, Observation
from diagnosis.contrast import contrast
from diagnosis.findings import Channel, FaultKind
from diagnosis.symptoms import Symptom, amount

NAME = "call_gap"
_KINDS = {
    FaultKind.NETWORK_DELAY: 1.0,
    FaultKind.NETWORK_LOSS: 0.5,
    FaultKind.CPU_SATURATION: 0.4,
    FaultKind.POOL_EXHAUSTION: 0.4,
    FaultKind.DNS: 0.2,
}
_LEAST = 0.1


@dataclass(frozen=True, slots=True)
class _Edge:
    caller: int
    callee: int
    strength: float
    lost: float
    before: float
    after: float
    z: float


def call_gap(seen: Observation) -> list[Clue]:
    """One clue for each service that explains widened calls."""
    edges = _edges(seen)
    widened = [edge for edge in edges if edge.strength >= _LEAST]
    most = max((edge.lost for edge in widened), default=0.0)
    clues: list[Clue] = []
    while widened:
        place, fit = _best(edges, widened)
        mine = [edge for edge in widened if place in (edge.caller, edge.callee)]
        worst = max(mine, key=lambda edge: (edge.strength, edge.lost))
        lost = sum(edge.lost for edge in mine)
        strength = worst.strength * fit * (0.6 + 0.4 * min(lost / max(most, 1e-9), 1.0))
        clues.append(_clue(seen, place, worst, strength))
        widened = [edge for edge in widened if edge not in mine]
    return clues


def lost_between(seen: Observation) -> float:
    """Seconds that the most widened call lost on the way, 0 where none widened."""
    return max((edge.lost for edge in _edges(seen) if edge.strength >= _LEAST), default=0.0)


def _edges(seen: Observation) -> list[_Edge]:
    spans, pairs = seen.spans, seen.calls
    if not pairs.client.size:
        return []
    width = len(spans.entities)
    code = spans.entity[pairs.client].astype(np.int64) * width + pairs.callee
    keys, group = np.unique(code, return_inverse=True)
    old, new = seen.span_is_normal[pairs.client], seen.span_is_recent[pairs.client]
    found = contrast(pairs.gap, group, keys.size, old, new)
    strength, lost = found.strength(), found.excess_seconds
    return [
        _Edge(
            int(key) // width, int(key) % width, float(strength[i]), float(lost[i] * strength[i]),
            float(found.before[i]), float(found.after[i]), float(found.z[i]),
        )
        for i, key in enumerate(keys)
    ]  # fmt: skip


def _best(edges: list[_Edge], widened: list[_Edge]) -> tuple[int, float]:
    """The service that explains most lost time, and how well: the share of calls into it (or out of it) that widened.

    Of two that explain the same single call the callee is taken: it is what most callers wait for.
    """

    def fit(place: int) -> float:
        into = [edge.strength for edge in edges if edge.callee == place]
        out = [edge.strength for edge in edges if edge.caller == place]
        return max(sum(side) / len(side) for side in (into, out) if side)

    def value(place: int) -> tuple[float, bool, int]:
        covered = sum(edge.lost for edge in widened if place in (edge.caller, edge.callee))
        return (covered * fit(place), any(edge.callee == place for edge in widened), -place)

    places = {place for edge in widened for place in (edge.caller, edge.callee)}
    best = max(places, key=value)
    return best, 0.4 + 0.6 * fit(best)


def _clue(seen: Observation, place: int, worst: _Edge, strength: float) -> Clue:
    names = seen.spans.entities
    entity, caller, callee = names[place], names[worst.caller], names[worst.callee]
    symptom = Symptom(
        Channel.TRACES, entity, f"{caller} → {callee}", frozenset({"call_gap+"}), f"{caller} {callee}",
        strength=strength, bad=True,
        sentence=f"calls from {caller} to {callee} wait {amount(worst.after * 1e3)} ms outside of {callee}, "
        f"before {amount(worst.before * 1e3)} ms",
        onset=seen.periods.recent.start, before=worst.before, after=worst.after, deviation=worst.z,
    )  # fmt: skip
    return Clue(NAME, entity, strength, _KINDS, symptom)

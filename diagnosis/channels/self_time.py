"""Exclusive self time: an operation that takes longer by itself, whatever its children do.

Critical-path analysis of traces (Chow et al., "The Mystery Machine", OSDI 2014): what a span's children cover
is theirs. A span that only waits for another service is a call (see ``call_gap``), not work of its own.
"""

import numpy as np

from diagnosis.channels.call_gap import lost_between
from diagnosis.channels.clue import Clue, Observation
from diagnosis.contrast import contrast
from diagnosis.findings import Channel, FaultKind
from diagnosis.symptoms import Symptom, amount

NAME = "self_time"
_KINDS = {
    FaultKind.CPU_SATURATION: 0.7,
    FaultKind.SLOW_CODE: 0.6,
    FaultKind.LOCK_CONTENTION: 0.4,
    FaultKind.MEMORY_EXHAUSTION: 0.3,
    FaultKind.DISK_IO: 0.3,
    FaultKind.NETWORK_DELAY: 0.15,
}
_LEAST = 0.05
# Work that grew by less than a tenth of what calls lost on the way is a side effect of the waiting.
_TRIFLE, _TRIFLE_COUNTS = 0.1, 0.3


def self_time(seen: Observation) -> list[Clue]:
    """One clue an entity: its operation that grew most surely, weighted by the share of all lost time."""
    spans = seen.spans
    if not len(spans):
        return []
    works = np.ones(len(spans), dtype=bool)
    works[seen.calls.client] = False
    rows = np.flatnonzero(works)
    code = spans.entity[rows].astype(np.int64) * len(spans.names) + spans.name[rows]
    keys, group = np.unique(code, return_inverse=True)
    found = contrast(seen.self_seconds[rows], group, keys.size, seen.span_is_normal[rows], seen.span_is_recent[rows])
    lost = found.excess_seconds
    strength = found.strength() * (0.6 + 0.4 * lost / max(float(lost.max(initial=0.0)), 1e-9))
    strength = np.where(lost < _TRIFLE * lost_between(seen), strength * _TRIFLE_COUNTS, strength)
    best: dict[int, int] = {}
    for place in np.flatnonzero(strength >= _LEAST).tolist():
        entity = int(keys[place]) // len(spans.names)
        if entity not in best or strength[place] > strength[best[entity]]:
            best[entity] = place
    clues = []
    for entity, place in sorted(best.items()):
        operation = spans.names[int(keys[place]) % len(spans.names)]
        before, after = float(found.before[place]), float(found.after[place])
        name = spans.entities[entity]
        symptom = Symptom(
            Channel.TRACES, name, operation, frozenset({"latency+", "self_time+"}), operation,
            strength=float(strength[place]), bad=True,
            sentence=f"{name} {operation} spends {amount(after * 1e3)} ms by itself, before {amount(before * 1e3)} ms",
            onset=seen.periods.recent.start, before=before, after=after, deviation=float(found.z[place]),
        )  # fmt: skip
        clues.append(Clue(NAME, name, float(strength[place]), _KINDS, symptom))
    return clues

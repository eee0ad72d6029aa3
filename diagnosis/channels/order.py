"""Onset order: what left its normal first is nearer to the cause. Onsets closer than two samples have no order."""

import numpy as np

from diagnosis.channels.clue import Clue, Observation
from diagnosis.findings import Channel, FaultKind
from diagnosis.symptoms import Symptom

NAME = "onset_order"


def onset_order(seen: Observation) -> list[Clue]:
    """The entities whose first bad series leads everybody else's by more than two samples."""
    steps = np.diff(seen.metrics.times)
    slack = 2.0 * float(np.median(steps)) if steps.size else 120.0
    first: dict[str, Symptom] = {}
    for s in seen.symptoms:
        if (
            s.bad
            and s.channel is Channel.METRICS
            and s.onset is not None
            and (s.entity not in first or s.onset < (first[s.entity].onset or 0.0))
        ):
            first[s.entity] = s
    if len(first) < 2:
        return []
    starts = sorted((s.onset or 0.0) for s in first.values())
    leaders = [s for s in first.values() if (s.onset or 0.0) <= starts[0] + slack]
    followers = len(first) - len(leaders)
    if not followers or 3 * len(leaders) > followers:
        return []
    strength = followers / len(first)
    return [Clue(NAME, s.entity, strength, {FaultKind.UNKNOWN: 0.1}, s) for s in leaders]

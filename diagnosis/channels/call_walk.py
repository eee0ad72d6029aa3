"""The walk from the alerted entity down the calls, as an engineer makes it: to a callee that explains it better.

See ``diagnosis/walk.py``. It reads who blames whom in failing texts, which no other channel does.
"""

from diagnosis.channels.clue import Clue, Observation, Source
from diagnosis.fault_kinds import kind_of_symptoms
from diagnosis.findings import Channel
from diagnosis.walk import only_inherited

NAME = "call_walk"


def call_walk(seen: Observation) -> list[Clue]:
    """One clue for the entity at which the walk ended, by its worst symptom."""
    mine = [s for s in seen.symptoms if s.entity == seen.first and s.bad]
    if not seen.first or not mine:
        return []
    worst = max(mine, key=lambda s: (s.strength, s.subject))
    # Without a text that says what failed, the way down is a guess from levels, which other channels read better.
    strength = 1.0 if any(s.channel is not Channel.METRICS for s in mine) else 0.2
    # Where it went nowhere, the alerted entity may be a victim.
    stayed = seen.first == seen.entity and all(map(only_inherited, mine))
    source = Source.CALLEES if stayed else Source.OWN
    return [Clue(NAME, seen.first, strength, {kind_of_symptoms(mine): 0.6}, worst, source)]

"""Calls that never arrived: refused, not resolved, reset, not trusted, lost. The caller tells of it, but what it could
not reach is where the fault is, or the way there.

A callee that is not reached leaves no spans and no lines of the failing calls, so nothing else speaks against it.
"""

import re
from functools import lru_cache

import numpy as np

from diagnosis.channels.clue import Clue, Observation
from diagnosis.failure_text import Failure
from diagnosis.findings import Channel, FaultKind
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Node

NAME = "unreachable"
# The first that a text names: a name that is not resolved is not refused as well, whatever the text goes on to say.
_KINDS = (
    (f"text:{Failure.CERTIFICATE.value}", FaultKind.CERTIFICATE),
    (f"text:{Failure.DNS.value}", FaultKind.DNS),
    (f"text:{Failure.RESET.value}", FaultKind.NETWORK_LOSS),
    (f"text:{Failure.REFUSED.value}", FaultKind.DEPENDENCY_OUTAGE),
    (f"text:{Failure.UNREACHABLE.value}", FaultKind.DEPENDENCY_OUTAGE),
)


def unreachable(seen: Observation) -> list[Clue]:
    """One clue for each failing call that did not arrive at a service of ours."""
    clues = []
    for symptom in seen.symptoms:
        found = unreached(seen, symptom)
        if found is not None:
            callee, kind = found
            clues.append(Clue(NAME, callee, symptom.strength, {kind: 1.0}, symptom))
    return clues


def unreached(seen: Observation, symptom: Symptom) -> tuple[str, FaultKind] | None:
    """Whom a failing call did not reach, and what that amounts to; None where it arrived, or the peer is not ours."""
    if symptom.channel is not Channel.TRACES or not symptom.has("origin"):
        return None
    kind = next((kind for signal, kind in _KINDS if symptom.has(signal)), None)
    if kind is None:
        return _lost(seen, symptom)
    node = _callee(seen, symptom)
    if node is None:
        return None
    # Either side may hold the wrong certificate: the callee's is at fault where the callee says so too.
    if kind is FaultKind.CERTIFICATE and not any(s.entity == node.name and s.has(_KINDS[0][0]) for s in seen.symptoms):
        return None
    return node.name, kind


def _callee(seen: Observation, symptom: Symptom) -> Node | None:
    """The service of ours that a failing call was for, as far as its text names one."""
    callees = seen.topology.callees(symptom.entity)
    named = [name for name in sorted(callees, key=lambda name: (-len(name), name)) if _names(name, symptom.text)]
    node = seen.topology.node(named[0]) if named else None
    return node if node is not None and node.owned else None


def _lost(seen: Observation, symptom: Symptom) -> tuple[str, FaultKind] | None:
    """A call that got no answer in time: who answers late leaves spans, whom nothing reaches leaves none."""
    node = _callee(seen, symptom) if symptom.has(f"text:{Failure.TIMEOUT.value}") else None
    return (node.name, _silence(seen, node.name)) if node is not None and node.name in seen.unanswered else None


def _silence(seen: Observation, callee: str) -> FaultKind:
    """A callee that goes on telling of itself is alive: what is lost is on the way."""
    recent = seen.periods.is_recent(seen.metrics.times)
    rows = [row for row, key in enumerate(seen.metrics.keys) if key.entity == callee]
    alive = bool(rows) and bool(np.isfinite(seen.metrics.pick(rows).values[:, recent]).any())
    return FaultKind.NETWORK_LOSS if alive else FaultKind.DEPENDENCY_OUTAGE


@lru_cache(maxsize=4096)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.IGNORECASE)


def _names(name: str, text: str) -> bool:
    return bool(_pattern(name).search(text))

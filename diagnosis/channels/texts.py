"""Log templates that are new or more frequent, and spans that fail: where something says that it failed.

Templates are found by Drain (see ``diagnosis/log_patterns.py``), their rate judged by a Poisson likelihood ratio. A
failure that only says that a callee did not answer is inherited; one that begins here is not.
"""

import numpy as np

from diagnosis.channels.clue import Clue, Observation, Source
from diagnosis.channels.unreachable import unreached
from diagnosis.failure_text import Failure
from diagnosis.fault_kinds import kind_of_symptoms
from diagnosis.findings import Channel, FaultKind
from diagnosis.symptoms import Symptom

_OWN = tuple(
    f"text:{family.value}"
    for family in (Failure.CERTIFICATE, Failure.DISK_FULL, Failure.OUT_OF_MEMORY, Failure.DESCRIPTORS, Failure.LOCK,
                   Failure.NODE, Failure.HARDWARE, Failure.CLOCK, Failure.READ_ONLY, Failure.CONFIG)
)  # fmt: skip
_BEYOND_CHANCE = 8.0  # nats
_GIVEN_UP = f"text:{Failure.CANCELLED.value}"  # its caller lost patience: that is the caller's doing, or a slowness
TEMPLATES, ERRORS, FANOUT = "log_templates", "span_errors", "fan_out"


def log_templates(seen: Observation) -> list[Clue]:
    """Failing lines that began with the incident.

    Bad answers of a callee make its callers fail in their own words, so all are inherited but those which name a
    resource that only the speaker can lack.
    """
    lines = [s for s in seen.symptoms if s.channel is Channel.LOGS and s.bad and not s.has(_GIVEN_UP)]
    # A handful of lines among many templates is chance; ``deviation`` is the root of twice the surprise in nats.
    sure = [min(0.5 * s.deviation**2 / _BEYOND_CHANCE, 1.0) for s in lines]
    return [
        Clue(TEMPLATES, s.entity, s.strength * w, {_kind([s]): 1.0}, s, Source.OWN if s.has(*_OWN) else Source.CALLEES)
        for s, w in zip(lines, sure, strict=True)
    ]


def span_errors(seen: Observation) -> list[Clue]:
    """Operations that fail; inherited where the error came from a callee."""
    failing = [s for s in seen.symptoms if s.channel is Channel.TRACES and s.has("errors+") and not s.has(_GIVEN_UP)]
    return [
        Clue(ERRORS, s.entity, s.strength, {_kind([s]): 1.0}, s, Source.OWN if _begins(seen, s) else Source.CALLEES)
        for s in failing
    ]


def _begins(seen: Observation, s: Symptom) -> bool:
    """Whether an error is the entity's own: not one that came from a callee, nor that of a callee it cannot reach."""
    return s.has("origin") and unreached(seen, s) is None


def fan_out(seen: Observation) -> list[Clue]:
    """More calls of one operation by one parent: the parent's code changed, so the clue is its entity's."""
    grown = [s for s in seen.symptoms if s.channel is Channel.TRACES and s.has("fanout+")]
    clues = []
    for s in grown:
        clues.append(Clue(FANOUT, _caller(seen, s), s.strength, {FaultKind.SLOW_CODE: 1.0}, s))
    return clues


def _caller(seen: Observation, s: Symptom) -> str:
    """The entity of most parents of the operation's recent spans; the operation's own where they have none."""
    spans = seen.spans
    entity, name = spans.entities.index(s.entity), spans.names.index(s.subject)
    mine = (spans.entity == entity) & (spans.name == name) & (spans.parent >= 0) & seen.span_is_recent
    counts = np.bincount(spans.entity[spans.parent[mine]], minlength=len(spans.entities))
    return spans.entities[int(counts.argmax())] if counts.any() else s.entity


def _kind(symptoms: list[Symptom]) -> FaultKind:
    """Without the words of a configuration, refused or missing things are the answer of code that regressed."""
    kind = kind_of_symptoms(symptoms)
    vague = kind is FaultKind.BAD_CONFIG and not any(s.has("text:config") for s in symptoms)
    return FaultKind.ERROR_REGRESSION if vague or kind in (FaultKind.UNKNOWN, FaultKind.SLOW_CODE) else kind

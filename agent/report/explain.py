"""What stands behind a verdict, for somebody who wants to argue with it. Selected from the stored state; nothing added.

A suspect's score is not the plain sum of its shares: channels of one nature see one fact with several eyes, so the best
counts whole and the next ones less and less (``diagnosis/ranking.py``). ``parts`` says what each share counts.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from agent.evidence import EvidenceStore
from agent.reasoners.statistical import assemble
from agent.report.as_json import finite
from agent.report.sections import words
from agent.report.times import amount, clock, percent, quantity
from agent.state import Alert, Investigation, Scope
from diagnosis.findings import Channel, Diagnosis, FaultKind, Finding, Hop, Suspect
from diagnosis.incident import Incident
from diagnosis.ranking import NATURES
from diagnosis.telemetry import Topology
from diagnosis.traces import topology_of
from diagnosis.weights import CHANNEL_REASONS, CHANNEL_WEIGHTS, WEIGHTS

NONE = "\N{EN DASH}"
OTHER = "other rules"  # a score that an older version's rules added up: what ours cannot attribute
_SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
_EXACT = 1e-6


@dataclass(frozen=True, slots=True)
class Part:
    """What one channel adds to a score, in nats: ``counts`` of the ``whole`` that it would add alone."""

    method: str
    nature: str
    counts: float
    whole: float


@dataclass(frozen=True)
class Explanation:
    """The stored state as the pages of this module need it; ``incident`` is made again of the evidence bodies."""

    id: str
    alert: Alert
    scope: Scope
    diagnosis: Diagnosis
    incident: Incident

    @cached_property
    def topology(self) -> Topology:
        """The same that the engine walked: what the source says and what the spans show."""
        return self.incident.topology.merged(topology_of(self.incident.spans))

    @property
    def elsewhere(self) -> float:
        """The probability that none of the stored suspects is the place."""
        return max(0.0, 1.0 - math.fsum(suspect.probability for suspect in self.diagnosis.suspects))

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that add to any score, those of one nature together, the heaviest first."""
        used = {part.method: part.nature for suspect in self.diagnosis.suspects for part in parts(suspect)}
        return tuple(sorted(used, key=lambda name: (used[name], -CHANNEL_WEIGHTS.get(name, 0.0), name)))


def explanation(state: Investigation, store: EvidenceStore) -> Explanation:
    """Of a state that has a diagnosis. Raises ``EvidenceError`` where a body is gone."""
    incident, _ = assemble(state["alert"], state["scope"], state["evidence"], store)
    return Explanation(state["id"], state["alert"], state["scope"], state["diagnosis"], incident)


def parts(suspect: Suspect) -> tuple[Part, ...]:
    """The shares of a score as the ranking counted them, by nature; they add up to the score."""
    by_nature: dict[str, list[tuple[str, float]]] = {}
    for method, whole in sorted(suspect.shares, key=lambda share: (-share[1], share[0])):
        nature = NATURES.get(method)
        by_nature.setdefault(nature.value if nature else OTHER, []).append((method, whole))
    found = [
        Part(method, nature, whole * WEIGHTS["same_nature"] ** place, whole)
        for nature in sorted(by_nature)
        for place, (method, whole) in enumerate(by_nature[nature])
    ]
    rest = suspect.score - math.fsum(part.counts for part in found)
    return (*found, Part(OTHER, OTHER, rest, rest)) if abs(rest) > _EXACT else tuple(found)


def sign(method: str) -> str:
    """Two letters for a channel: of two words their initials, of one its first two letters."""
    first, *more = method.split("_")
    return (first[:1] + more[0][:1] if more else first[:2]).upper()


def reason(method: str) -> str:
    """Why a channel weighs what it weighs."""
    return CHANNEL_REASONS.get(method, "this version knows no such channel")


def kind_of(suspect: Suspect) -> str:
    """The likely kind of fault, and how likely it is if the fault is there."""
    if suspect.fault_kind is FaultKind.UNKNOWN:
        return "of no known kind"
    return f"{words(suspect.fault_kind)}, {percent(suspect.kind_probability)}"


def nats(value: float) -> str:
    """A score or a share: two decimals tell any two weights apart."""
    return f"{value:.2f}"


def counted(part: Part) -> str:
    """What a share counts, and of how much where that is less."""
    return nats(part.counts) if part.whole - part.counts < _EXACT else f"{nats(part.counts)} of {nats(part.whole)}"


def sigmas(deviation: float) -> str:
    """A deviation with its sign, in robust standard deviations."""
    if not math.isfinite(deviation):
        return "no number"
    if abs(deviation) >= 1e4:
        return f"{deviation / 1e3:+,.0f}k {_SIGMA}" if abs(deviation) < 1e7 else f"{deviation:+.1e} {_SIGMA}"
    return f"{deviation:+,.0f} {_SIGMA}" if abs(deviation) >= 100 else f"{deviation:+.1f} {_SIGMA}"


def level(finding: Finding, value: float | None) -> str:
    """A level in the unit of the finding's subject."""
    if value is None:
        return NONE
    return quantity(value, finding.subject) if finding.channel is Channel.METRICS else amount(value)


def strongest(findings: Iterable[Finding]) -> Finding | None:
    """The one that deviates most, of equal ones the first."""
    return max((f for f in findings if math.isfinite(f.deviation)), key=lambda f: abs(f.deviation), default=None)


def method_of(finding: Finding) -> str:
    """The channel that found it; of what no channel counted, the telemetry it was read from."""
    return words(finding.method) if finding.method else f"{finding.channel.value}, not counted"


def missing(hop: Hop) -> tuple[str, ...]:
    """Which parts of a hop's proof are not there."""
    there = {
        f"deviation of {hop.cause}": bool(hop.cause_finding),
        f"deviation of {hop.effect}": bool(hop.effect_finding),
        "call edge": hop.edge,
        "order in time": hop.ordered,
    }
    return tuple(name for name, has in there.items() if not has)


FINDING_HEADS = ("id", "channel", "entity", "sentence", "before", "after", "deviation", "onset", "window")


def finding_row(finding: Finding) -> tuple[str, ...]:
    """One cell for each of ``FINDING_HEADS``."""
    looked_at = finding.window_end > finding.window_start
    return (
        finding.id,
        method_of(finding),
        finding.entity,
        finding.sentence,
        level(finding, finding.before),
        level(finding, finding.after),
        sigmas(finding.deviation),
        clock(finding.onset) if finding.onset is not None else NONE,
        f"{clock(finding.window_start)} to {clock(finding.window_end)}" if looked_at else NONE,
    )


def render_explained_json(found: Explanation) -> str:
    """One object; ASCII only, so that nothing in it acts on a terminal; a number that is none is null."""
    diagnosis = found.diagnosis
    raw = diagnosis.model_dump(mode="json", include={"suspects", "hypotheses", "findings", "path", "onset"})
    for stored, suspect in zip(raw["suspects"], diagnosis.suspects, strict=True):
        stored["counted"] = [[part.method, part.counts] for part in parts(suspect)]
    for stored, hop in zip(raw["path"], diagnosis.path, strict=True):
        stored |= {"verified": hop.verified, "missing": list(missing(hop))}
    return json.dumps(finite({"investigation_id": found.id, **raw}), indent=2, sort_keys=True, allow_nan=False)

"""A model's weights on the statistics' hypotheses: bounded, only where findings are cited, only over names that exist.

The odds of a hypothesis move by at most a factor of about four, so that a model decides where causes are close together
and can overturn nothing that was measured clearly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agent.reasoners.answers import Added, Readings, Weighing
from agent.reasoners.briefing import entities_of
from diagnosis.findings import Attribution, Diagnosis, FaultKind, Hypothesis, Remediation, Support
from diagnosis.incident import Incident

NATS_PER_STEP = 0.7  # two steps are a factor of four
_READ_NATS = {"yes": 0.7, "no": -1.4, "unclear": 0.0}  # a diff that cannot do it clears its change
_ADDED_SHARE = 0.10  # of the probability, for each cause that a model adds
_MOST_OF_ADDED = 0.25  # never enough to be named the cause: that takes a measurement
_MOST_WEIGHTS, _MOST_ADDED = 12, 2


@dataclass(frozen=True, slots=True)
class Weighed:
    """``dropped`` counts what named something that does not exist or cited nothing."""

    diagnosis: Diagnosis
    dropped: int


def with_weights(diagnosis: Diagnosis, incident: Incident, said: Weighing) -> Weighed:
    """The hypotheses with the model's supports and additions, ordered again."""
    known = {finding.id for finding in diagnosis.findings}
    supports: dict[str, Support] = {}
    dropped = 0
    ids = {h.id for h in diagnosis.hypotheses}
    for weight in said.weights[:_MOST_WEIGHTS]:
        cited = [id for id in weight.findings if id in known]
        if weight.hypothesis not in ids or not cited:
            dropped += 1
        elif weight.support:
            supports[weight.hypothesis] = _support(weight.support * NATS_PER_STEP, cited[0], diagnosis)
    added = [_added(item, diagnosis, incident) for item in said.added[:_MOST_ADDED]]
    fresh = [hypothesis for hypothesis in added if hypothesis is not None]
    dropped += len(added) - len(fresh)
    return Weighed(_reweighed(diagnosis, supports, fresh), dropped)


def with_readings(diagnosis: Diagnosis, diffs: dict[str, tuple[str, str]], said: Readings) -> Weighed:
    """The hypotheses after their changes were read. ``diffs`` gives change id and diff of each label that was shown."""
    supports: dict[str, Support] = {}
    dropped = 0
    for reading in said.readings[: len(diffs)]:
        id, diff = diffs.get(reading.change, ("", ""))
        quoted = _quoted(reading.quote, diff)
        if not id or (reading.produces != "unclear" and not quoted):
            dropped += 1
            continue
        verdict = {"yes": "can produce", "no": "cannot produce"}.get(reading.produces)
        for hypothesis in diagnosis.hypotheses:
            if hypothesis.change_id == id and verdict:
                reason = f"a language model read the diff: “{quoted}” {verdict} this"
                supports[hypothesis.id] = Support(weight=_READ_NATS[reading.produces], reason=reason)
    return Weighed(_reweighed(diagnosis, supports, []), dropped)


def _support(weight: float, finding_id: str, diagnosis: Diagnosis) -> Support:
    finding = diagnosis.finding(finding_id)
    side = "for it" if weight > 0 else "against it"
    reason = f"a language model holds {side}: {finding.sentence if finding else finding_id}"
    return Support(weight=weight, reason=reason, finding_id=finding_id)


def _added(item: Added, diagnosis: Diagnosis, incident: Incident) -> Hypothesis | None:
    """None where it names what does not exist, cites nothing of the place, or is there already."""
    own = [f.id for f in diagnosis.findings if f.id in item.findings and f.entity == item.entity]
    change = next((c for c in incident.changes if c.id == item.change), None)
    there = any(
        (h.entity, h.fault_kind, h.change_id) == (item.entity, item.fault_kind, item.change)
        for h in diagnosis.hypotheses
    )
    foreign = change is not None and change.entity not in ("", item.entity)
    unusable = item.entity not in entities_of(incident) or item.fault_kind is FaultKind.UNKNOWN or not own
    if unusable or there or foreign or (item.change and change is None):
        return None
    kind = item.fault_kind.value.replace("_", " ")
    told = f"{kind} at {item.entity}" + (f" by {change.kind.value} {change.id[:10]}" if change else "")
    return Hypothesis(
        id="",
        entity=item.entity,
        fault_kind=item.fault_kind,
        remediation=Remediation.NONE,
        probability=_ADDED_SHARE,
        sentence=f"a language model suggests: {told}",
        attribution=Attribution.CHANGE if change else Attribution.PLACE,
        change_id=change.id if change else "",
        supports=tuple(_support(NATS_PER_STEP, id, diagnosis) for id in own[:2]),
    )


def _reweighed(diagnosis: Diagnosis, supports: dict[str, Support], added: Sequence[Hypothesis]) -> Diagnosis:
    if not supports and not added:
        return diagnosis
    own = [
        (h.probability * (math.exp(supports[h.id].weight) if h.id in supports else 1.0), h)
        for h in diagnosis.hypotheses
    ]
    share = min(math.fsum(h.probability for h in added), _MOST_OF_ADDED)
    total = math.fsum(weight for weight, _ in own)
    weighed = [(weight / total * (1.0 - share), h) for weight, h in own] + [(share / len(added), h) for h in added]
    ordered = sorted(weighed, key=lambda item: -item[0])
    hypotheses = tuple(
        h.model_copy(
            update={
                "id": f"H{place}",
                "probability": probability,
                "supports": (*h.supports, *((supports[h.id],) if h.id in supports else ())),
            }
        )
        for place, (probability, h) in enumerate(ordered, 1)
    )
    return diagnosis.model_copy(update={"hypotheses": hypotheses})


def _quoted(quote: str, diff: str) -> str:
    """The quote if it is a changed line of the diff, else ""; angle brackets are shown to a model in another form."""
    wanted = _plain(quote)
    for line in diff.splitlines():
        if line[:1] in "+-" and wanted and _plain(line) == wanted:
            return line[:160]
    return ""


def _plain(line: str) -> str:
    return " ".join(line.replace("<", "&lt;").replace(">", "&gt;").split())

"""A model's readings and weights on the statistics' hypotheses: bounded, only where findings are cited, only over names
that exist.

All that a model says of a hypothesis, in all rounds together, moves it by at most half a nat, so that the odds between
any two change by at most a factor of e (2.7). What it adds takes 2 % of the probability each. So it decides where causes
are close together, and a cause of three quarters keeps more than a half and stays named, whatever it says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agent.prompts import data_block
from agent.reasoners.answers import Added, Readings, Weighing
from agent.reasoners.briefing import entities_of, shown_findings, shown_hypotheses
from agent.state import ModelReading, ModelWeight
from diagnosis.findings import Attribution, Diagnosis, FaultKind, Finding, Hypothesis, Remediation, Support
from diagnosis.incident import Incident
from diagnosis.words import short_id

MOST_NATS = 0.5  # of 3 to 1 a factor of e leaves 52 %, and two additions 50.4 %: still more than all the rest
NATS_PER_STEP = 0.25
_READ_NATS = {"yes": 0.25, "no": -0.5, "unclear": 0.0}  # a diff that cannot do it speaks most against its change
_ADDED_SHARE = 0.02  # of the probability, for each cause that a model adds: to be named takes a measurement
_MOST_WEIGHTS, _MOST_ADDED = 12, 2


@dataclass(frozen=True, slots=True)
class Read:
    """``kept`` holds every change that was shown; ``dropped`` counts what quotes no changed line of what was shown."""

    diagnosis: Diagnosis
    kept: tuple[ModelReading, ...]
    dropped: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """``dropped`` counts what names something that was not shown, cites nothing of the place, or is said again."""

    diagnosis: Diagnosis
    kept: tuple[ModelWeight, ...]
    dropped: int


def with_readings(diagnosis: Diagnosis, diffs: dict[str, tuple[str, str]], said: Readings) -> Read:
    """The hypotheses after their changes were read. ``diffs`` gives change id and diff of each label, as shown."""
    kept: dict[str, ModelReading] = {}
    dropped = 0
    for reading in said.readings:
        id, diff = diffs.get(reading.change, ("", ""))
        quote = _quoted(reading.quote, diff)
        if not id or id in kept or (reading.produces != "unclear" and not quote):
            dropped += 1
        else:
            kept[id] = ModelReading(change_id=id, produces=reading.produces, quote=quote)
    every = tuple(kept.get(id, ModelReading(change_id=id, produces="unclear")) for id, _ in diffs.values())
    return Read(with_opinion(diagnosis, every), every, dropped)


def with_weights(
    diagnosis: Diagnosis, incident: Incident, said: Weighing, readings: Sequence[ModelReading] = ()
) -> Weighed:
    """The hypotheses with the model's supports and additions, ordered again.

    It was shown the diagnosis with the ``readings``, and they count with what it says now.
    """
    shown = with_opinion(diagnosis, readings)
    hypotheses = {h.id: h for h in shown_hypotheses(shown)}
    kept: dict[str, ModelWeight] = {}
    dropped = 0
    for weight in said.weights[:_MOST_WEIGHTS]:
        hypothesis = hypotheses.get(weight.hypothesis)
        cited = _cited(weight.findings, shown, _places(hypothesis, shown, incident)) if hypothesis else []
        if hypothesis is None or not cited or hypothesis.id in kept:
            dropped += 1
            continue
        dropped += len(set(weight.findings)) - len(cited)
        kept[hypothesis.id] = _weight(hypothesis, weight.support * NATS_PER_STEP, cited[0])
    causes = {_cause(h) for h in shown.hypotheses}
    added: list[ModelWeight] = []
    for item in said.added[:_MOST_ADDED]:
        cited = _cited(item.findings, shown, {item.entity})
        cause = _added(item, incident, cited[0]) if cited else None
        if cause is None or (cause.entity, cause.fault_kind, cause.change_id) in {key[1:] for key in causes}:
            dropped += 1
            continue
        dropped += len(set(item.findings)) - len(cited)
        causes.add(_cause(cause))
        added.append(cause)
    every = (*(weight for weight in kept.values() if weight.nats), *added)
    return Weighed(with_opinion(diagnosis, readings, every), every, dropped)


def with_opinion(
    diagnosis: Diagnosis, readings: Sequence[ModelReading], weights: Sequence[ModelWeight] = ()
) -> Diagnosis:
    """The statistics' hypotheses with all that a model holds of them, of this round or an earlier one."""
    supports = [_supports(h, readings, weights) for h in diagnosis.hypotheses]
    there = {_cause(h)[1:] for h in diagnosis.hypotheses}
    added = [w for w in weights if w.sentence and _cause(w)[1:] not in there]
    if not any(supports) and not added:
        return diagnosis
    own = [
        h.probability * math.exp(math.fsum(s.weight for s in more))
        for h, more in zip(diagnosis.hypotheses, supports, strict=True)
    ]
    left = (1.0 - _ADDED_SHARE * len(added)) / math.fsum(own)
    weighed = [
        h.model_copy(update={"probability": share * left, "supports": (*h.supports, *more)})
        for h, share, more in zip(diagnosis.hypotheses, own, supports, strict=True)
    ]
    ordered = sorted([*weighed, *map(_hypothesis, added)], key=lambda h: -h.probability)
    hypotheses = tuple(h.model_copy(update={"id": f"H{place}"}) for place, h in enumerate(ordered, 1))
    return diagnosis.model_copy(update={"hypotheses": hypotheses})


def _supports(
    hypothesis: Hypothesis, readings: Sequence[ModelReading], weights: Sequence[ModelWeight]
) -> tuple[Support, ...]:
    """What a model says of one hypothesis. No support names its finding by id: a model's word proves no claim."""
    verdicts = {"yes": "can produce", "no": "cannot produce"}
    said = [
        (_READ_NATS[r.produces], f"a language model read the diff: “{r.quote}” {verdicts[r.produces]} this")
        for r in readings
        if r.change_id == hypothesis.change_id and r.produces in verdicts
    ]
    said += [(w.nats, w.reason) for w in weights if not w.sentence and _cause(w) == _cause(hypothesis)]
    supports: list[Support] = []
    total = 0.0
    for nats, reason in said:
        bounded = min(max(total + nats, -MOST_NATS), MOST_NATS)
        if bounded != total:
            supports.append(Support(weight=bounded - total, reason=reason))
        total = bounded
    return tuple(supports)


def _cause(of: Hypothesis | ModelWeight) -> tuple[Attribution, str, FaultKind, str]:
    """What names a cause in every round. The attribution tells "nothing is wrong" from "something unseen"."""
    return of.attribution, of.entity, of.fault_kind, of.change_id


def _cited(ids: Sequence[str], shown: Diagnosis, places: set[str]) -> list[Finding]:
    """The findings that were shown and are of one of the places, in the order in which they are cited."""
    usable = {finding.id: finding for finding in shown_findings(shown) if finding.entity in places}
    return [usable[id] for id in dict.fromkeys(ids) if id in usable]


def _places(hypothesis: Hypothesis, shown: Diagnosis, incident: Incident) -> set[str]:
    """Where a finding can speak for or against it: its own entity, its change's, and the way of the fault."""
    changed = {change.entity for change in incident.changes if change.id == hypothesis.change_id}
    way = {entity for hop in shown.path for entity in (hop.cause, hop.effect)}
    return ({hypothesis.entity} | changed | way) - {""}


def _weight(hypothesis: Hypothesis, nats: float, cited: Finding) -> ModelWeight:
    attribution, entity, kind, change_id = _cause(hypothesis)
    return ModelWeight(
        attribution=attribution, entity=entity, fault_kind=kind, change_id=change_id, nats=nats, reason=_reason(nats, cited)
    )  # fmt: skip


def _reason(nats: float, cited: Finding) -> str:
    return f"a language model holds {'for' if nats > 0 else 'against'} it: {cited.sentence}"


def _added(item: Added, incident: Incident, cited: Finding) -> ModelWeight | None:
    """None where it names what does not exist."""
    change = next((c for c in incident.changes if c.id == item.change), None)
    foreign = change is not None and change.entity not in ("", item.entity)
    unusable = item.entity not in entities_of(incident) or item.fault_kind is FaultKind.UNKNOWN
    if unusable or foreign or (item.change and change is None):
        return None
    kind = item.fault_kind.value.replace("_", " ")
    told = f"{kind} at {item.entity}" + (f" by {change.kind.value} {short_id(change.id)}" if change else "")
    return ModelWeight(
        attribution=Attribution.CHANGE if change else Attribution.PLACE,
        entity=item.entity,
        fault_kind=item.fault_kind,
        change_id=change.id if change else "",
        nats=NATS_PER_STEP,
        reason=_reason(NATS_PER_STEP, cited),
        sentence=f"a language model suggests: {told}",
    )


def _hypothesis(added: ModelWeight) -> Hypothesis:
    return Hypothesis(
        id="",
        entity=added.entity,
        fault_kind=added.fault_kind,
        remediation=Remediation.NONE,
        probability=_ADDED_SHARE,
        sentence=added.sentence,
        attribution=added.attribution,
        change_id=added.change_id,
        supports=(Support(weight=added.nats, reason=added.reason),),
    )


def _quoted(quote: str, shown: str) -> str:
    """The quote if it is a changed line of what was shown, else ""; angle brackets are shown in another form."""
    wanted = _plain(quote)
    return next((line for line in shown.splitlines() if _is_changed(line) and _plain(line) == wanted), "")


def _is_changed(line: str) -> bool:
    """A line that came or went and says something: no header of a file, no lone bracket."""
    header = line.startswith(("+++ ", "--- "))
    return line.startswith(("+", "-")) and not header and any(map(str.isalnum, line))


def _plain(line: str) -> str:
    return " ".join(data_block(line).split())

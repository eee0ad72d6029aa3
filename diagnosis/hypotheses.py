"""What the cause is: the changes, the causes that are nobody's change, and the places where it may be, as one list.

A softmax over the best changes and cases and "unattributed". What is unattributed is shared out among the suspects of
the localisation: where the fault is can be plain while what set it off is not in the telemetry.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from diagnosis import no_change
from diagnosis.change_linking import Link
from diagnosis.effects import EffectKind, config_file
from diagnosis.fault_kinds import kind_of_change, kind_of_symptoms
from diagnosis.findings import Attribution, FaultKind, Finding, Hypothesis, Remediation, Support, Suspect
from diagnosis.scene import Scene
from diagnosis.telemetry import ChangeKind
from diagnosis.weights import CHANNEL_REASONS, WEIGHTS
from diagnosis.words import short_id

_MOST_LINKS = 8
_MOST_PLACES = 5

# What helps against a kind of fault while nobody knows what set it off.
_RELIEF = {
    FaultKind.CPU_SATURATION: Remediation.SCALE,
    FaultKind.TRAFFIC_SURGE: Remediation.SCALE,
    FaultKind.DISK_FULL: Remediation.SCALE,
    FaultKind.MEMORY_EXHAUSTION: Remediation.RESTART,
    FaultKind.CERTIFICATE: Remediation.ROTATE_CERTIFICATE,
    FaultKind.NETWORK_DELAY: Remediation.FAILOVER,
    FaultKind.NETWORK_LOSS: Remediation.FAILOVER,
    FaultKind.INFRASTRUCTURE: Remediation.FAILOVER,
    FaultKind.DEPENDENCY_OUTAGE: Remediation.FAILOVER,
}


@dataclass(frozen=True)
class _Option:
    score: float
    hypothesis: Hypothesis


def hypotheses(
    links: Sequence[Link],
    outside: Sequence[no_change.Case],
    scene: Scene,
    suspects: Sequence[Suspect],
    findings: Sequence[Finding],
) -> list[Hypothesis]:
    """All of them, most probable first; their probabilities add up to one."""
    options = [_of_link(link, scene) for link in links if not link.excluded][:_MOST_LINKS]
    options += [_of_case(case) for case in outside]
    options.append(_unseen(scene))
    options.sort(key=lambda option: (-option.score, option.hypothesis.change_id, option.hypothesis.fault_kind.value))
    top = options[0].score
    weights = [math.exp((option.score - top) / WEIGHTS["temperature"]) for option in options]
    total = math.fsum(weights)
    kept = [(w / total, option.hypothesis) for w, option in zip(weights, options, strict=True)]
    shared: list[tuple[float, Hypothesis]] = []
    for p, hypothesis in kept:
        open_end = hypothesis.attribution is Attribution.UNSEEN
        shared += _places(p, hypothesis, suspects, findings) if open_end else [(p, hypothesis)]
    shared.sort(key=lambda item: -item[0])
    return [h.model_copy(update={"id": f"H{place}", "probability": p}) for place, (p, h) in enumerate(shared, 1)]


def _places(
    share: float, unseen: Hypothesis, suspects: Sequence[Suspect], findings: Sequence[Finding]
) -> list[tuple[float, Hypothesis]]:
    """The unattributed share: the best suspects by their probabilities, the rest outside of what can be seen."""
    best = [suspect for suspect in suspects if suspect.fault_kind is not FaultKind.UNKNOWN][:_MOST_PLACES]
    found = [(share * suspect.probability, _of_place(suspect, findings)) for suspect in best]
    return [*found, (share - math.fsum(p for p, _ in found), unseen)]


def _of_place(suspect: Suspect, findings: Sequence[Finding]) -> Hypothesis:
    kind = suspect.fault_kind.value.replace("_", " ")
    mine = [finding for finding in findings if finding.id in suspect.finding_ids]
    told = {finding.method: finding for finding in reversed(mine)}
    supports = tuple(
        Support(
            weight=value,
            reason=told[method].sentence if method in told else CHANNEL_REASONS[method],
            finding_id=told[method].id if method in told else "",
        )
        for method, value in suspect.shares
    )
    return Hypothesis(
        id="",
        entity=suspect.entity,
        fault_kind=suspect.fault_kind,
        remediation=_RELIEF.get(suspect.fault_kind, Remediation.NONE),
        probability=0.0,
        sentence=f"the {kind} is at {suspect.entity}; what set it off is not in the telemetry",
        attribution=Attribution.PLACE,
        supports=supports,
    )


def _of_link(link: Link, scene: Scene) -> _Option:
    change = link.change
    near = [s for s in scene.symptoms if s.entity == scene.entity]
    kind = kind_of_symptoms(near or scene.symptoms)
    # The code around a flag is more than what the flag switches: there the symptoms name the kind.
    if link.effect is not None and link.symptom is not None and change.kind is not ChangeKind.FLAG:
        kind = kind_of_change(link.effect, link.symptom, near or scene.symptoms)
    what = (
        f"{change.kind.value} {short_id(change.id)} “{change.title}”"
        if change.title
        else f"{change.kind.value} {change.id}"
    )
    sentence = f"{what} caused the {kind.value.replace('_', ' ')} at {scene.entity}"
    hypothesis = Hypothesis(
        id="",
        entity=link.delivery.entity if link.delivery and link.delivery.entity else scene.entity,
        fault_kind=kind,
        remediation=_undo(link, kind),
        probability=0.0,
        sentence=sentence,
        attribution=Attribution.CHANGE,
        change_id=change.id,
        quote=link.effect.quote if link.effect and link.change.kind is ChangeKind.COMMIT else "",
        supports=link.supports,
    )
    return _Option(link.score, hypothesis)


def _undo(link: Link, kind: FaultKind) -> Remediation:
    """Roll back what was deployed; but data definitions go forward, and so does code whose table is missing."""
    match link.change.kind:
        case ChangeKind.FLAG:
            return Remediation.FLAG_OFF
        case ChangeKind.CONFIG:
            return Remediation.CONFIG_REVERT
        case _:
            if link.delivery is not None and link.delivery.how == "gated":
                return Remediation.FLAG_OFF
            if (
                link.delivery is not None
                and link.delivery.how != "deployed"
                and all(map(config_file, link.change.files))
            ):
                return Remediation.CONFIG_REVERT
            effect = link.effect
            adds_query = effect is not None and effect.kind is EffectKind.QUERY_ADDED
            if kind is FaultKind.SCHEMA_MISMATCH and adds_query:
                return Remediation.ROLL_FORWARD
            return Remediation.ROLLBACK


def _of_case(case: no_change.Case) -> _Option:
    hypothesis = Hypothesis(
        id="",
        entity=case.entity,
        fault_kind=case.fault_kind,
        remediation=case.remediation,
        probability=0.0,
        sentence=case.sentence,
        attribution=Attribution.CASE,
        supports=case.supports,
    )
    return _Option(case.score, hypothesis)


def _unseen(scene: Scene) -> _Option:
    kind = kind_of_symptoms([s for s in scene.symptoms if s.entity == scene.entity])
    hypothesis = Hypothesis(
        id="",
        entity="",
        fault_kind=FaultKind.UNKNOWN,
        remediation=Remediation.NONE,
        probability=0.0,
        sentence=f"the cause of the {kind.value.replace('_', ' ')} at {scene.entity} lies outside the telemetry at hand"
        if kind is not FaultKind.UNKNOWN
        else f"the cause at {scene.entity} lies outside the telemetry at hand",
        attribution=Attribution.UNSEEN,
        supports=(Support(weight=WEIGHTS["unseen"], reason="what every visible cause has to beat"),),
    )
    return _Option(WEIGHTS["unseen"], hypothesis)


def nothing_or_unseen(blind: bool) -> list[Hypothesis]:
    """Nothing bad deviates: either all is well, or what is ill is not measured (``blind``: nothing is measured)."""
    well = 0.1 if blind else 0.7
    options = (
        ("nothing in the telemetry deviates from its baseline", well, Attribution.NOTHING_WRONG),
        ("the cause lies outside the telemetry at hand", 1.0 - well, Attribution.UNSEEN),
    )
    return [
        Hypothesis(
            id=f"H{i}",
            entity="",
            fault_kind=FaultKind.UNKNOWN,
            remediation=Remediation.NONE,
            probability=p,
            sentence=text,
            attribution=attribution,
        )
        for i, (text, p, attribution) in enumerate(sorted(options, key=lambda o: -o[1]), 1)
    ]

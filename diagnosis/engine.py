"""The engine: telemetry of one incident in, findings, hypotheses with probabilities, and the causal path out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diagnosis import no_change
from diagnosis.change_linking import Link, link_changes
from diagnosis.effects import EffectKind, config_file
from diagnosis.fault_kinds import kind_of_change, kind_of_symptoms
from diagnosis.findings import (
    Channel,
    Diagnosis,
    FaultKind,
    Finding,
    Hypothesis,
    Remediation,
    RuledOut,
    Support,
)
from diagnosis.incident import Incident
from diagnosis.localise import blast_radius, causal_path, earlier_elsewhere, first_failing
from diagnosis.periods import periods
from diagnosis.scene import Scene
from diagnosis.symptoms import Symptom, log_symptoms, mentions, metric_symptoms, span_symptoms, with_mentions
from diagnosis.telemetry import ChangeKind, PatternTable, SeriesMatrix, Topology
from diagnosis.traces import topology_of
from diagnosis.weights import WEIGHTS

_MAX_FINDINGS = 40


def diagnose(incident: Incident) -> Diagnosis:
    """Deterministic: the same incident gives the same diagnosis."""
    search = periods(incident.window, incident.fired_at, incident.normal)
    base = search.recent.start
    table = incident.patterns or PatternTable(incident.window, 60.0, ())
    topology = incident.topology.merged(topology_of(incident.spans))
    symptoms = metric_symptoms(incident.metrics, search)
    symptoms += log_symptoms(table, search)
    onset = _onset(incident, symptoms)
    if onset is not None or len(incident.spans):
        symptoms += span_symptoms(incident.spans, onset if onset is not None else base, incident.window.end)
    if onset is None:
        onset = min((s.onset for s in symptoms if s.bad and s.onset is not None), default=None)
    entities = _entities(incident, topology, table)
    slack = _slack(incident.metrics)
    blames = with_mentions(topology, mentions(symptoms, entities))
    origin = first_failing(incident.entity, symptoms, topology, blames, slack)
    moved = earlier_elsewhere(origin, symptoms, topology, slack)
    if moved != origin and onset is not None:
        origin = moved
        starts = [s.onset for s in symptoms if s.bad and s.entity == origin and s.onset is not None]
        onset = min([onset, *starts])
    ranked = _ranked_symptoms(symptoms, origin, incident)
    findings = [_finding(symptom, f"F{place}") for place, symptom in enumerate(ranked, 1)]
    ids = {id(symptom): finding.id for symptom, finding in zip(ranked, findings, strict=True)}
    if onset is None:
        return _quiet(incident, findings)
    scene = Scene(origin, onset, symptoms, topology, entities, incident.changes, ids)
    links = link_changes(scene)
    view = no_change.View(scene, incident.metrics, table, _hosts(topology, table), base)
    outside = no_change.cases(view)
    hypotheses = _rank(links, outside, scene)
    affected = blast_radius(origin, symptoms, topology, onset, slack)
    cause = hypotheses[0].entity or origin
    path = causal_path(cause, origin, affected, topology, blames, symptoms, ids, slack)
    return Diagnosis(
        onset=onset,
        first_failing=origin,
        findings=tuple(findings),
        hypotheses=tuple(hypotheses),
        ruled_out=tuple(_ruled_out(links, hypotheses[0])),
        path=path,
        blast_radius=affected,
    )


def _onset(incident: Incident, symptoms: Sequence[Symptom]) -> float | None:
    """Onset of the alert's own series; else of the alerted entity's worst series; else of the first bad line."""
    mine = [s for s in symptoms if s.entity == incident.entity and s.onset is not None]
    exact = [s.onset for s in mine if s.subject == incident.metric]
    bad = [s.onset for s in mine if s.bad]
    anyone = [s.onset for s in symptoms if s.bad and s.onset is not None]
    for group in (exact, bad, anyone):
        if group:
            return min(onset for onset in group if onset is not None)
    return None


def _slack(metrics: SeriesMatrix) -> float:
    """Two samples: onsets closer than that have no order."""
    if metrics.times.size < 2:
        return 120.0
    return 2.0 * float(metrics.times[1:].min() if metrics.times.size < 3 else _median_step(metrics))


def _median_step(metrics: SeriesMatrix) -> float:
    import numpy as np

    return float(np.median(np.diff(metrics.times)))


def _entities(incident: Incident, topology: Topology, table: PatternTable) -> frozenset[str]:
    names = {key.entity for key in incident.metrics.keys} | {node.name for node in topology.nodes if node.owned}
    names |= {pattern.entity for pattern in table.patterns} | {incident.entity}
    names |= {change.entity for change in incident.changes if change.kind is ChangeKind.DEPLOY and change.entity}
    return frozenset(name for name in names if name)


def _hosts(topology: Topology, table: PatternTable) -> dict[str, str]:
    """Where each entity runs: from the topology, else from the host attributes of its log lines."""
    hosts = {node.name: node.host for node in topology.nodes if node.host}
    for pattern in table.patterns:
        for name in (
            "host",
            "node",
            "host.name",
            "k8s.node.name",
            "hostname",
            "node_name",
            "kubernetes.node",
            "instance",
            "zone",
        ):
            values = pattern.attributes.get(name)
            if values and pattern.entity not in hosts:
                hosts[pattern.entity] = max(values.items(), key=lambda item: (item[1], item[0]))[0]
    return hosts


def _ranked_symptoms(symptoms: Sequence[Symptom], origin: str, incident: Incident) -> list[Symptom]:
    def weight(symptom: Symptom) -> tuple[float, str, str, str]:
        value = symptom.strength + 0.5 * symptom.bad + 0.4 * (symptom.entity in (origin, incident.entity))
        value += 1.0 * (symptom.subject == incident.metric and symptom.entity == incident.entity)
        return (-value, symptom.entity, symptom.channel.value, symptom.subject)

    return sorted(symptoms, key=weight)[:_MAX_FINDINGS]


def _finding(symptom: Symptom, id: str) -> Finding:
    return Finding(
        id=id,
        channel=symptom.channel,
        signal=" ".join(sorted(symptom.signals)),
        entity=symptom.entity,
        subject=symptom.subject,
        sentence=symptom.sentence,
        onset=symptom.onset,
        before=symptom.before,
        after=symptom.after,
        deviation=round(symptom.deviation, 6),
    )


@dataclass(frozen=True)
class _Option:
    score: float
    hypothesis: Hypothesis


def _rank(links: Sequence[Link], outside: Sequence[no_change.Case], scene: Scene) -> list[Hypothesis]:
    """Softmax over the best links, the cases for no change, and the unseen."""
    options = [_of_link(link, scene) for link in links if not link.excluded][:8]
    options += [_of_case(case) for case in outside]
    options.append(_unseen(scene))
    options.sort(key=lambda option: (-option.score, option.hypothesis.change_id, option.hypothesis.fault_kind.value))
    top = options[0].score
    weights = [math.exp((option.score - top) / WEIGHTS["temperature"]) for option in options]
    total = math.fsum(weights)
    kept = [(w / total, option.hypothesis) for w, option in zip(weights, options, strict=True)]
    return [h.model_copy(update={"id": f"H{place}", "probability": p}) for place, (p, h) in enumerate(kept, 1)]


def _of_link(link: Link, scene: Scene) -> _Option:
    change = link.change
    near = [s for s in scene.symptoms if s.entity == scene.entity]
    kind = kind_of_symptoms(near or scene.symptoms)
    if link.effect is not None and link.symptom is not None:
        kind = kind_of_change(link.effect, link.symptom, near or scene.symptoms)
    what = (
        f"{change.kind.value} {change.id[:10]} “{change.title}”" if change.title else f"{change.kind.value} {change.id}"
    )
    sentence = f"{what} caused the {kind.value.replace('_', ' ')} at {scene.entity}"
    hypothesis = Hypothesis(
        id="",
        entity=link.delivery.entity if link.delivery and link.delivery.entity else scene.entity,
        fault_kind=kind,
        remediation=_undo(link, kind),
        probability=0.0,
        sentence=sentence,
        change_id=change.id,
        quote=link.effect.quote if link.effect else "",
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
        supports=(Support(weight=WEIGHTS["unseen"], reason="what every visible cause has to beat"),),
    )
    return _Option(WEIGHTS["unseen"], hypothesis)


def _quiet(incident: Incident, findings: Sequence[Finding]) -> Diagnosis:
    """Nothing bad deviates: either all is well, or what is ill is not measured."""
    lines = incident.patterns is not None and bool(incident.patterns.patterns)
    blind = not incident.metrics.keys and not lines and not len(incident.spans)
    well = 0.1 if blind else 0.7
    options = (
        ("nothing in the telemetry deviates from its baseline", well, "nothing_wrong"),
        ("the cause lies outside the telemetry at hand", 1.0 - well, "unseen"),
    )
    hypotheses = [
        Hypothesis(
            id=f"H{i}",
            entity="",
            fault_kind=FaultKind.UNKNOWN,
            remediation=Remediation.NONE,
            probability=p,
            sentence=text,
        )
        for i, (text, p, _) in enumerate(sorted(options, key=lambda o: -o[1]), 1)
    ]
    return Diagnosis(
        onset=None,
        first_failing=incident.entity,
        findings=tuple(findings),
        hypotheses=tuple(hypotheses),
        ruled_out=(),
        path=(),
        blast_radius=(),
    )


def _ruled_out(links: Sequence[Link], winner: Hypothesis) -> list[RuledOut]:
    """Changes near the incident that are not the cause, and why, the most tempting first."""
    found = []
    tempting = [
        link for link in links if link.change.id != winner.change_id and (link.delivery or "deployed" in link.excluded)
    ]
    for link in tempting[:12]:
        name = f"{link.change.kind.value} {link.change.id[:10]} “{link.change.title or link.change.id}”"
        if link.excluded:
            found.append(RuledOut(subject=name, reason=link.excluded))
        else:
            found.append(RuledOut(subject=name, reason=_why_not(link)))
    return found


def _why_not(link: Link) -> str:
    against = min(link.supports, key=lambda support: support.weight, default=None)
    if against is not None and against.weight <= -1.0:
        return against.reason
    if link.fit < 1.0:
        if link.effect is None:
            return (
                "nothing in its diff can cause what was seen"
                if link.change.diff
                else "it has no diff that could be read"
            )
        return "what it changes hardly causes what was seen"
    if link.specific < WEIGHTS["specific_floor"]:
        return "its changed lines share nothing specific with the symptoms"
    return "it explains less of what was seen than the leading cause"


__all__ = ["Channel", "Incident", "Mapping", "diagnose"]

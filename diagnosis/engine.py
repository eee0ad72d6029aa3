"""The engine: telemetry of one incident in, findings, hypotheses with probabilities, and the causal path out."""

from collections.abc import Mapping, Sequence

import numpy as np

from diagnosis import no_change
from diagnosis.change_linking import Link, link_changes
from diagnosis.findings import Diagnosis, Finding, Hypothesis, RuledOut
from diagnosis.hypotheses import hypotheses, nothing_or_unseen
from diagnosis.incident import Incident
from diagnosis.localisation import localise
from diagnosis.localise import blast_radius, causal_path, earlier_elsewhere, first_failing
from diagnosis.periods import Periods, periods
from diagnosis.scene import Scene
from diagnosis.symptoms import Symptom, log_symptoms, mentions, metric_symptoms, span_symptoms, with_mentions
from diagnosis.telemetry import ChangeKind, PatternTable, SeriesMatrix, Topology
from diagnosis.traces import topology_of
from diagnosis.weights import CHANNEL_WEIGHTS, WEIGHTS

_MAX_FINDINGS = 40


def diagnose(
    incident: Incident, *, without: frozenset[str] = frozenset(), weights: Mapping[str, float] = CHANNEL_WEIGHTS
) -> Diagnosis:
    """Deterministic: the same incident gives the same diagnosis.

    ``without`` names channels to leave out and ``weights`` replaces theirs, to see what each contributes.
    """
    search = periods(incident.window, incident.fired_at, incident.normal)
    table = incident.patterns or PatternTable(incident.window, 60.0, ())
    topology = incident.topology.merged(topology_of(incident.spans))
    symptoms = metric_symptoms(incident.metrics, search) + log_symptoms(table, search)
    onset = _onset(incident, symptoms)
    began = search.recent.start if onset is None else onset
    # With a known normal time the fault is in the rest: every span of it counts, from the alert on at the latest.
    split = search.from_onset(min(began, incident.fired_at) if incident.normal else began, bool(incident.normal))
    if len(incident.spans):
        symptoms += span_symptoms(incident.spans, split)
    if onset is None:
        onset = min((s.onset for s in symptoms if s.bad and s.onset is not None), default=None)
    entities = _entities(incident, topology, table)
    slack = _slack(incident.metrics)
    blames = with_mentions(topology, mentions(symptoms, entities))
    walked = _walk(incident.entity, symptoms, topology, blames, slack)
    found = localise(incident, topology, symptoms, split, walked, without, weights)
    if onset is None and found.ranked:
        onset = split.recent.start
    origin = found.ranked[0].entity if found.ranked else walked or incident.entity
    if onset is not None:
        onset = _earlier(onset, origin, incident.entity, symptoms)
    known = {id(s) for s in symptoms}
    every = symptoms + [c.symptom for c in found.clues if id(c.symptom) not in known]
    ranked = _ranked_symptoms(every, origin, incident)
    methods = {id(clue.symptom): clue.method for clue in found.clues}
    findings = [_finding(s, f"F{place}", methods.get(id(s), ""), split) for place, s in enumerate(ranked, 1)]
    ids = {id(symptom): finding.id for symptom, finding in zip(ranked, findings, strict=True)}
    if onset is None:
        return _quiet(incident, findings)
    scene = Scene(origin, onset, symptoms, topology, entities, incident.changes, ids)
    links = link_changes(scene)
    view = no_change.View(scene, incident.metrics, table, _hosts(topology, table), search.recent.start)
    suspects = found.suspects(ids)
    causes = hypotheses(links, no_change.cases(view), scene, suspects)
    affected = blast_radius(origin, symptoms, topology, onset, slack)
    path = causal_path(causes[0].entity or origin, origin, affected, topology, blames, every, ids, slack)
    return Diagnosis(
        onset=onset,
        first_failing=origin,
        findings=tuple(findings),
        hypotheses=tuple(causes),
        suspects=suspects,
        ruled_out=tuple(_ruled_out(links, causes[0])),
        path=path,
        blast_radius=affected,
    )


def _walk(
    alerted: str, symptoms: Sequence[Symptom], topology: Topology, blames: set[tuple[str, str]], slack: float
) -> str:
    if not alerted:
        return ""
    origin = first_failing(alerted, symptoms, topology, blames, slack)
    return earlier_elsewhere(origin, symptoms, topology, slack)


def _earlier(onset: float, origin: str, alerted: str, symptoms: Sequence[Symptom]) -> float:
    """The onset of the incident: where it began elsewhere than at the alerted entity, that may be before."""
    if origin == alerted or not alerted:
        return onset
    starts = [s.onset for s in symptoms if s.bad and s.entity == origin and s.onset is not None]
    return min([onset, *starts])


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


def _finding(symptom: Symptom, id: str, method: str, split: Periods) -> Finding:
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
        method=method,
        window_start=split.recent.start,
        window_end=split.recent.end,
    )


def _quiet(incident: Incident, findings: Sequence[Finding]) -> Diagnosis:
    lines = incident.patterns is not None and bool(incident.patterns.patterns)
    blind = not incident.metrics.keys and not lines and not len(incident.spans)
    return Diagnosis(
        onset=None,
        first_failing=incident.entity,
        findings=tuple(findings),
        hypotheses=tuple(nothing_or_unseen(blind)),
        suspects=(),
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

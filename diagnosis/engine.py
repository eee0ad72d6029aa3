"""The engine: telemetry of one incident in, findings, hypotheses with probabilities, and the causal path out."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from diagnosis import no_change
from diagnosis.change_linking import Link, link_changes
from diagnosis.examination import STRONG, Examination, examine
from diagnosis.findings import Attribution, Diagnosis, Finding, Hypothesis, RuledOut
from diagnosis.hypotheses import hypotheses, nothing_or_unseen
from diagnosis.incident import Incident
from diagnosis.localisation import Localisation, localise
from diagnosis.path import blast_radius, causal_path
from diagnosis.periods import Periods
from diagnosis.scene import Scene
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import PatternTable, Topology
from diagnosis.weights import CHANNEL_WEIGHTS, WEIGHTS
from diagnosis.words import short_id

_MAX_FINDINGS = 40


def diagnose(
    incident: Incident, *, without: frozenset[str] = frozenset(), weights: Mapping[str, float] = CHANNEL_WEIGHTS
) -> Diagnosis:
    """Deterministic: the same incident gives the same diagnosis.

    ``without`` names channels to leave out and ``weights`` replaces theirs, to see what each contributes.
    """
    seen = examine(incident)
    found = localise(seen, without, weights)
    origin = found.ranked[0].entity if found.ranked else seen.walked or incident.entity
    onset = _onset(seen, found, origin)
    known = {id(s) for s in seen.symptoms}
    every = [*seen.symptoms, *(c.symptom for c in found.clues if id(c.symptom) not in known)]
    ranked = _ranked_symptoms(every, origin, incident)
    methods = {id(clue.symptom): clue.method for clue in found.clues}
    findings = [_finding(s, f"F{place}", methods.get(id(s), ""), seen.split) for place, s in enumerate(ranked, 1)]
    ids = {id(symptom): finding.id for symptom, finding in zip(ranked, findings, strict=True)}
    if onset is None:
        return _quiet(seen, findings)
    alone = frozenset(found.cut_off)
    scene = Scene(origin, onset, seen.symptoms, seen.topology, seen.entities, incident.changes, ids, alone)
    links = link_changes(scene)
    hosts = _hosts(seen.topology, seen.table)
    view = no_change.View(scene, incident.metrics, seen.table, hosts, seen.search.recent.start)
    suspects = found.suspects(ids)
    causes = hypotheses(links, no_change.cases(view), scene, suspects, findings)
    if causes[0].attribution is Attribution.CASE and causes[0].entity in seen.entities:
        origin = causes[0].entity  # demand comes in where it is felt later
    affected = blast_radius(origin, seen.symptoms, seen.topology, onset, seen.slack)
    cause = causes[0].entity or origin
    path = causal_path(cause, origin, affected, seen.topology, seen.blames, every, ids, seen.slack)
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


def _comparable(seen: Examination) -> bool:
    """Whether any kind of telemetry covers both normal time and the recent: else there was nothing to compare."""
    incident, search = seen.incident, seen.search
    old, new = search.is_normal(incident.metrics.times), search.is_recent(incident.metrics.times)
    series = any(
        (np.isfinite(block.values[:, old]).any(axis=1) & np.isfinite(block.values[:, new]).any(axis=1)).any()
        for block in incident.metrics.blocks()
    )
    spans = search.is_normal(incident.spans.start).any() and search.is_recent(incident.spans.start).any()
    lines = any(
        pattern.first_seen < search.recent.start <= pattern.last_seen or pattern.total > 1
        for pattern in seen.table.patterns
    )
    return bool((series and old.sum() > 2) or spans or lines)


def _onset(seen: Examination, found: Localisation, origin: str) -> float | None:
    """The onset of the incident: where it began elsewhere than at the alerted entity, that may be earlier."""
    if seen.onset is None:
        return seen.split.recent.start if found.ranked else None
    if origin == seen.incident.entity or not seen.incident.entity:
        return seen.onset
    mine = [s for s in seen.symptoms if s.bad and s.entity == origin and s.onset is not None]
    strongest = max((s.strength for s in mine), default=0.0)
    starts = sorted(s.onset for s in mine if s.onset is not None and s.strength >= STRONG * strongest)
    return min([seen.onset, *starts[:1]] if len(starts) < 2 else [seen.onset, _together(starts, seen.slack)])


def _together(starts: Sequence[float], slack: float) -> float:
    """The first of them that another follows within ``slack`` seconds: one series may leave its baseline by chance."""
    return next((a for a, b in itertools.pairwise(starts) if b - a <= slack), starts[0])


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


def _quiet(seen: Examination, findings: Sequence[Finding]) -> Diagnosis:
    blind = not _comparable(seen)
    return Diagnosis(
        onset=None,
        first_failing="" if blind else seen.incident.entity,  # nobody was seen to fail
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
        name = f"{link.change.kind.value} {short_id(link.change.id)} “{link.change.title or link.change.id}”"
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

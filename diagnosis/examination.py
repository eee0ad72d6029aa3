"""First look at an incident: what deviates, when it began, who calls whom, and where a walk down the calls ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diagnosis.incident import Incident
from diagnosis.log_symptoms import log_symptoms
from diagnosis.periods import Periods, periods
from diagnosis.span_symptoms import span_symptoms
from diagnosis.symptoms import Symptom, mentions, metric_symptoms, with_mentions
from diagnosis.telemetry import ChangeKind, PatternTable, SeriesMatrix, Topology, Window
from diagnosis.traces import topology_of
from diagnosis.walk import earlier_elsewhere, first_failing

_FIRST_PART, _LEAST_SAID = 0.4, 5  # of the samples of a series; samples in each part
STRONG = 0.6  # of the strongest symptom


@dataclass(frozen=True)
class Examination:
    """``search`` is what the onset was looked for in, ``split`` what came before and after it.

    ``onset`` is epoch seconds, None where nothing deviates; ``blames`` are (who, whom) pairs of failing texts;
    ``walked`` is where the walk from the alerted entity ended, "" without one; ``slack`` (seconds) is the distance
    below which two onsets have no order.
    """

    incident: Incident
    search: Periods
    split: Periods
    table: PatternTable
    topology: Topology
    symptoms: tuple[Symptom, ...]
    onset: float | None
    entities: frozenset[str]
    blames: set[tuple[str, str]]
    walked: str
    slack: float


def examine(incident: Incident) -> Examination:
    """Deterministic: the same incident gives the same examination."""
    incident = _sound(incident)
    search = periods(incident.window, incident.fired_at, incident.normal)
    table = incident.patterns or PatternTable(incident.window, 60.0, ())
    topology = incident.topology.merged(topology_of(incident.spans))
    symptoms = metric_symptoms(incident.metrics, search)
    symptoms += _silent_for_a_while(incident, symptoms) + log_symptoms(table, search)
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
    return Examination(
        incident, search, split, table, topology, tuple(symptoms), onset, entities, blames, walked, slack
    )


def _sound(incident: Incident) -> Incident:
    """What is not a number is missing: an infinite sample, a span without a time.

    A span that ends after the window is not told yet: its later calls are missing, as if it had waited by itself.
    """
    metrics, spans = incident.metrics, incident.spans
    if any(np.isinf(block.values).any() for block in metrics.blocks()):
        values = np.where(np.isinf(metrics.values), np.nan, metrics.values)
        metrics = SeriesMatrix(metrics.keys, metrics.times, values)
    sound = np.isfinite(spans.start) & np.isfinite(spans.duration)
    sound &= (spans.start + spans.duration <= incident.window.end) | (spans.start >= incident.window.end)
    if not sound.all():
        spans = spans.select(sound)
    return replace(incident, metrics=metrics, spans=spans)


def _silent_for_a_while(incident: Incident, symptoms: Sequence[Symptom]) -> list[Symptom]:
    """The alerted series, where it said too little in the normal time: against the first part of what it did say.

    A gauge over the last requests is silent after every restart, and its alert fires all the same.
    """
    named = (incident.entity, incident.metric)
    if incident.normal or any((s.entity, s.subject) == named for s in symptoms):
        return []
    row = next((row for row, key in enumerate(incident.metrics.keys) if (key.entity, key.metric) == named), None)
    if row is None:
        return []
    one = incident.metrics.pick([row])
    said = one.times[np.isfinite(one.values[0]) & (one.times >= incident.window.start)]
    normal = int(_FIRST_PART * said.size)
    if normal < _LEAST_SAID or said.size - normal < _LEAST_SAID:
        return []
    split = float(said[normal])
    periods = Periods((Window(incident.window.start, split),), Window(split, incident.window.end))
    return metric_symptoms(one, periods)


def _walk(
    alerted: str, symptoms: Sequence[Symptom], topology: Topology, blames: set[tuple[str, str]], slack: float
) -> str:
    if not alerted:
        return ""
    origin = first_failing(alerted, symptoms, topology, blames, slack)
    return earlier_elsewhere(origin, symptoms, topology, slack)


def _onset(incident: Incident, symptoms: Sequence[Symptom]) -> float | None:
    """Onset of the alert's own series; else of the alerted entity's first bad one; else of the first strong one of all.

    Among thousands of series some leave their baseline by chance, faintly: where no alert says where to look, only
    what is nearly as strong as the strongest may date the incident. Nothing that began after the alert set it off.
    """
    known = [s for s in symptoms if s.onset is not None and s.onset <= incident.fired_at]
    return _first_onset(incident, known) or _first_onset(incident, symptoms)


def _first_onset(incident: Incident, symptoms: Sequence[Symptom]) -> float | None:
    mine = [s for s in symptoms if s.entity == incident.entity and s.onset is not None]
    exact = [s.onset for s in mine if s.subject == incident.metric]
    bad = [s.onset for s in mine if s.bad]
    strongest = max((s.strength for s in symptoms if s.bad and s.onset is not None), default=0.0)
    anyone = [s.onset for s in symptoms if s.bad and s.onset is not None and s.strength >= STRONG * strongest]
    for group in (exact, bad, anyone):
        if group:
            return min(onset for onset in group if onset is not None)
    return None


def _slack(metrics: SeriesMatrix) -> float:
    """Two samples: onsets closer than that have no order."""
    if metrics.times.size < 2:
        return 120.0
    return 2.0 * float(np.median(np.diff(metrics.times)))


def _entities(incident: Incident, topology: Topology, table: PatternTable) -> frozenset[str]:
    names = {key.entity for key in incident.metrics.keys} | {node.name for node in topology.nodes if node.owned}
    names |= {pattern.entity for pattern in table.patterns} | {incident.entity}
    names |= {change.entity for change in incident.changes if change.kind is ChangeKind.DEPLOY and change.entity}
    return frozenset(name for name in names if name)

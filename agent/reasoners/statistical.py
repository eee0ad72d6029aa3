"""The default reasoner: the deterministic engine over whatever evidence there is. It costs nothing."""

import json
from dataclasses import dataclass

from agent.evidence import EvidenceStore
from agent.reasoners import Case, Opinion, Wish
from agent.state import Alert, Claim, Evidence, ModelUse, Outcome, Scope, Statement, Verdict
from diagnosis.delivery import deliveries
from diagnosis.effects import inert_file
from diagnosis.engine import diagnose
from diagnosis.findings import Channel, Diagnosis, Finding
from diagnosis.incident import Incident
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Change, ChangeKind, PatternTable, SeriesMatrix, Topology, Window
from diagnosis.traces import tabulate
from tools.spec import ChangeList, SpanBatch, ToolName

_MAX_DIFFS_PER_ROUND = 60
_ONSET_MARGIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class StatisticalReasoner:
    """Statistics over metrics, logs, traces and changes; no model, no network, no clock."""

    async def diagnose(self, case: Case) -> Opinion:
        incident, origin = assemble(case.alert, case.scope, case.evidence, case.store)
        diagnosis = diagnosed(incident, origin)
        return Opinion(diagnosis, unread_diffs(incident, diagnosis, case.evidence), case.use)

    async def narrate(
        self, alert: Alert, verdict: Verdict, claims: list[Claim], use: ModelUse
    ) -> tuple[list[Statement], ModelUse]:
        return [], use


def diagnosed(incident: Incident, origin: dict[Channel, str]) -> Diagnosis:
    """The engine's answer, each finding with the evidence that it came from."""
    diagnosis = diagnose(incident)
    return diagnosis.model_copy(update={"findings": tuple(_sourced(finding, origin) for finding in diagnosis.findings)})


def assemble(
    alert: Alert, scope: Scope, evidence: list[Evidence], store: EvidenceStore
) -> tuple[Incident, dict[Channel, str]]:
    """One incident out of the bodies, and which evidence each channel came from (the latest where there are more)."""
    metrics = SeriesMatrix.empty()
    patterns: PatternTable | None = None
    spans = SpanTable.empty()
    topology = Topology()
    changes: dict[str, Change] = {}
    origin: dict[Channel, str] = {}
    for item in evidence:
        if item.outcome is not Outcome.ROWS or not item.digest:
            continue
        match store.get(item.digest):
            case SeriesMatrix() as body:
                metrics, origin[Channel.METRICS] = body, item.id
            case PatternTable() as body:
                patterns, origin[Channel.LOGS] = body, item.id
            case SpanBatch() as body:
                spans, origin[Channel.TRACES] = tabulate(body.spans), item.id
            case Topology() as body:
                topology, origin[Channel.TOPOLOGY] = topology.merged(body), item.id
            case ChangeList() as body:
                changes |= {change.id: change for change in body.changes if change.id not in changes}
                origin[Channel.CHANGES] = item.id
            case Change() as body:
                changes[body.id] = body
            case _:
                continue  # catalogues and raw lines are for people
    incident = Incident(
        entity=alert.entity,
        metric=alert.metric,
        fired_at=alert.fired_at,
        window=Window(scope.start, scope.end),
        metrics=metrics,
        patterns=patterns,
        spans=spans,
        topology=topology,
        changes=tuple(changes[id] for id in sorted(changes)),
    )
    return incident, origin


def _sourced(finding: Finding, origin: dict[Channel, str]) -> Finding:
    return finding.model_copy(update={"evidence_id": origin.get(finding.channel, "")})


def unread_diffs(incident: Incident, diagnosis: Diagnosis, evidence: list[Evidence]) -> list[Wish]:
    """Diffs of commits that were in production before the onset: reading them is what separates the hypotheses."""
    if diagnosis.onset is None:
        return []
    read = {json.loads(item.arguments)["id"] for item in evidence if item.tool == ToolName.READ_CHANGE}
    entities = {change.entity for change in incident.changes if change.entity} | {incident.entity}
    entities |= {key.entity for key in incident.metrics.keys}
    candidates: list[tuple[float, str, Change]] = []
    for change in incident.changes:
        if change.kind is ChangeKind.DEPLOY or change.id in read or change.diff is not None:
            continue
        if change.kind is ChangeKind.COMMIT and change.files and all(inert_file(path) for path in change.files):
            continue
        # A little later too: the onset is as exact as the samples, and the next round may see it differently.
        ways = deliveries(change, incident.changes, entities, diagnosis.onset + _ONSET_MARGIN_SECONDS)
        if change.kind is ChangeKind.COMMIT and ways:
            candidates.append((abs(diagnosis.onset - ways[-1].time), change.id, change))
    candidates.sort(key=lambda item: item[:2])
    return [
        Wish(
            ToolName.READ_CHANGE,
            json.dumps({"id": id}),
            f"was “{change.title[:60]}”, in production before the onset, able to cause this?",
        )
        for _, id, change in candidates[:_MAX_DIFFS_PER_ROUND]
    ]

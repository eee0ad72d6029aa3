"""The claim ledger: what the report says is drafted as claims, each bound to its evidence, subject and value.

``agent/claim_checks.py`` re-computes them: a wrong number, a reversed order, a quote that is not in the diff or an edge
that nobody observed is caught there, whoever wrote the sentence.
"""

import json

from agent.evidence import EvidenceStore
from agent.state import Check, Claim, Evidence, Investigation, Outcome, Verdict
from agent.times import clock
from diagnosis.channels import RECOMPUTED
from diagnosis.delivery import same_commit
from diagnosis.findings import Channel, Diagnosis, Finding, Hop
from diagnosis.telemetry import Change, ChangeKind
from diagnosis.weights import WEIGHTS
from diagnosis.words import short_id
from tools.spec import ChangeList, ToolName


def draft_claims(state: Investigation, verdict: Verdict, store: EvidenceStore) -> list[Claim]:
    """Claims for the symptom, the cause, the change, the path and the blast radius, in the order of the report."""
    if verdict.nothing_wrong:
        return []
    diagnosis = state["diagnosis"]
    draft = _Draft(state)
    wanted: dict[str, str] = {}
    alert = state["alert"]
    own = [f for f in diagnosis.findings if f.entity == alert.entity and f.subject == alert.metric]
    for finding in own[:1]:
        wanted[finding.id] = "symptom"
    if verdict.hypothesis is not None:
        for support in verdict.hypothesis.supports:
            if support.finding_id and support.weight > 0:
                wanted.setdefault(support.finding_id, "cause")
    for hop in verdict.path:
        for id in (hop.cause_finding, hop.effect_finding):
            wanted.setdefault(id, "path")
    for entity in (verdict.first_failing, *verdict.blast_radius):
        worst = next((f for f in diagnosis.findings if f.entity == entity), None)
        if worst is not None:
            wanted.setdefault(worst.id, "cause" if entity == verdict.first_failing else "blast")
    for id, role in wanted.items():
        found = diagnosis.finding(id)
        if found is not None:
            draft.finding(found, role)
    if verdict.onset is not None and own:
        draft.onset(own[0])
    if verdict.change_id:
        draft.change(verdict, store)
    for hop in verdict.path:
        draft.hop(hop, diagnosis)
    return draft.claims


# What a channel looks at; the finding names one source, its number comes from all.
_TELEMETRY = (ToolName.QUERY_METRICS, ToolName.LOG_PATTERNS, ToolName.GET_TRACES, ToolName.GET_TOPOLOGY)


class _Draft:
    """Collects claims with running numbers and knows which evidence holds which telemetry."""

    def __init__(self, state: Investigation) -> None:
        self.claims: list[Claim] = []
        self._scope = state["scope"]
        self._rows = [item for item in state["evidence"] if item.outcome is Outcome.ROWS]

    def _evidence(self, *tools: ToolName) -> tuple[Evidence, ...]:
        return tuple(item for item in self._rows if item.tool in tools)

    def add(
        self, role: str, sentence: str, check: Check, sources: tuple[Evidence, ...], subject: tuple[str, ...],
        value: tuple[float, ...],
    ) -> None:  # fmt: skip
        query = "; ".join(f"{item.tool} {item.arguments}" for item in sources)
        self.claims.append(
            Claim(
                id=f"C{len(self.claims) + 1}",
                role=role,
                sentence=sentence,
                check=check,
                evidence_ids=tuple(item.id for item in sources),
                query=query,
                window_start=self._scope.start,
                window_end=self._scope.end,
                subject=subject,
                value=value,
            )
        )

    def finding(self, finding: Finding, role: str) -> None:
        source = tuple(item for item in self._rows if item.id == finding.evidence_id)
        before, after = finding.before, finding.after
        if finding.method in RECOMPUTED:
            if before is not None and after is not None:
                subject = (finding.method, finding.entity, finding.subject)
                value = (before, after, finding.window_start)
                self.add(role, finding.sentence, Check.CHANNEL, self._evidence(*_TELEMETRY), subject, value)
            return
        match finding.channel:
            case Channel.METRICS if before is not None and after is not None:
                value = (before, after, finding.onset or 0.0)
                self.add(
                    role,
                    finding.sentence,
                    Check.SERIES_LEVELS,
                    source,
                    (finding.entity, finding.subject),
                    value,
                )
            case Channel.LOGS if after is not None:
                seen = (finding.onset or 0.0, 1.0 if "is new" in finding.sentence else 0.0)
                self.add(
                    role,
                    finding.sentence,
                    Check.PATTERN_COUNTS,
                    source,
                    (finding.entity, finding.subject),
                    seen,
                )
            case Channel.TRACES if before is not None and after is not None:
                check = Check.SPAN_ERRORS if "errors+" in finding.signal.split() else Check.SPAN_SELF_TIME
                value = (before, after, finding.onset or 0.0)
                self.add(
                    role,
                    finding.sentence,
                    check,
                    source,
                    (finding.entity, finding.subject, finding.signal),
                    value,
                )
            case _:
                return  # nothing that a number could prove: it stays out of the report's claims

    def onset(self, finding: Finding) -> None:
        source = tuple(item for item in self._rows if item.id == finding.evidence_id)
        onset = finding.onset or 0.0
        sentence = f"{finding.entity} {finding.subject} left its baseline at {clock(onset)} UTC"
        self.add("onset", sentence, Check.SERIES_ONSET, source, (finding.entity, finding.subject), (onset,))

    def change(self, verdict: Verdict, store: EvidenceStore) -> None:
        listed = self._evidence(ToolName.LIST_CHANGES)
        hypothesis = verdict.hypothesis
        if hypothesis is None or not listed:
            return
        changes = store.get(listed[-1].digest)
        if not isinstance(changes, ChangeList):
            return
        change = next((item for item in changes.changes if item.id == verdict.change_id), None)
        if change is None:
            return
        deploy = _deploy_of(change, changes, hypothesis.entity, verdict.onset or 0.0)
        what = f"{change.kind.value} {short_id(change.id)}" + (f" “{change.title}”" if change.title else "")
        if deploy is not None:
            sentence = (
                f"{what} went to {deploy.entity} at {clock(deploy.time)} UTC, {_when(deploy.time, verdict.onset)}"
            )
            self.add(
                "delivery",
                sentence,
                Check.CHANGE_TIME,
                listed,
                (deploy.id,),
                (deploy.time, verdict.onset or 0.0),
            )
        else:
            sentence = f"{what} is of {clock(change.time)} UTC, {_when(change.time, verdict.onset)}"
            self.add(
                "delivery",
                sentence,
                Check.CHANGE_TIME,
                listed,
                (change.id,),
                (change.time, verdict.onset or 0.0),
            )
        read = tuple(
            i for i in self._rows if i.tool == ToolName.READ_CHANGE and json.loads(i.arguments)["id"] == change.id
        )
        if hypothesis.quote and read:
            shown = hypothesis.quote.replace("\n", " → ")
            self.add("change", f"its diff says: {shown}", Check.DIFF_QUOTE, read, (change.id, hypothesis.quote), ())

    def hop(self, hop: Hop, diagnosis: Diagnosis) -> None:
        sources = self._evidence(ToolName.GET_TOPOLOGY, ToolName.GET_TRACES)
        if hop.edge:
            self.add(
                "path",
                f"calls run between {hop.effect} and {hop.cause}",
                Check.EDGE,
                sources,
                (hop.effect, hop.cause),
                (),
            )
        ends = [diagnosis.finding(id) for id in (hop.cause_finding, hop.effect_finding)]
        starts = [end.onset for end in ends if end is not None and end.onset is not None]
        if (
            hop.ordered
            and len(starts) == 2
            and starts[0] <= starts[1]
            and all(e and e.channel is Channel.METRICS for e in ends)
        ):
            subject = tuple(part for end in ends if end for part in (end.entity, end.subject))
            metrics = self._evidence(ToolName.QUERY_METRICS)
            sentence = f"{hop.cause} deviated at {clock(starts[0])}, {hop.effect} at {clock(starts[1])}"
            self.add("path", sentence, Check.ORDER, metrics, subject, (starts[0], starts[1]))


def _when(time: float, onset: float | None) -> str:
    return "before the onset" if onset is None or time <= onset else "within seconds of the onset"


def _deploy_of(change: Change, changes: ChangeList, entity: str, onset: float) -> Change | None:
    """The deploy that the verdict speaks of: the last one to ``entity`` before the onset that has the change."""
    deploys = [
        c
        for c in changes.changes
        if c.kind is ChangeKind.DEPLOY and change.time <= c.time <= onset + WEIGHTS["clock_tolerance_seconds"]
    ]
    own = [c for c in deploys if same_commit(c.commit, change.id)]
    carried = [c for c in deploys if c.entity == entity]
    return min(own or carried, key=lambda c: c.time, default=None)

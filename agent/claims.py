"""The claim ledger: what the report says is drafted as claims, and each claim is re-computed from its evidence.

A check reads the stored body, not the diagnosis: it would catch a wrong number, a reversed order, a quote that is not
in the diff, an edge that nobody observed, whoever wrote the sentence.
"""

import json
from collections.abc import Callable, Mapping

import numpy as np

from agent.evidence import EvidenceStore
from agent.state import Check, Claim, Evidence, Investigation, Outcome, Verdict
from agent.times import clock
from diagnosis.deviation import as_rates
from diagnosis.findings import Channel, Diagnosis, Finding, Hop
from diagnosis.symptoms import amount
from diagnosis.telemetry import Change, ChangeKind, PatternTable, SeriesKey, SeriesMatrix, Topology
from diagnosis.traces import operations, topology_of, tree_of
from tools.spec import Body, ChangeList, SpanBatch, ToolName

Bodies = Mapping[str, Body]
_TOLERANCE = 0.02  # relative; the same numbers from the same samples


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
        what = f"{change.kind.value} {change.id[:10]}" + (f" “{change.title}”" if change.title else "")
        if deploy is not None:
            sentence = f"{what} went to {deploy.entity} at {clock(deploy.time)} UTC, before the onset"
            self.add(
                "delivery",
                sentence,
                Check.CHANGE_TIME,
                listed,
                (deploy.id,),
                (deploy.time, verdict.onset or 0.0),
            )
        else:
            sentence = f"{what} is of {clock(change.time)} UTC, before the onset"
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


def _deploy_of(change: Change, changes: ChangeList, entity: str, onset: float) -> Change | None:
    """The deploy that the verdict speaks of: the last one to ``entity`` before the onset that has the change."""
    from diagnosis.delivery import same_commit

    deploys = [c for c in changes.changes if c.kind is ChangeKind.DEPLOY and change.time <= c.time <= onset]
    own = [c for c in deploys if same_commit(c.commit, change.id)]
    carried = [c for c in deploys if c.entity == entity]
    return min(own or carried, key=lambda c: c.time, default=None)


def check_claim(claim: Claim, evidence: list[Evidence], store: EvidenceStore) -> str:
    """Re-compute one claim; "" when it holds, else what is wrong with it."""
    by_id = {item.id: item for item in evidence}
    missing = [id for id in claim.evidence_ids if id not in by_id or not by_id[id].digest]
    if missing or not claim.evidence_ids:
        return f"evidence {', '.join(missing) or 'of no kind'} is missing"
    bodies = {id: store.get(by_id[id].digest) for id in claim.evidence_ids}
    return _CHECKS[claim.check](claim, bodies)


def _series(claim: Claim, bodies: Bodies, entity: str, metric: str) -> tuple[np.ndarray, np.ndarray] | None:
    for body in bodies.values():
        if isinstance(body, SeriesMatrix):
            rated = as_rates(body)
            row = rated.row(SeriesKey(entity, metric))
            if row is not None:
                keep = np.isfinite(row) & (rated.times < claim.window_end)
                return rated.times[keep], row[keep]
    return None


def _check_levels(claim: Claim, bodies: Bodies) -> str:
    found = _series(claim, bodies, claim.subject[0], claim.subject[1])
    if found is None:
        return f"no series {'/'.join(claim.subject)} in the evidence"
    (times, values), (before, after, onset) = found, claim.value
    old, new = values[times < onset], values[times >= onset]
    if not old.size or not new.size:
        return "the series has no samples on both sides of the onset"
    late = new[new.size // 2 :]
    # The baseline ends before the onset, so the median of all that came before agrees only to within its spread.
    spread = float(np.median(np.abs(old - np.median(old)))) * 3 + _TOLERANCE * max(abs(before), abs(after))
    if abs(float(np.median(old)) - before) > spread:
        return f"the level before is {amount(float(np.median(old)))}, not {amount(before)}"
    low, high = float(np.min(new)), float(np.max(new))
    if not low - spread <= after <= high + spread or abs(float(np.median(late)) - after) > max(
        spread, 0.25 * abs(after)
    ):
        return f"the level after is {amount(float(np.median(late)))}, not {amount(after)}"
    return ""


def _check_onset(claim: Claim, bodies: Bodies) -> str:
    found = _series(claim, bodies, claim.subject[0], claim.subject[1])
    if found is None:
        return f"no series {'/'.join(claim.subject)} in the evidence"
    (times, values), (onset,) = found, claim.value
    old, new = values[times < onset], values[times >= onset]
    if old.size < 3 or not new.size:
        return "too few samples around the onset"
    centre = float(np.median(old))
    spread = max(float(np.median(np.abs(old - centre))), 1e-12)
    if abs(float(new[0]) - centre) < 3 * spread:
        return f"the sample at {clock(onset)} is within the baseline's spread"
    return ""


def _check_pattern(claim: Claim, bodies: Bodies) -> str:
    onset, is_new = claim.value
    for body in bodies.values():
        if not isinstance(body, PatternTable):
            continue
        for pattern in body.patterns:
            if (pattern.entity, pattern.template) != claim.subject:
                continue
            starts = body.window.start + body.bin_seconds * np.arange(len(pattern.counts))
            counts = np.asarray(pattern.counts)
            old = int(counts[starts + body.bin_seconds <= onset].sum())
            new = int(counts.sum()) - old
            if is_new and old:
                return f"the pattern has {old} lines before {clock(onset)}"
            return "" if new > 0 else "the pattern has no lines after the onset"
    return "no such log pattern in the evidence"


def _check_spans(claim: Claim, bodies: Bodies) -> str:
    entity, name, signal = claim.subject
    _before, after, onset = claim.value
    for body in bodies.values():
        if not isinstance(body, SpanBatch):
            continue
        stats = operations(tree_of(body.spans), onset, claim.window_end).get((entity, name))
        if stats is None:
            return f"no span {entity} {name} after {clock(onset)}"
        if "errors+" in signal.split():
            value = stats.errors / stats.calls
        elif "fanout+" in signal.split():
            value = stats.calls_per_parent
        else:
            value = stats.self_seconds
        return (
            ""
            if abs(value - after) <= _TOLERANCE * max(abs(after), 1e-9)
            else f"it is {amount(value)}, not {amount(after)}"
        )
    return "no spans in the evidence"


def _check_edge(claim: Claim, bodies: Bodies) -> str:
    caller, callee = claim.subject
    for body in bodies.values():
        graph = topology_of(tree_of(body.spans)) if isinstance(body, SpanBatch) else body
        if isinstance(graph, Topology) and (callee in graph.callees(caller) or caller in graph.callees(callee)):
            return ""
    return f"no call between {caller} and {callee} was observed"


def _check_order(claim: Claim, bodies: Bodies) -> str:
    left_entity, left_metric, right_entity, right_metric = claim.subject
    first, second = claim.value
    if first > second:
        return "the effect is dated before the cause"
    for entity, metric, onset in ((left_entity, left_metric, first), (right_entity, right_metric, second)):
        single = claim.model_copy(update={"subject": (entity, metric), "value": (onset,)})
        problem = _check_onset(single, bodies)
        if problem:
            return f"{entity} {metric}: {problem}"
    return ""


def _check_change_time(claim: Claim, bodies: Bodies) -> str:
    (id,), (time, onset) = claim.subject, claim.value
    for body in bodies.values():
        if isinstance(body, ChangeList):
            change = next((item for item in body.changes if item.id == id and abs(item.time - time) < 1), None)
            if change is None:
                return f"no change {id} at {clock(time)} in the evidence"
            return "" if change.time <= onset else f"it is of {clock(change.time)}, after the onset"
    return "no change list in the evidence"


def _check_quote(claim: Claim, bodies: Bodies) -> str:
    id, quote = claim.subject
    for body in bodies.values():
        if isinstance(body, Change) and body.id == id:
            diff = {" ".join(line[1:].split()) for line in (body.diff or "").splitlines()}
            lost = [line for line in quote.splitlines() if " ".join(line[1:].split()) not in diff]
            return f"the diff has no line {lost[0]!r}" if lost else ""
    return f"the diff of {id[:10]} is not in the evidence"


_CHECKS: dict[Check, Callable[[Claim, Bodies], str]] = {
    Check.SERIES_LEVELS: _check_levels,
    Check.SERIES_ONSET: _check_onset,
    Check.PATTERN_COUNTS: _check_pattern,
    Check.SPAN_ERRORS: _check_spans,
    Check.SPAN_SELF_TIME: _check_spans,
    Check.EDGE: _check_edge,
    Check.ORDER: _check_order,
    Check.CHANGE_TIME: _check_change_time,
    Check.DIFF_QUOTE: _check_quote,
}

__all__ = ["check_claim", "draft_claims"]

"""Every claim is re-computed from the stored body that it names, not from the diagnosis."""

from collections.abc import Callable, Mapping

import numpy as np

from agent.evidence import EvidenceStore
from agent.state import Check, Claim, Evidence
from agent.times import clock
from diagnosis.aliases import aliases_of
from diagnosis.channels import CHANNELS, Observation
from diagnosis.deviation import as_rates
from diagnosis.periods import Periods
from diagnosis.span_table import SpanTable
from diagnosis.symptoms import amount
from diagnosis.telemetry import Change, PatternTable, SeriesKey, SeriesMatrix, Topology, Window
from diagnosis.traces import operations, tabulate, topology_of
from diagnosis.weights import WEIGHTS
from diagnosis.words import short_id
from tools.spec import Body, ChangeList, SpanBatch

Bodies = Mapping[str, Body]
_TOLERANCE = 0.02  # relative; the same numbers from the same samples


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
        table = tabulate(body.spans)
        late = (table.start >= onset) & (table.start < claim.window_end)
        stats = operations(table, late).get((entity, name))
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


def _check_channel(claim: Claim, bodies: Bodies) -> str:
    """Run the channel again over the stored telemetry and look for the same numbers."""
    (method, entity, subject), (before, after, start) = claim.subject, claim.value
    found = CHANNELS[method](_observation(claim, bodies, start))
    same = [clue.symptom for clue in found if clue.symptom.entity == entity and clue.symptom.subject == subject]
    if not same:
        return f"{method} says nothing of {entity} {subject[:80]}"
    for told, again in ((before, same[0].before or 0.0), (after, same[0].after or 0.0)):
        if abs(told - again) > _TOLERANCE * max(abs(told), abs(again), 1e-9):
            return f"it is {amount(again)}, not {amount(told)}"
    return ""


def _observation(claim: Claim, bodies: Bodies, start: float) -> Observation:
    metrics, table, spans, topology = SeriesMatrix.empty(), None, SpanTable.empty(), Topology()
    for body in bodies.values():
        match body:
            case SeriesMatrix():
                metrics = body
            case PatternTable():
                table = body
            case SpanBatch():
                spans = tabulate(body.spans)
            case Topology():
                topology = topology.merged(body)
            case _:
                continue
    recent = Window(start, claim.window_end)
    normal = Window(claim.window_start, start)
    topology = topology.merged(topology_of(spans))
    names = {key.entity for key in metrics.keys} | set(spans.entities)
    return Observation(
        metrics, table or PatternTable(recent, 60.0, ()), spans, topology, Periods((normal,), recent),
        aliases=aliases_of(names, topology),
    )  # fmt: skip


def _check_edge(claim: Claim, bodies: Bodies) -> str:
    caller, callee = claim.subject
    for body in bodies.values():
        graph = topology_of(tabulate(body.spans)) if isinstance(body, SpanBatch) else body
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
            in_time = change.time <= onset + WEIGHTS["clock_tolerance_seconds"]
            return "" if in_time else f"it is of {clock(change.time)}, after the onset"
    return "no change list in the evidence"


def _check_quote(claim: Claim, bodies: Bodies) -> str:
    id, quote = claim.subject
    for body in bodies.values():
        if isinstance(body, Change) and body.id == id:
            diff = {" ".join(line[1:].split()) for line in (body.diff or "").splitlines()}
            lost = [line for line in quote.splitlines() if " ".join(line[1:].split()) not in diff]
            return f"the diff has no line {lost[0]!r}" if lost else ""
    return f"the diff of {short_id(id)} is not in the evidence"


_CHECKS: dict[Check, Callable[[Claim, Bodies], str]] = {
    Check.SERIES_LEVELS: _check_levels,
    Check.SERIES_ONSET: _check_onset,
    Check.PATTERN_COUNTS: _check_pattern,
    Check.SPAN_ERRORS: _check_spans,
    Check.SPAN_SELF_TIME: _check_spans,
    Check.CHANNEL: _check_channel,
    Check.EDGE: _check_edge,
    Check.ORDER: _check_order,
    Check.CHANGE_TIME: _check_change_time,
    Check.DIFF_QUOTE: _check_quote,
}

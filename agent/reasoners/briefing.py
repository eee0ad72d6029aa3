"""What a model is shown of an incident: small tables made by code, never raw telemetry by the thousand.

Every text is cut to a length and every table to a number of rows, so that 500 series cost no more than five.
"""

from collections.abc import Iterable, Sequence

from agent.evidence import EvidenceStore
from agent.state import Alert, Evidence, Outcome
from agent.times import clock, stamp
from diagnosis.findings import Diagnosis, Finding, Hypothesis
from diagnosis.incident import Incident
from diagnosis.telemetry import Change
from tools.spec import LogBatch, Table

_FINDINGS, _HYPOTHESES, _CHANGES, _CALLS, _ANSWER_ROWS = 22, 8, 10, 40, 12
_SENTENCE, _TITLE, _CELL = 170, 80, 60
_DIFF_LINES, _DIFF_LINE = 70, 160


def alert_text(alert: Alert) -> str:
    """The alert in one line or two."""
    told = f"{alert.name} at {alert.entity or '?'} {alert.metric} since {stamp(alert.fired_at)} UTC"
    return f"{told}\n{_cut(alert.summary, _SENTENCE)}" if alert.summary else told


def call_graph(incident: Incident, diagnosis: Diagnosis) -> str:
    """Caller → callees around what deviates; where nothing calls, the entities alone."""
    concerned = {incident.entity, diagnosis.first_failing, *(s.entity for s in diagnosis.suspects)}
    callers: dict[str, list[str]] = {}
    for edge in incident.topology.edges:
        if {edge.caller, edge.callee} & concerned:
            callers.setdefault(edge.caller, []).append(edge.callee)
    lines = [f"{caller} → {', '.join(sorted(set(callees))[:12])}" for caller, callees in sorted(callers.items())]
    alone = sorted(entities_of(incident) - {name for pair in callers.items() for name in (pair[0], *pair[1])})
    return "\n".join([*lines[:_CALLS], *([f"others: {', '.join(alone[:_CALLS])}"] if alone else [])]) or "none"


def entities_of(incident: Incident) -> frozenset[str]:
    """Every entity that may be named: of the call graph, of the series, and the alerted one."""
    named = {node.name for node in incident.topology.nodes} | {key.entity for key in incident.metrics.keys}
    named |= {name for edge in incident.topology.edges for name in (edge.caller, edge.callee)}
    return frozenset(named | {incident.entity}) - {""}


def shown_hypotheses(diagnosis: Diagnosis) -> tuple[Hypothesis, ...]:
    """Those that a model sees, the likeliest first."""
    return diagnosis.hypotheses[:_HYPOTHESES]


def shown_findings(diagnosis: Diagnosis, most: int = _FINDINGS) -> tuple[Finding, ...]:
    """Those that a model sees, in the order of time: what the hypotheses rest on, then the strongest."""
    cited = [s.finding_id for h in shown_hypotheses(diagnosis) for s in h.supports if s.finding_id]
    place = {id: number for number, id in reversed(list(enumerate(dict.fromkeys(cited))))}
    ordered = sorted(diagnosis.findings, key=lambda f: (place.get(f.id, len(place)), -abs(f.deviation), f.id))
    return tuple(sorted(ordered[:most], key=lambda f: (f.onset is None, f.onset or 0.0, f.id)))


def findings_table(diagnosis: Diagnosis, most: int = _FINDINGS) -> str:
    """id, seconds from the onset, entity, sentence."""
    shown = shown_findings(diagnosis, most)
    return _lines(f"{f.id} {_when(f, diagnosis)} {f.entity}: {_cut(f.sentence, _SENTENCE)}" for f in shown)


def hypotheses_table(diagnosis: Diagnosis) -> str:
    """id, probability, place, kind, change, and what speaks for and against it."""
    rows = []
    for h in shown_hypotheses(diagnosis):
        proofs = [s.finding_id for s in h.supports if s.finding_id and s.weight > 0]
        against = [_cut(s.reason, _CELL) for s in h.supports if s.weight < 0]
        told = f"{h.id} {h.probability:.0%} {h.entity or '-'} {h.fault_kind.value}: {_cut(h.sentence, _SENTENCE)}"
        told += f" [for: {', '.join(dict.fromkeys(proofs))}]" if proofs else ""
        rows.append(told + (f" [against: {'; '.join(against[:2])}]" if against else ""))
    return _lines(rows)


def changes_table(incident: Incident, diagnosis: Diagnosis) -> str:
    """The changes nearest to the onset, those that are accused first; without diffs."""
    accused = {h.change_id for h in shown_hypotheses(diagnosis) if h.change_id}
    onset = diagnosis.onset if diagnosis.onset is not None else incident.fired_at
    near = sorted(incident.changes, key=lambda c: (c.id not in accused, abs(c.time - onset), c.id))[:_CHANGES]
    return _lines(_change(change) for change in sorted(near, key=lambda c: (c.time, c.id)))


def answers_table(evidence: Sequence[Evidence], store: EvidenceStore) -> str:
    """What came back on the questions of a model: lines of logs, rows of tables, or why there is nothing."""
    told = []
    for item in evidence:
        body = store.get(item.digest) if item.outcome is Outcome.ROWS and item.digest else None
        told.append(f"{item.tool} {item.arguments}: {_cut(item.summary, _SENTENCE)}")
        if isinstance(body, LogBatch):
            told += [f"  {clock(r.time)} {r.entity} {_cut(r.body, _SENTENCE)}" for r in body.records[:_ANSWER_ROWS]]
        elif isinstance(body, Table):
            told += ["  " + " | ".join(_cut(str(cell), _CELL) for cell in row) for row in body.rows[:_ANSWER_ROWS]]
    return _lines(told)


def diff_text(change: Change) -> str:
    """What a change did: title, files, and the changed lines with a little around them."""
    return "\n".join([_cut(change.title, _TITLE), ", ".join(change.files[:12]), *diff_lines(change)])


def diff_lines(change: Change) -> list[str]:
    """The lines of its diff that a model sees, each as far as it sees it."""
    lines = [line[:_DIFF_LINE] for line in (change.diff or "").splitlines()]
    if len(lines) > _DIFF_LINES:
        lines = [line for line in lines if line[:1] in "+-@"][:_DIFF_LINES]
    return lines


def _change(change: Change) -> str:
    told = (
        f"{change.id[:40]} {change.kind.value} {clock(change.time)} {change.entity or '-'} {_cut(change.title, _TITLE)}"
    )
    return f"{told} {_cut(change.before, 30)}→{_cut(change.after, 30)}" if change.before or change.after else told


def _when(finding: Finding, diagnosis: Diagnosis) -> str:
    if finding.onset is None or diagnosis.onset is None:
        return "·"
    return f"{finding.onset - diagnosis.onset:+.0f}s"


def _cut(text: str, most: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _lines(rows: Iterable[str]) -> str:
    return "\n".join(rows) or "none"

"""From the finished state to one Report. It selects and orders; it adds no fact that no claim carries."""

import numpy as np

from agent.bench import Bench
from agent.gathered import changes_of
from agent.report.model import NO_CAUSE, ChangeView, HypothesisView, NodeView, Report, SeriesView, TimelineEntry
from agent.state import Claim, Evidence, Investigation, ModelUse, Outcome, Verdict
from agent.times import clock, stamp
from diagnosis.findings import Channel, Diagnosis, Finding, RuledOut
from diagnosis.symptoms import amount
from diagnosis.telemetry import Change, SeriesKey, SeriesMatrix
from diagnosis.words import short_id
from tools.spec import MetricCatalogue, ToolName

SCHEMA_VERSION = 1
_MAX_SERIES = 6
_MAX_POINTS = 120
_MAX_CHANGES = 14
_STALE_SECONDS = 600.0  # samples that end this long before the alert still speak of it


def build_report(state: Investigation, bench: Bench) -> Report:
    """The report of a finished (or ended) investigation."""
    alert, verdict, diagnosis = state["alert"], state["verdict"], state["diagnosis"]
    evidence, claims = state["evidence"], state["claims"]
    changes = changes_of(state["evidence"], bench.store)
    guilty = next((change for change in changes if change.id == verdict.change_id), None)
    views = tuple(_change_view(change, verdict) for change in _shown(changes, verdict))
    window, use = state["scope"], state.get("model_use", ModelUse())
    return Report(
        schema_version=SCHEMA_VERSION,
        investigation_id=state["id"],
        title=f"{alert.name} at {alert.entity or 'an unnamed service'}",
        headline=headline(verdict, guilty, claims, state),
        alert=alert,
        cause_found=verdict.hypothesis is not None,
        nothing_wrong=verdict.nothing_wrong,
        probability=round(verdict.probability, 4),
        fault_kind=verdict.fault_kind,
        first_failing=verdict.first_failing,
        change=_change_view(guilty, verdict) if guilty and verdict.change_id else None,
        change_quote=verdict.hypothesis.quote if verdict.hypothesis and verdict.change_id else "",
        remediation=verdict.remediation,
        onset=verdict.onset,
        blast_radius=verdict.blast_radius,
        path=verdict.path,
        nodes=_nodes(verdict, diagnosis),
        claims=tuple(claims),
        removed_claims=tuple(state.get("removed_claims", [])),
        hypotheses=tuple(
            HypothesisView(
                sentence=h.sentence,
                probability=round(h.probability, 4),
                attribution=h.attribution,
                reasons=tuple(s.reason for s in h.supports if s.weight > 0)[:4],
                identity=h.identity,
            )
            for h in diagnosis.hypotheses[:5]
        ),
        ruled_out=_ruled_out(diagnosis, verdict),
        blind_spots=(*outside_the_samples(state, bench), *blind_spots(evidence)),
        next_steps=tuple(state.get("actions", [])),
        action_results=tuple(state.get("action_results", [])),
        verification=state.get("verification"),
        prediction=verdict.prediction,
        series=_series(state, bench),
        changes=views,
        timeline=_timeline(state, views, verdict),
        evidence=tuple(evidence),
        ceiling=state.get("ceiling"),
        spend=bench.toolbelt.budget.spend(),
        reasoner="llm" if use.asked else state["reasoner"],
        statements=tuple(state.get("statements", [])),
        model_use=use,
        window_start=window.start,
        window_end=window.end,
        created_at=bench.now(),
    )


def headline(verdict: Verdict, guilty: Change | None, claims: list[Claim], state: Investigation) -> str:
    """The verdict in one sentence, of checked parts only."""
    alert = state["alert"]
    if verdict.nothing_wrong:
        return f"Nothing is wrong at {alert.entity or 'the alerted service'}: no telemetry left its baseline."
    onset = f" since {clock(verdict.onset)} UTC" if verdict.onset is not None else ""
    where = verdict.first_failing or alert.entity or "the alerted service"
    if verdict.hypothesis is None:
        return f"{NO_CAUSE} for the trouble at {where}{onset}; what was ruled out and what is missing is below."
    kind = verdict.fault_kind.value.replace("_", " ")
    if guilty is not None:
        title = f" ({guilty.title})" if guilty.title else ""
        name = f"{guilty.kind.value} {short_id(guilty.id, 8)}{title}"
        to = verdict.hypothesis.entity
        there = f", deployed to {to}," if to else ""
        return f"{_capital(kind)} at {where}{onset}: {name}{there} is the probable cause."
    return f"{_capital(kind)} at {where}{onset}: {verdict.hypothesis.sentence}; no change is to blame."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shown(changes: list[Change], verdict: Verdict) -> list[Change]:
    """The guilty change, then deploys and flags, then the commits nearest to the onset; in order of time."""
    onset = verdict.onset or 0.0

    def rank(change: Change) -> tuple[bool, bool, float, str]:
        return (
            change.id != verdict.change_id,
            change.kind.value == "commit",
            abs(change.time - onset),
            change.id,
        )

    return sorted(sorted(changes, key=rank)[:_MAX_CHANGES], key=lambda change: (change.time, change.id))


def _change_view(change: Change, verdict: Verdict) -> ChangeView:
    guilty = bool(verdict.change_id) and (verdict.change_id in (change.id, change.commit))
    return ChangeView(
        id=change.id, kind=change.kind.value, time=change.time, entity=change.entity, title=change.title or change.version,
        author=change.author, guilty=guilty,
    )  # fmt: skip


def _nodes(verdict: Verdict, diagnosis: Diagnosis) -> tuple[NodeView, ...]:
    """Entities of the path in order, then affected ones beside it."""
    names: list[str] = []
    for hop in verdict.path:
        names += [name for name in (hop.cause, hop.effect) if name not in names]
    origin = verdict.first_failing
    names = names or ([origin] if origin else [])
    views = []
    for place, name in enumerate((*names, *(n for n in verdict.blast_radius if n not in names))):
        role = (
            "cause"
            if place == 0
            else "affected"
            if name not in names
            else "symptom"
            if place == len(names) - 1
            else "path"
        )
        own = [f for f in diagnosis.findings if f.entity == name]
        worst = next((f for f in own if f.channel is Channel.METRICS), own[0] if own else None)
        views.append(NodeView(name=name, role=role, deviation=_short_deviation(worst)))
    return tuple(views)


def _short_deviation(finding: Finding | None) -> str:
    if finding is None:
        return ""
    if finding.channel is Channel.METRICS and finding.before is not None and finding.after is not None:
        return f"{finding.subject} {amount(finding.before)} → {amount(finding.after)}"
    return finding.subject[:60]


def _ruled_out(diagnosis: Diagnosis, verdict: Verdict) -> tuple[RuledOut, ...]:
    if verdict.hypothesis is None:
        return diagnosis.ruled_out
    return tuple(
        item for item in diagnosis.ruled_out if not verdict.change_id or short_id(verdict.change_id) not in item.subject
    )


def outside_the_samples(state: Investigation, bench: Bench) -> tuple[str, ...]:
    """A line when the samples do not reach the alert: then no series can say anything about it."""
    listed = [e for e in state["evidence"] if e.tool == ToolName.LIST_METRICS and e.outcome is Outcome.ROWS]
    body = bench.store.get(listed[0].digest) if listed else None
    fired = state["alert"].fired_at
    if not isinstance(body, MetricCatalogue) or body.start <= fired <= body.end + _STALE_SECONDS:
        return ()
    return (f"metrics: samples cover {stamp(body.start)} to {stamp(body.end)} UTC, the alert is of {stamp(fired)} UTC",)


def blind_spots(evidence: list[Evidence]) -> tuple[str, ...]:
    """What could not be seen, one line each: absent, empty, failed and refused are told apart."""
    words = {
        Outcome.ABSENT: "there is no such telemetry",
        Outcome.EMPTY: "there is nothing in the window",
        Outcome.FAILED: "the source failed",
        Outcome.REFUSED: "it was not asked",
    }
    spots = [f"{e.tool}: {words[e.outcome]} ({e.summary})" for e in evidence if e.outcome in words]
    spots += [
        f"{e.tool}: {e.summary}" for e in evidence if e.outcome is Outcome.ROWS and (e.note or "sampled" in e.summary)
    ]
    return tuple(dict.fromkeys(spots))


def _series(state: Investigation, bench: Bench) -> tuple[SeriesView, ...]:
    """The alerted series first, then the strongest of the path, thinned for the eye."""
    found = [e for e in state["evidence"] if e.tool == ToolName.QUERY_METRICS and e.outcome is Outcome.ROWS]
    body = bench.store.get(found[0].digest) if found else None
    if not isinstance(body, SeriesMatrix):
        return ()
    alert, diagnosis = state["alert"], state["diagnosis"]
    wanted: dict[SeriesKey, float | None] = {}
    if SeriesKey(alert.entity, alert.metric) in body.keys:
        wanted[SeriesKey(alert.entity, alert.metric)] = state["verdict"].onset
    used = {id for hop in state["verdict"].path for id in (hop.cause_finding, hop.effect_finding)}
    hypothesis = state["verdict"].hypothesis
    used |= {support.finding_id for support in hypothesis.supports} if hypothesis else set()
    metric = [f for f in diagnosis.findings if f.channel is Channel.METRICS]
    for finding in sorted(metric, key=lambda f: f.id not in used):
        wanted.setdefault(SeriesKey(finding.entity, finding.subject), finding.onset)
    return tuple(
        _view(key, onset, body, found[0].id) for key, onset in list(wanted.items())[:_MAX_SERIES] if key in body.keys
    )


def _view(key: SeriesKey, onset: float | None, body: SeriesMatrix, evidence_id: str) -> SeriesView:
    row = body.row(key)
    assert row is not None  # noqa: S101 - the caller looked
    keep = np.unique(np.linspace(0, body.times.size - 1, min(_MAX_POINTS, body.times.size)).astype(int))
    values = tuple(float(v) if np.isfinite(v) else None for v in row[keep])
    return SeriesView(
        entity=key.entity,
        metric=key.metric,
        times=tuple(map(float, body.times[keep])),
        values=values,
        onset=onset,
        evidence_id=evidence_id,
    )


def _timeline(state: Investigation, changes: tuple[ChangeView, ...], verdict: Verdict) -> tuple[TimelineEntry, ...]:
    entries = []
    for change in changes:
        where = (
            f" to {change.entity}"
            if change.entity and change.kind == "deploy"
            else f" at {change.entity}"
            if change.entity
            else ""
        )
        if change.kind != "commit" or change.guilty:
            entries.append(
                TimelineEntry(
                    time=change.time,
                    label=f"{change.kind} {change.title or short_id(change.id)}{where}",
                    kind="change",
                )
            )
    first: set[str] = set()
    for claim in state["claims"]:
        if claim.role == "onset":
            entries.append(TimelineEntry(time=claim.value[0], label=claim.sentence, kind="onset", claim_id=claim.id))
        elif len(claim.value) == 3 and claim.subject[0] not in first:
            first.add(claim.subject[0])
            entries.append(TimelineEntry(time=claim.value[2], label=claim.sentence, kind="symptom", claim_id=claim.id))
    entries.append(
        TimelineEntry(time=state["alert"].fired_at, label=f"alert {state['alert'].name} fired", kind="alert")
    )
    return tuple(sorted(entries, key=lambda entry: (entry.time, entry.kind, entry.label)))


__all__ = ["SCHEMA_VERSION", "blind_spots", "build_report", "headline"]

"""Answers from what an investigation concluded. The figures are the report's own; nothing is worded anew."""

import re
from collections.abc import Callable, Mapping

from agent.handover import handover
from agent.questions.intents import Intent, Query
from agent.questions.reply import Case, Reply, say
from agent.report import sections
from agent.report.model import Report
from agent.report.text import inert, inert_lines
from agent.report.times import clock, count, duration, money, percent, stamp
from agent.state import Evidence
from tools.spec import Table

_MOST = 8


def answer_from_report(query: Query, case: Case) -> Reply:
    """An answer from the report of the open investigation, or why there is none yet."""
    if case.row is None:
        return say(
            "No investigation is open, so there is no verdict to ask about. Ask about a service, or open an investigation."
        )
    if query.intent in (Intent.STATUS, Intent.PENDING):
        return _status(case) if query.intent is Intent.STATUS else _pending(case)
    if case.report is None:
        return _not_yet(case)
    if query.intent is Intent.HYPOTHESES:
        return _hypotheses(case.report, {identity: id for id, _, _, identity in case.leading})
    return _READERS[query.intent](case.report)


def _why(report: Report) -> Reply:
    reasons = sections.because(report)
    if report.nothing_wrong or not report.cause_found:
        reasons = tuple(f"{percent(h.probability)}: {h.sentence}" for h in report.hypotheses[:4])
    claims = [f"{claim.id} {claim.sentence} (from {', '.join(claim.evidence_ids)})" for claim in report.claims[:_MOST]]
    return say(
        inert(report.headline),
        f"{sections.confidence(report)}. Began: {sections.onset_line(report)}.",
        *_listed("Because:", reasons),
        *_listed("Each was computed again from its evidence:", claims),
        series=report.series[:3],
    )


def _sure(report: Report) -> Reply:
    removed = sections.removed_line(report)
    return say(f"{sections.confidence(report)}.", *_listed("Because:", sections.because(report)), removed)


def _disproof(report: Report) -> Reply:
    if report.prediction is None:
        return say("There is no prediction: without a cause there is nothing that could be proved wrong.")
    checked = report.verification
    return say(
        f"This is wrong if the following fails: {inert(report.prediction.sentence.rstrip('.'))}.",
        f"It was looked at after the action: {inert(checked.sentence)}" if checked else "",
        *_listed("Or if one of these is it after all:", [f"{percent(h.probability)}: {h.sentence}" for h in report.hypotheses[1:4]]),
    )  # fmt: skip


def _hypotheses(report: Report, ids: Mapping[str, str]) -> Reply:
    """Under the ids by which they can be steered."""
    rows = tuple(
        (
            inert(ids.get(h.identity, f"H{n}"), 8),
            percent(h.probability),
            inert(h.sentence),
            inert("; ".join(h.reasons[:2])),
        )
        for n, h in enumerate(report.hypotheses, 1)
    )
    if not rows:
        return say("There are no hypotheses: nothing deviates.")
    return say(
        "Most probable first. To say that one is wrong: “H2 is wrong because …”.",
        tables=(Table("Hypotheses", ("id", "sure", "cause", "because"), rows),),
    )


def _ruled_out(report: Report) -> Reply:
    rows = tuple((inert(item.subject), inert(item.reason)) for item in report.ruled_out)
    return say(
        "" if rows else "Nothing had to be ruled out.",
        tables=(Table("Ruled out", ("what", "why"), rows),) if rows else (),
    )


def _change(report: Report) -> Reply:
    if report.change is None:
        return say("No change is to blame.", *_listed("What changed before:", [_line(c.time, f"{c.kind} {c.title or c.id}", c.entity) for c in report.changes[-_MOST:]]))  # fmt: skip
    return say(f"{sections.change_line(report.change)}.", *inert_lines(report.change_quote))


def _impact(report: Report) -> Reply:
    hit = ", ".join(inert(name, 80) for name in report.blast_radius) or "nothing else that the telemetry shows"
    first = f"First to fail: {inert(report.first_failing, 80)}. " if report.first_failing else ""
    levels = [f"{node.name}: {node.deviation}" for node in report.nodes if node.deviation]
    return say(f"{first}Also hit: {hit}.", *_listed("", levels), series=report.series[:3])


def _path(report: Report) -> Reply:
    if not report.path:
        return say("No causal path was found.")
    hops = [f"{hop.cause} → {hop.effect}: {sections.hop_mark(hop)}" for hop in report.path]
    return say(" → ".join(inert(part, 80) for part in _chain(report)), *_listed("", hops))


def _chain(report: Report) -> list[str]:
    return [part for chain in sections.chains(report.path) for part in (chain[0].cause, *(hop.effect for hop in chain))]


def _onset(report: Report) -> Reply:
    return say(f"{sections.onset_line(report)[:1].upper()}{sections.onset_line(report)[1:]}.")


def _timeline(report: Report) -> Reply:
    rows = tuple((clock(entry.time), inert(entry.label, 300)) for entry in report.timeline)
    return say("Times are UTC.", tables=(Table("Timeline", ("time", "what"), rows),))


def _next(report: Report) -> Reply:
    done = {result.action_key for result in report.action_results}
    steps = [step for step in report.next_steps if step.key not in done][:_MOST]
    told = [
        f"{step.sentence}{f' ({step.citation})' if step.citation else ''}{' (waits for approval)' if step.waits and step.request_id else ''}"
        for step in steps
    ]
    results = [f"{sections.words(result.outcome)}: {result.detail}" for result in report.action_results]
    return say("" if told else "There is no step to propose.", *_listed("", told), *_listed("Done so far:", results))


def _blind(report: Report) -> Reply:
    return say("" if report.blind_spots else "No blind spot is known.", *_listed("", report.blind_spots))


_READERS: Mapping[Intent, Callable[[Report], Reply]] = {
    Intent.WHY: _why, Intent.SURE: _sure, Intent.DISPROOF: _disproof,
    Intent.RULED_OUT: _ruled_out, Intent.CHANGE: _change, Intent.IMPACT: _impact, Intent.PATH: _path, Intent.ONSET: _onset,
    Intent.TIMELINE: _timeline, Intent.NEXT: _next, Intent.BLIND: _blind,
}  # fmt: skip


def _status(case: Case) -> Reply:
    assert case.row is not None  # noqa: S101 - the caller looked
    row = case.row
    waits = (
        f"{count(len(case.requests), 'approval')} wait{'s' if len(case.requests) == 1 else ''}."
        if case.requests
        else ""
    )
    return say(
        f"Investigation {row.id} is {row.status}. {inert(row.headline)}".strip(),
        waits, *handover(row.id, case.public_url),
    )  # fmt: skip


def _pending(case: Case) -> Reply:
    if not case.requests:
        return say("Nothing waits for an approval.")
    told = [f"{r.action} of {r.target} ({r.risk}), until {stamp(r.expires_at)} UTC: {r.effect}" for r in case.requests]
    return say(
        *_listed("These wait for a person:", told),
        "A person decides, after the whole card: by its buttons, or by /approve and /reject in the terminal.",
    )


def _not_yet(case: Case) -> Reply:
    assert case.row is not None  # noqa: S101 - the caller looked
    leading = [f"{percent(probability)}: {sentence}" for _, sentence, probability, _ in case.leading[:4]]
    return say(
        f"Investigation {case.row.id} is {case.row.status} and has no report yet.",
        *_listed("What leads so far:", leading),
    )


def cost_reply(report: Report | None, id: str, investigated: str, asked: str) -> Reply:
    """What was spent: by the investigation, and by asking about it."""
    if report is None:
        return say(f"Asking has cost {asked} in this hour.", f"Investigation {id}: {investigated}." if id else "")
    spent = report.spend
    told = f"{money(spent.usd)}, {count(spent.tool_calls, 'tool call')}, {count(spent.points, 'point')} read, {duration(spent.seconds)}"
    return say(f"The investigation: {told}.", f"Asking about it in this hour: {asked}.")


def evidence_reply(reference: str, case: Case) -> Reply | Evidence:
    """A claim by its id, or the evidence that is meant, for whoever shows its body."""
    if not reference:
        ids = ", ".join(list(case.evidence)[:24])
        return say(f"There is evidence {ids}." if ids else "There is no evidence yet.")
    claims = {claim.id.lower(): claim for claim in case.report.claims} if case.report else {}
    claim = claims.get(reference)
    if claim is not None:
        values = ", ".join(f"{name} {value}" for name, value in sections.values_of(claim))
        return say(f"{claim.id}: {inert(claim.sentence)}", f"Computed again: {values}." if values else "", f"From {', '.join(claim.evidence_ids)}, asked as {inert(claim.query)}.")  # fmt: skip
    wanted = re.sub(r"^e-?", "", reference)
    found = [item for id, item in case.evidence.items() if id.lower().removeprefix("e-") in (wanted, f"q{wanted}")]
    if found:
        return found[0]
    known = ", ".join([*list(case.evidence)[:24], *(claim.id for claim in claims.values())]) or "none yet"
    return say(f"There is no evidence “{inert(reference, 40)}”. There is {known}.")


def _listed(title: str, items: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (title, *(f"• {inert(item)}" for item in items)) if items else ()


def _line(at: float, what: str, where: str) -> str:
    return f"{clock(at)} {what}{f' at {where}' if where else ''}"

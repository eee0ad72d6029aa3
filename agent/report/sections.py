"""The words of a report, so that every rendering says the same in the same order.

Texts of telemetry leave here as they came: each rendering makes every cell inert in its own way, in one place. Only
where a sentence is made of several, each is bounded, so that a long one cannot push the others out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from agent.report.model import ChangeView, HypothesisView, Report, TimelineEntry
from agent.report.text import inert
from agent.report.times import amount, clock, count, duration, money, percent, stamp
from agent.state import Action, CeilingHit, Check, Claim, Evidence, Outcome
from diagnosis.findings import Hop
from diagnosis.words import short_id

_WORTH_ITS_REASONS = 0.05  # beside a named cause, what speaks for a hopeless rival is noise


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a section: ``lead`` stands out (a time, a probability, a name), ``more`` is smaller print, and
    ``fine`` is for who checks by hand, so a terminal leaves it out."""

    text: str
    lead: str = ""
    more: tuple[str, ...] = ()
    fine: str = ""


class Shape(StrEnum):
    """How a page may set a section; a terminal and Markdown make lists of all."""

    LIST = "list"
    STEPS = "steps"
    SHARES = "shares"
    TIMELINE = "timeline"
    ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    rows: tuple[Row, ...]
    note: str = ""
    shape: Shape = Shape.LIST


def facts(report: Report) -> list[tuple[str, str]]:
    """The verdict's particulars, name and value."""
    found = [("How sure", confidence(report)), ("Began", onset_line(report))]
    if report.first_failing and not report.nothing_wrong:
        found.append(("First to fail", report.first_failing))
    if report.cause_found:
        found += [("Fault", words(report.fault_kind)), ("Change", change_line(report.change))]
        found.append(("Remedy", words(report.remediation)))
    if report.blast_radius:
        found.append(("Also hit", ", ".join(inert(name, 60) for name in report.blast_radius)))
    if report.next_steps:
        found.append(("Do next", report.next_steps[0].sentence))
    return found


def confidence(report: Report) -> str:
    """How sure the verdict is, and of what."""
    if report.nothing_wrong:
        return f"{percent(report.probability)} that nothing is wrong"
    if report.cause_found:
        return f"{percent(report.probability)} that this is the cause"
    if not report.hypotheses:
        return "no verdict"
    return f"{percent(report.probability)} that the cause lies outside the telemetry at hand"


def onset_line(report: Report) -> str:
    """When it began, and how long before the alert."""
    if report.onset is None:
        return "nothing left its baseline" if report.nothing_wrong else "no onset was found"
    before = report.alert.fired_at - report.onset
    side = "before" if before >= 0 else "after"
    return f"{stamp(report.onset)} UTC, {duration(before)} {side} the alert"


def change_line(change: ChangeView | None) -> str:
    """A change in one line: kind, short id, title, author, time."""
    if change is None:
        return "none to blame"
    title = f" “{inert(change.title, 160)}”" if change.title else ""
    author = f" by {inert(change.author, 60)}" if change.author else ""
    return f"{inert(change.kind, 20)} {short_id(change.id)}{title}{author}, {stamp(change.time)} UTC"


def words(name: str) -> str:
    """An enumeration's value as words."""
    return name.replace("_", " ")


def hop_mark(hop: Hop) -> str:
    """Verified, or which part of the proof is missing."""
    if hop.verified:
        return "verified"
    parts = {"deviation": bool(hop.cause_finding and hop.effect_finding), "call edge": hop.edge, "order in time": hop.ordered}  # fmt: skip
    return f"unverified: no {' and no '.join(name for name, there in parts.items() if not there)}"


def chains(path: Sequence[Hop]) -> list[list[Hop]]:
    """The hops joined where one ends and the next begins, so that a path without branches is a single line."""
    found: list[list[Hop]] = []
    for hop in path:
        if found and found[-1][-1].effect == hop.cause:
            found[-1].append(hop)
        else:
            found.append([hop])
    return found


def values_of(claim: Claim) -> list[tuple[str, str]]:
    """What the check re-computed, each number with its name."""
    amounts = (amount, amount, clock)
    names: tuple[tuple[str, ...], tuple[Callable[[float], str], ...]]
    match claim.check:
        case Check.SERIES_LEVELS | Check.SPAN_ERRORS | Check.SPAN_SELF_TIME | Check.CHANNEL:
            names = (("before", "after", "onset"), amounts)
        case Check.SERIES_ONSET:
            names = (("onset",), (clock,))
        case Check.PATTERN_COUNTS:
            names = (("first seen", "new"), (clock, lambda value: "yes" if value else "no"))
        case Check.ORDER:
            names = (("cause", "effect"), (clock, clock))
        case Check.CHANGE_TIME:
            names = (("change", "onset"), (clock, clock))
        case Check.EDGE | Check.DIFF_QUOTE:
            names = ((), ())
        case never:
            assert_never(never)
    return [(name, show(value)) for name, show, value in zip(*names, claim.value, strict=False)]


def ceiling_line(ceiling: CeilingHit) -> str:
    """Which ceiling ended the asking."""
    unasked = f"{count(len(ceiling.unasked), 'question')} left unasked" if ceiling.unasked else "nothing left unasked"
    return f"Ceiling {inert(ceiling.resource, 60)} of {inert(ceiling.limit, 40)} was met ({inert(ceiling.spent, 40)} spent), {unasked}."


def removed_line(report: Report) -> str:
    """How many statements did not survive the check."""
    if not report.removed_claims:
        return ""
    held = "was removed: it" if len(report.removed_claims) == 1 else "were removed: they"
    return f"{count(len(report.removed_claims), 'statement')} {held} did not hold against the evidence."


def footer(report: Report) -> str:
    """Cost, duration and identity."""
    spend = report.spend
    cost = f"{money(spend.usd)}, {count(spend.tool_calls, 'tool call')}, {count(spend.points, 'point')}, {duration(spend.seconds)}"
    reasoner = f" · {inert(report.reasoner, 40)} reasoner" if report.reasoner else ""
    return f"{cost}{reasoner} · investigation {inert(report.investigation_id, 40)}"


def sections(report: Report) -> list[Section]:
    """What follows the evidence, in the order in which somebody on call wants it; empty ones are left out."""
    found = [
        _told(report),
        Section("Ruled out", tuple(Row(item.reason, f"{item.subject}:") for item in report.ruled_out)),
        _hypotheses(report),
        _steps(report),
        Section("Actions", tuple(Row(r.detail, f"{words(r.outcome)}:") for r in report.action_results)),
        _verification(report),
        _prediction(report),
        _timeline(report),
        Section("Blind spots", tuple(map(Row, report.blind_spots))),
        _removed(report),
        Section("Left unasked", tuple(map(Row, report.ceiling.unasked)) if report.ceiling else ()),
        _answers(report),
        _models(report),
    ]
    return [section for section in found if section.rows]


def because(report: Report) -> tuple[str, ...]:
    """Why the leading hypothesis leads; nothing where it did not become the verdict."""
    return report.hypotheses[0].reasons if report.cause_found and report.hypotheses else ()


def _hypotheses(report: Report) -> Section:
    def row(item: HypothesisView) -> Row:
        told = not report.cause_found or item.probability >= _WORTH_ITS_REASONS
        return Row(item.sentence, percent(item.probability), item.reasons if told else ())

    title, note, shown = "Hypotheses", "None is sure enough to be named the cause.", report.hypotheses
    if report.cause_found:
        title, note, shown = "Other hypotheses", "", shown[1:]
    elif report.nothing_wrong:
        note = ""
    return Section(title, tuple(map(row, shown)), note, Shape.SHARES)


def _steps(report: Report) -> Section:
    done = {result.action_key for result in report.action_results}
    rows = tuple(_step(step, report.investigation_id) for step in report.next_steps if step.key not in done)
    return Section("Next steps", rows, shape=Shape.STEPS)


def _step(step: Action, id: str) -> Row:
    """Advice with where it is from; an action with what it would change, and what it waits for."""
    told = [line for line in (step.citation, step.effect, *step.effect_lines) if line]
    if step.waits and step.request_id:
        told.append(f"Waits for approval: pcause approve {id}, or pcause reject {id}")
    if step.risk == "dry_run":
        told.append("The policy allows the dry run only.")
    named = f" ({step.name} of {step.target})" if step.target and step.risk != "forbidden" else ""
    return Row(f"{step.sentence}{named}", more=tuple(told))


def _verification(report: Report) -> Section:
    found = report.verification
    return Section("After the action", (Row(found.sentence, f"{words(found.outcome)}:"),) if found else ())


def _prediction(report: Report) -> Section:
    found = report.prediction
    rows = (Row(f"This is wrong if the following fails: {found.sentence.rstrip('.')}."),) if found else ()
    return Section("How to prove this wrong", rows)


def _timeline(report: Report) -> Section:
    day = stamp(report.alert.fired_at)[:10]

    def row(entry: TimelineEntry) -> Row:
        at = stamp(entry.time)
        return Row(
            f"{inert(entry.label, 400)} ({inert(entry.claim_id, 12)})" if entry.claim_id else entry.label,
            clock(entry.time) if at.startswith(day) else at,  # what is days old is no part of this night
        )

    return Section("Timeline", tuple(map(row, report.timeline)), "Times are UTC.", Shape.TIMELINE)


def _removed(report: Report) -> Section:
    rows = tuple(Row(removed.reason, f"{removed.sentence}:") for removed in report.removed_claims)
    return Section("Removed statements", rows, removed_line(report))


def _told(report: Report) -> Section:
    rows = tuple(Row(statement.sentence, inert(statement.claim_id, 12)) for statement in report.statements)
    return Section("In short", rows, "Worded by a language model; each sentence was held against its claim.")


def _models(report: Report) -> Section:
    """What language models had to do with it: why, who, by which prompts, and what of it was not used."""
    use = report.model_use
    rows = [Row(use.note[:1].upper() + use.note[1:])] if use.note else []
    rows += [Row(model, f"{words(part)}:", fine=f"prompt {digest}") for part, model, digest in use.asked]
    if use.dropped:
        held = "statement of the model was" if use.dropped == 1 else "statements of the model were"
        rows.append(Row(f"{use.dropped} {held} not supported and removed."))
    return Section("Language model", tuple(rows))


def _answers(report: Report) -> Section:
    def row(item: Evidence) -> Row:
        found = item.summary if item.outcome is Outcome.ROWS else f"{item.outcome.value}: {item.summary}"
        arguments = f" {item.arguments}" if item.arguments not in ("", "{}") else ""
        return Row(found, item.id, (item.note,) if item.note else (), f"{item.tool}{arguments}")

    return Section("Questions asked", tuple(map(row, report.evidence)), shape=Shape.ANSWERS)

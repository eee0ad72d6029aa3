"""Sentences that every rendering shows, so that they say the same in all of them."""

from agent.report.text import inert, share, span_of
from agent.state import CeilingHit, Report
from agent.times import clock, stamp
from diagnosis.findings import Hop


def confidence(report: Report) -> str:
    """How sure the verdict is."""
    if report.nothing_wrong:
        return f"probability that nothing is wrong: {share(report.probability)}"
    if report.cause_found:
        return f"probability {share(report.probability)}"
    if not report.hypotheses:
        return "no verdict"
    return f"probability that the cause lies outside the telemetry at hand: {share(report.probability)}"


def onset_line(report: Report) -> str:
    """When it began, and how long before the alert."""
    if report.onset is None:
        return "nothing left its baseline"
    before = report.alert.fired_at - report.onset
    side = "before" if before >= 0 else "after"
    return f"{stamp(report.onset)} UTC, {span_of(before)} {side} the alert"


def change_line(report: Report) -> str:
    """The guilty change in one line."""
    change = report.change
    if change is None:
        return "none"
    author = f" by {inert(change.author)}" if change.author else ""
    return f"{change.kind} {inert(change.id)[:12]} “{inert(change.title)}”{author}, {clock(change.time)} UTC"


def hop_mark(hop: Hop) -> str:
    """Verified, or which part of the proof is missing."""
    if hop.verified:
        return "verified"
    lacks = [
        name
        for name, there in (
            ("deviation", bool(hop.cause_finding and hop.effect_finding)),
            ("call edge", hop.edge),
            ("order in time", hop.ordered),
        )
        if not there
    ]
    return f"unverified: no {' and no '.join(lacks)}"


def ceiling_line(ceiling: CeilingHit) -> str:
    """Which ceiling ended the asking."""
    return f"Ceiling {ceiling.resource} of {ceiling.limit} was met (spent {ceiling.spent}); {len(ceiling.unasked)} questions were left unasked."


def footer(report: Report) -> str:
    """Cost, duration and identity."""
    spend = report.spend
    usd = f"${spend.usd:.4f}" if spend.usd else "$0.00"
    return (
        f"{usd} · {spend.tool_calls} tool calls · {spend.points:,} points read · {span_of(spend.seconds)} · "
        f"{inert(report.reasoner, 40)} reasoner · investigation {inert(report.investigation_id, 40)}"
    )


def removed_line(report: Report) -> str:
    """How many statements did not survive the check."""
    count = len(report.removed_claims)
    return f"{count} statement{'s' if count != 1 else ''} did not hold against the evidence and {'were' if count != 1 else 'was'} removed."

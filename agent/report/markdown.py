"""The report as Markdown, for a ticket or a pull request."""

import re
from collections.abc import Iterable

from agent.report.sections import ceiling_line, change_line, confidence, footer, hop_mark, onset_line, removed_line
from agent.report.text import inert, share
from agent.state import Report
from agent.times import clock

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~@&])")
_SCHEME = re.compile(r"(?i)\b(https?|ftp|file|mailto|javascript|data):")


def safe(text: str) -> str:
    """Inert text with Markdown and HTML escaped, so that nothing in it renders, links or mentions."""
    return _SCHEME.sub(r"\1 :", _SPECIAL.sub(r"\\\1", inert(text)))


def render_markdown(report: Report) -> str:
    """The same content and order as the terminal."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterable[str]:
    yield f"# {safe(report.title)}\n"
    yield f"**{safe(report.headline)}**\n"
    yield f"- Sure? {confidence(report)}"
    yield f"- Began: {onset_line(report)}"
    if report.cause_found:
        yield f"- Change: {safe(change_line(report))}"
        yield f"- Remedy: {report.remediation.value.replace('_', ' ')}"
    if report.blast_radius:
        yield f"- Also hit: {', '.join(map(safe, report.blast_radius))}"
    if report.ceiling is not None:
        yield f"\n**{safe(ceiling_line(report.ceiling))}**"
    if report.change_quote:
        yield "\n## What the change did\n"
        yield from (f"    {inert(line)}" for line in report.change_quote.splitlines())
    if report.path:
        yield "\n## Causal path\n"
        yield from (f"1. {safe(hop.cause)} → {safe(hop.effect)} ({hop_mark(hop)})" for hop in report.path)
    if report.claims:
        yield "\n## Evidence\n"
        yield "| claim | says | evidence |\n|---|---|---|"
        yield from (f"| {c.id} | {safe(c.sentence)} | {safe(', '.join(c.evidence_ids))} |" for c in report.claims)
    yield from _sections(report)
    if report.removed_claims:
        yield f"\n{removed_line(report)}"
    yield f"\n---\n{safe(footer(report))}"


def _sections(report: Report) -> Iterable[str]:
    cited = [f"{safe(s.sentence)}" + (f" ({safe(s.citation)})" if s.citation else "") for s in report.next_steps]
    prediction = (
        [f"This is wrong if it is not so that {safe(report.prediction.sentence)}."] if report.prediction else []
    )
    for title, lines in (
        ("Next steps", cited),
        ("Actions", [f"{r.outcome}: {safe(r.detail)}" for r in report.action_results]),
        ("After the action", [safe(report.verification.sentence)] if report.verification else []),
        ("How to prove this wrong", prediction),
        ("Hypotheses", [f"{share(h.probability)} {safe(h.sentence)}" for h in report.hypotheses]),
        ("Ruled out", [f"{safe(r.subject)}: {safe(r.reason)}" for r in report.ruled_out]),
        ("Timeline (UTC)", [f"{clock(t.time)} {safe(t.label)}" for t in report.timeline]),
        ("Left unasked", [safe(line) for line in report.ceiling.unasked] if report.ceiling else []),
        ("Blind spots", [safe(spot) for spot in report.blind_spots]),
    ):
        if lines:
            yield f"\n## {title}\n"
            yield from (f"- {line}" for line in lines)

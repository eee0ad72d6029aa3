"""The report as Markdown, for a ticket or a pull request."""

import re
from collections.abc import Iterable

from agent.report import sections as say
from agent.report.model import Report, SeriesView
from agent.report.text import inert, inert_lines
from agent.report.times import clock, quantity

_SPECIAL = re.compile(r"([\\`*{}\[\]()#+!|<>~@&$]|(?<!\w)_|_(?!\w))")
# Renderers link bare addresses, people and issues without any markup, and look past backslashes; only a gap stops them.
_SCHEME = re.compile(r"(?i)\b(https?|ftps?|file|mailto|xmpp|javascript|vbscript|data):(?=\S)")
_HOST = re.compile(r"(?i)\bwww\.(?=\S)")
_PERSON = re.compile(r"(?<![\w])@(?=\w)|@(?=[\w-]+\.[\w.-]*[a-z])", re.IGNORECASE)
_ISSUE = re.compile(r"(?<!\w)#(?=\d)")
_LIST = re.compile(r"^(\d+)([.)])|^([-=])")


def safe(text: str) -> str:
    """Inert text with Markdown and HTML escaped, so that nothing in it renders, links or mentions anybody."""
    shown = _SCHEME.sub(r"\1 :", inert(text))
    shown = _ISSUE.sub("# ", _PERSON.sub("@ ", _HOST.sub("www .", shown)))
    return _LIST.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", _SPECIAL.sub(r"\\\1", shown))


def render_markdown(report: Report) -> str:
    """The same content and order as the terminal."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterable[str]:
    yield f"# {safe(report.title)}\n"
    yield f"**{safe(report.headline)}**\n"
    yield from (f"- {name}: {safe(value)}" for name, value in say.facts(report))
    if report.ceiling is not None:
        yield f"\n**{safe(say.ceiling_line(report.ceiling))}**"
    if report.change_quote:
        yield "\n## What the change did\n"
        # Indented, not fenced: no text can end such a block.
        yield from (f"    {line}" for line in inert_lines(report.change_quote))
    if report.path:
        yield "\n## Causal path\n"
        yield from _path(report)
    if report.claims:
        yield "\n## Evidence\n\nEach line was computed again before it was written.\n"
        yield "| id | says | from |\n|---|---|---|"
        yield from (f"| {safe(c.id)} | {safe(c.sentence)} | {safe(', '.join(c.evidence_ids))} |" for c in report.claims)
    if report.series:
        yield "\n## Series\n\n| series | first | last | left its baseline |\n|---|---|---|---|"
        yield from map(_series, report.series)
    if say.because(report):
        yield "\n## Why this and not another\n"
        yield from (f"- {safe(reason)}" for reason in say.because(report))
    for section in say.sections(report):
        yield f"\n## {section.title}\n"
        if section.note:
            yield f"{section.note}\n"
        for row in section.rows:
            yield _item(row, "1." if section.shape is say.Shape.STEPS else "-")
    yield f"\n---\n\n{safe(say.footer(report))}"


def _path(report: Report) -> Iterable[str]:
    for chain in say.chains(report.path):
        yield safe(" → ".join([chain[0].cause, *(hop.effect for hop in chain)])) + "\n"
    yield from (f"- {safe(hop.cause)} → {safe(hop.effect)}: {say.hop_mark(hop)}" for hop in report.path)
    yield from (f"- {safe(node.name)}: {safe(node.deviation)}" for node in report.nodes if node.deviation)


def _series(view: SeriesView) -> str:
    known = [value for value in view.values if value is not None]
    first, last = (quantity(known[0], view.metric), quantity(known[-1], view.metric)) if known else ("no samples", "")
    onset = clock(view.onset) if view.onset is not None else ""
    return f"| {safe(view.entity)} {safe(view.metric)} | {first} | {last} | {onset} |"


def _item(row: say.Row, bullet: str) -> str:
    lead = f"**{safe(row.lead)}** " if row.lead else ""
    below = [safe(text) for text in (*row.more, row.fine) if text]
    return "\n".join((f"{bullet} {lead}{safe(row.text)}", *(f"   - {text}" for text in below)))

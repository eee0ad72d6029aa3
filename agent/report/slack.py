"""The report as Slack blocks: the verdict for the one message, everything else for its thread.

Slack reads markup in texts, so every text from outside goes through ``neutral``: nothing in it mentions, links, formats
or shows a sign of ours. Lengths are Slack's: 3,000 characters a block, and a message is kept well below its own limit.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from agent.report import sections as say
from agent.report.model import Report
from agent.report.text import inert, inert_lines

Block = dict[str, Any]

LONGEST_TEXT = 3_000  # characters of one block
MOST_BLOCKS = 45  # of a message; Slack takes 50
_LONGEST_MESSAGE = 9_000  # characters of all blocks; Slack refuses some 13,000
_MOST_MESSAGES = 4

_SCHEME = re.compile(r"(?i)\b(https?|ftps?|file|mailto|tel|slack|xmpp|javascript|vbscript|data):(?=\S)")
_HOST = re.compile(r"(?i)\bwww\.(?=\S)")
_PERSON = re.compile(r"(?<!\w)@(?=\w)|@(?=[\w-]+\.[\w.-]*[a-z])", re.IGNORECASE)
_CHANNEL = re.compile(r"(?<!\w)#(?=\w)")
_EMOJI = re.compile(r":(?=(?:[a-z0-9_+'-]*[a-z_+'-][a-z0-9_+'-]*|100|1234):)", re.IGNORECASE)
_EDGE = re.compile(r"(?<!\w)_|_(?!\w)")
_MARKS = str.maketrans(
    {"*": "\N{ASTERISK OPERATOR}", "~": "\N{TILDE OPERATOR}", "`": "\N{MODIFIER LETTER GRAVE ACCENT}"}
)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def neutral(text: str, longest: int = 600) -> str:
    """Inert text that Slack shows as it is: no mention, no link, no emoji, no format; markup is escaped."""
    return _unmarked(inert(text, longest))


def neutral_line(line: str) -> str:
    """A line of a quotation that is inert already, with its indentation."""
    return _unmarked(line)


def _unmarked(text: str) -> str:
    shown = _HOST.sub("www[.]", _SCHEME.sub(r"\1[:]", text))
    shown = _CHANNEL.sub("# ", _PERSON.sub("@ ", shown))
    shown = _EDGE.sub("\N{FULLWIDTH LOW LINE}", _EMOJI.sub("\N{RATIO}", shown))
    return shown.translate(_MARKS).translate(_ESCAPES)


def section(text: str) -> Block:
    """A block of text that has been made neutral; longer than a block, it is cut where we see it."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": bounded(text), "verbatim": True}}


def context(*texts: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": bounded(t), "verbatim": True} for t in texts]}


def bounded(text: str) -> str:
    """At most what a block takes; an escape is not cut in half."""
    if len(text) <= LONGEST_TEXT:
        return text
    return re.sub(r"&[a-z]{0,3}$", "", text[: LONGEST_TEXT - 1]) + "…"


def verdict_blocks(report: Report) -> list[Block]:
    """The verdict and its particulars: what fits a glance."""
    lines = [f"*{name}:* {neutral(value)}" for name, value in say.facts(report)]
    blocks = [section(f"*{neutral(report.headline)}*"), section("\n".join(lines))]
    if report.ceiling is not None:
        blocks.append(section(f"*{neutral(say.ceiling_line(report.ceiling))}*"))
    return blocks


def footer_block(report: Report) -> Block:
    """Cost, duration and identity."""
    return context(neutral(say.footer(report)))


def summary_text(report: Report) -> str:
    """What a notification shows of it."""
    return neutral(f"{report.headline} ({say.confidence(report)})", 280)


def render_slack(report: Report) -> list[list[Block]]:
    """The details, in the order of the other renderings, as the messages of a thread."""
    return paged([section(text) for part in _parts(report) for text in _split(part)])


def outcome_blocks(report: Report) -> list[Block]:
    """What was done after the verdict, and what came of it; empty where nothing was."""
    wanted = {"Actions", "After the action"}
    parts = [_section_lines(part) for part in say.sections(report) if part.title in wanted]
    return [section(text) for part in parts for text in _split(part)]


def paged(blocks: Sequence[Block]) -> list[list[Block]]:
    """Blocks as messages; what does not fit the last one is said to be left out."""
    pages: list[list[Block]] = [[]]
    room = _LONGEST_MESSAGE
    for block in blocks:
        size = len(block.get("text", {}).get("text", "")) if block["type"] == "section" else 0
        if pages[-1] and (size > room or len(pages[-1]) >= MOST_BLOCKS):
            pages.append([])
            room = _LONGEST_MESSAGE
        pages[-1].append(block)
        room -= size
    if len(pages) > _MOST_MESSAGES:
        pages = pages[:_MOST_MESSAGES]
        pages[-1].append(
            context("There is more than a thread should hold: the whole report is in the browser and the terminal.")
        )
    return [page for page in pages if page]


def _parts(report: Report) -> Iterable[list[str]]:
    """Each part as lines, its title first."""
    if report.change_quote:
        yield ["*What the change did*", "```", *map(neutral_line, inert_lines(report.change_quote)), "```"]
    if report.path:
        chains = [" → ".join([chain[0].cause, *(hop.effect for hop in chain)]) for chain in say.chains(report.path)]
        hops = [f"• {neutral(hop.cause)} → {neutral(hop.effect)}: {say.hop_mark(hop)}" for hop in report.path]
        nodes = [f"• {neutral(node.name)}: {neutral(node.deviation)}" for node in report.nodes if node.deviation]
        yield ["*Causal path*", *map(neutral, chains), *hops, *nodes]
    if report.claims:
        claims = [
            f"• {neutral(c.id)} {neutral(c.sentence)} ({neutral(', '.join(c.evidence_ids))})" for c in report.claims
        ]
        yield ["*Evidence* (each line was computed again before it was written)", *claims]
    if say.because(report):
        yield ["*Why this and not another*", *(f"• {neutral(reason)}" for reason in say.because(report))]
    yield from map(_section_lines, say.sections(report))


def _section_lines(part: say.Section) -> list[str]:
    lines = [f"*{neutral(part.title)}*" + (f" {neutral(part.note)}" if part.note else "")]
    for number, row in enumerate(part.rows, 1):
        bullet = f"{number}." if part.shape is say.Shape.STEPS else "•"
        lead = f"*{neutral(row.lead)}* " if row.lead else ""
        lines.append(f"{bullet} {lead}{neutral(row.text)}")
        lines += [f"      {neutral(text)}" for text in row.more if text]
    return lines


def _split(lines: Sequence[str]) -> list[str]:
    """Lines as texts of blocks: never in the middle of a line; a fence that is open is closed and opened again."""
    texts: list[str] = []
    current: list[str] = []
    fenced = False
    for line in lines:
        if sum(map(len, current)) + len(current) + len(line) > LONGEST_TEXT - 10 and current:
            texts.append("\n".join([*current, "```"] if fenced else current))
            current = ["```"] if fenced else []
        current.append(line)
        fenced ^= line == "```"
    return [*texts, "\n".join(current)] if current else texts

"""The one message that follows an investigation: stages while it goes on, then the verdict; and what waits for a person."""

import json
from collections.abc import Mapping, Sequence

from agent.approvals import Request
from agent.handover import handover
from agent.ledger import InvestigationRow
from agent.report.model import Report
from agent.report.progress import Progress, Step
from agent.report.slack import (
    Block,
    context,
    footer_block,
    neutral,
    outcome_blocks,
    section,
    summary_text,
    verdict_blocks,
)
from agent.report.times import count, duration, percent
from agent.state import Alert
from tools.spec import Table

APPROVE, REJECT = "pcause_approve", "pcause_reject"
_MOST_STEPS = 8
_MOST_ASKED = 8
_MOST_ROWS = 20
_WIDEST_CELL = 40
_LONGEST_TABLE = 2_900  # characters; a block takes 3,000
_STATUS: Mapping[str, str] = {
    "accepted": "Taken. It begins as soon as there is room.",
    "running": "Investigating.",
    "interrupted": "Interrupted; it goes on by itself.",
    "decided": "Decided; it goes on.",
    "waiting": "Waits for an approval.",
    "failed": "The investigation broke.",
}
_DECIDED = {"approved": "Approved", "rejected": "Rejected", "expired": "Expired", "withdrawn": "Withdrawn"}


def message(
    row: InvestigationRow, report: Report | None, gone: Progress, requests: Sequence[Request], public_url: str
) -> tuple[str, list[Block]]:
    """Text for the notification, and the blocks."""
    alert = Alert.model_validate_json(row.alert)
    told = row.status in ("waiting", "done", "failed", "decided") or any(r.state != "pending" for r in requests)
    if report is None or not told:
        return f"Investigating: {neutral(alert.name, 200)}", [
            *_progress(row, alert, gone),
            _handover(row.id, public_url),
        ]
    blocks = verdict_blocks(report)
    if row.status not in ("done", "waiting"):
        blocks.append(section(f"_{_STATUS.get(row.status, 'Goes on.')}_"))
    for request in requests[-_MOST_ASKED:]:
        blocks += _request(request)
    blocks += outcome_blocks(report)[:4]
    if row.status == "done" and report.cause_found:
        blocks.append(context("Was this right? 👍 keeps it as a confirmed incident, 👎 notes that it was wrong."))
    return summary_text(report), [*blocks, footer_block(report), _handover(row.id, public_url)]


def said(title: str, paragraphs: Sequence[str], tables: Sequence[Table] = ()) -> list[Block]:
    """An answer to a question: paragraphs, and tables in even columns."""
    blocks = [section(f"*{neutral(title)}*")] if title else []
    blocks += [section(neutral(paragraph, 2_500)) for paragraph in paragraphs if paragraph.strip()]
    for table in tables:
        blocks += [section(f"*{neutral(table.title)}*"), section(_table(table))]
    return blocks


def _progress(row: InvestigationRow, alert: Alert, gone: Progress) -> list[Block]:
    blocks = [section(f"*{neutral(alert.name, 200)}*\n{_STATUS.get(row.status, 'Goes on.')}")]
    steps = [_step(step) for step in gone.steps[-_MOST_STEPS:]]
    if len(gone.steps) > _MOST_STEPS:
        steps.insert(0, f"… {count(len(gone.steps) - _MOST_STEPS, 'earlier step')}")
    if steps:
        blocks.append(section("\n".join(steps)))
    if gone.hypotheses:
        sentence, probability = gone.hypotheses[0]
        blocks.append(section(f"*Most probable so far:* {neutral(sentence)} ({percent(probability)})"))
    return blocks


def _step(step: Step) -> str:
    took = f" ({duration(step.seconds)})" if step.seconds is not None else " …"
    notes = "; ".join(neutral(note, 160) for note in step.notes[-2:])
    return f"{'✓' if step.seconds is not None else '▸'} {neutral(step.title, 160)}{took}" + (
        f": {notes}" if notes else ""
    )


def _request(request: Request) -> list[Block]:
    """What waits, with its buttons; or what became of it, and by whom."""
    what = f"{neutral(request.action)} of {neutral(request.target)} ({neutral(request.risk)})"
    if request.state != "pending":
        by = "; ".join(
            f"{neutral(vote.by)} ({vote.door})" + (f": {neutral(vote.reason, 300)}" if vote.reason else "")
            for vote in request.votes
        )
        return [section(f"*{_DECIDED.get(request.state, request.state)}:* {what}" + (f" by {by}" if by else ""))]
    given = sum(vote.approved for vote in request.votes)
    arguments = ", ".join(
        f"{neutral(k)} = {neutral(json.dumps(v), 200)}" for k, v in json.loads(request.arguments).items()
    )
    asked = f"*Waits for approval:* {what}, {given} of {request.needs} given\n{arguments}\nThe whole of it is shown before you decide."
    buttons = [
        {"type": "button", "action_id": action_id, "value": request.id, "text": {"type": "plain_text", "text": label}, "style": style}
        for action_id, label, style in ((APPROVE, "Approve…", "primary"), (REJECT, "Reject…", "danger"))
    ]  # fmt: skip
    return [section(asked), {"type": "actions", "block_id": f"ask_{request.id}", "elements": buttons}]


def _handover(id: str, public_url: str) -> Block:
    """How to go on elsewhere. The address is a setting of ours, so it may be a link."""
    lines = [line.replace(public_url, f"<{public_url}", 1) + ">" if public_url and public_url in line else line for line in handover(id, public_url)]  # fmt: skip
    return context(" · ".join(lines))


def _table(table: Table) -> str:
    """The first rows that there is room for, and how many more there are."""
    rows = [
        tuple(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row)
        for row in table.rows[:_MOST_ROWS]
    ]
    cells = [[neutral(cell, _WIDEST_CELL) for cell in row] for row in (table.columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    kept = 1 if len(lines[0]) <= _LONGEST_TABLE else 0
    while kept and kept < len(lines) and sum(map(len, lines[: kept + 1])) + kept < _LONGEST_TABLE:
        kept += 1
    more = len(table.rows) - max(kept - 1, 0)
    shown = [*lines[:kept], *([f"… and {more} more"] if more else [])]
    return "\n".join(("```", *shown, "```"))

"""Investigations as another agent reads them: a list, a report within a bounded size, and progress while one runs."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from agent.doors.mcp_serving.bodies import MOST_CHARS, clean, fitted
from agent.event_log import EventLog, LoggedEvent
from agent.handover import handover
from agent.ledger import Ledger
from agent.report.as_json import render_json
from agent.report.markdown import render_markdown
from agent.report.model import Report
from agent.report.text import inert
from agent.settings import Settings
from agent.summaries import Summaries
from agent.times import stamp

_LOOK_AGAIN_SECONDS = 0.5
_STANDS = frozenset(("done", "failed", "waiting"))  # a report can be read, and nothing happens by itself
_MOST_REPORT = 2 * MOST_CHARS
# What a report can do without, the longest and least first.
_SPARED = ("series", "timeline", "changes", "evidence", "removed_claims", "statements", "ruled_out", "claims")


def listed(home: Path, limit: int) -> list[dict[str, Any]]:
    """Newest first, as many as fit."""
    rows = (
        {
            "id": one.id, "status": one.status, "created": stamp(one.created_at), "alert": inert(one.alert, 200),
            "service": inert(one.service, 100), "verdict": inert(one.headline, 300), "probability": one.probability,
        }
        for one in Summaries(home).newest(limit)
    )  # fmt: skip
    return fitted(rows)[0]


def reported(settings: Settings, id: str, form: str, status: str = "") -> tuple[str, Mapping[str, Any] | None]:
    """Text and structure: "markdown" has no structure, "json" is the whole report, "brief" its verdict with the Markdown.

    ``status`` where it is known better than the ledger says. Raises ``UnknownInvestigation``, ``LedgerError``.
    """
    ledger = Ledger(settings.home)
    row = ledger.investigation(id)
    status = status or row.status
    told: dict[str, Any] = {
        "id": row.id,
        "status": status,
        "next": [*_next(row.id, status), *handover(row.id, settings.server.public_url, bool(settings.slack.members))],
    }
    if not row.report or (form == "brief" and status not in _STANDS):
        stages = ledger.stages(row.id)
        told |= {"stage": stages[-1][0] if stages else ""}
        return json.dumps(told), told
    report = Report.model_validate_json(row.report)
    told |= {"verdict": clean(report.headline), "probability": report.probability}
    if form == "json":
        whole = {**told, **_within(json.loads(render_json(report)))}
        return json.dumps(whole, ensure_ascii=False), whole
    markdown = render_markdown(report)
    if len(markdown) > MOST_CHARS:
        markdown = f"{markdown[:MOST_CHARS]}\n\n(cut here; the rest is in the format json)"
    lines = "\n".join(f"- {line}" for line in (f"Investigation {row.id}: {status}", *told["next"]))
    text = f"{markdown}\n\n{lines}\n"
    return (text, {**told, "report_markdown": markdown}) if form == "brief" else (text, None)


def _next(id: str, status: str) -> list[str]:
    match status:
        case "waiting":
            return ["An action waits for a person's approval, which cannot be given here"]
        case "interrupted":
            return [f"It was interrupted; a person goes on with: pcause resume {id}"]
        case "done" | "failed":
            return []
        case _:
            return [f"It goes on; see get_report with the id {id}"]


def _within(report: dict[str, Any]) -> dict[str, Any]:
    """The report, inert; without its longest parts where it is too long, and with their names."""
    report, left_out = clean(report, 4_000), []
    for name in _SPARED:
        if len(json.dumps(report, ensure_ascii=False)) <= _MOST_REPORT:
            break
        if report.pop(name, None):
            left_out.append(name)
    return {"report": report, "left_out": left_out}


async def following(
    home: Path, id: str, seconds: float, tell: Callable[[str], Awaitable[None]], runs: Callable[[], bool]
) -> str:
    """Tell what happens until nothing more happens by itself, or so many seconds have passed; its status then."""
    log, ledger, seen, until = EventLog(home), Ledger(home), 0, time.monotonic() + seconds
    while True:
        running = runs()  # asked first: what ends between the two is seen in the ledger
        status = (await asyncio.to_thread(ledger.investigation, id)).status
        for event in await asyncio.to_thread(log.since, id, seen):
            seen = event.seq
            if said := _said(event):
                await tell(said)
        if status in _STANDS:
            return status
        if not running:
            return "interrupted"
        left = until - time.monotonic()
        if left <= 0:
            return status
        await asyncio.sleep(min(_LOOK_AGAIN_SECONDS, left))


def _said(event: LoggedEvent) -> str:
    body = event.body
    match event.kind:
        case "stage":
            return f"{body['stage']} {body['branch']}".strip()
        case "evidence":
            return inert(f"{body['tool']}: {body['summary']}", 200)
        case "ranked" if body["hypotheses"]:
            first = body["hypotheses"][0]
            return inert(f"leading: {first['sentence']} ({first['probability']:.0%})", 200)
        case "approval_needed":
            return "an action waits for a person's approval"
        case "finished":
            return inert(str(body["headline"]), 200)
        case _:
            return ""

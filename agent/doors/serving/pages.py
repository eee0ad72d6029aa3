"""What a server shows of its investigations: pages to people, JSON to programs."""

from dataclasses import asdict
from pathlib import Path

from fastapi import HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, Response

from agent.ledger import Ledger
from agent.report.model import Report
from agent.summaries import Summaries

_ENDED = frozenset(("done", "failed", "waiting"))


class Pages:
    """The pages over the ledger of ``home``."""

    def __init__(self, home: Path) -> None:
        self._ledger, self._summaries = Ledger(home), Summaries(home)

    def listing(self, html: bool, limit: int) -> Response:
        """The newest investigations."""
        entries = self._summaries.newest(limit)
        if html:
            from agent.report.listing_html import render_listing

            return HTMLResponse(render_listing(entries))
        shown = [{**asdict(entry), "url": f"/investigations/{entry.id}"} for entry in entries]
        return JSONResponse({"investigations": shown})

    def one(self, id: str, html: bool) -> Response:
        """The report; without one the progress, as 202 where it goes on. Raises ``HTTPException`` 404."""
        summary = self._summaries.of(id)
        if summary is None:
            raise HTTPException(404, "there is no investigation with this id; GET /investigations lists them")
        saved = self._ledger.investigation(id).report
        if saved:
            return _report(Report.model_validate_json(saved), html)
        stages = self._ledger.stages(id)
        if html:
            from agent.report.listing_html import render_progress

            return HTMLResponse(render_progress(summary, stages))
        progress = {"id": id, "status": summary.status, "stage": stages[-1][0] if stages else None}
        return JSONResponse(progress, 200 if summary.status in _ENDED else 202)


def _report(report: Report, html: bool) -> Response:
    if html:
        from agent.report.html import render_html

        return HTMLResponse(render_html(report))
    from agent.report.as_json import render_json

    return Response(render_json(report), media_type="application/json")

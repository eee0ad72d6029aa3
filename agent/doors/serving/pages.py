"""What a server shows of its investigations: pages to people, JSON to programs."""

import time
from dataclasses import asdict

from fastapi import HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, Response

from agent.approvals import ApprovalRefused, Approvals
from agent.audit import Audit
from agent.event_log import EventLog
from agent.handover import handover
from agent.ledger import Ledger
from agent.report.investigation_html import Asked, Case, render_investigation
from agent.report.listing_html import render_listing
from agent.report.model import Report
from agent.report.page_html import ENDED, Viewer
from agent.report.progress import progress
from agent.settings import Settings
from agent.sources import Source
from agent.steering import shown_hypotheses
from agent.summaries import Summaries, Summary

_ANSWERED = ENDED | {"waiting"}
_MOST_EVENTS = 3_000
DOOR = "web"


class Pages:
    """The pages over the ledger of the settings' home."""

    def __init__(self, settings: Settings, approvals: Approvals) -> None:
        home = settings.home
        self._ledger, self._summaries, self._log = Ledger(home), Summaries(home), EventLog(home)
        self._audit, self._approvals, self._public_url = Audit(home), approvals, settings.server.public_url
        self._slack, self._home = bool(settings.slack.members), home
        self._names = tuple(sorted(settings.actions.names))

    def listing(self, html: bool, limit: int, viewer: Viewer) -> Response:
        """The newest investigations."""
        entries = self._summaries.newest(limit)
        if html:
            return HTMLResponse(render_listing(entries, viewer))
        shown = [{**asdict(entry), "url": f"/investigations/{entry.id}"} for entry in entries]
        return JSONResponse({"investigations": shown})

    def one(self, id: str, html: bool, viewer: Viewer) -> Response:
        """The report; without one the progress, as 202 where it goes on. A page shows both and all around them.

        Raises ``HTTPException`` 404.
        """
        summary = self.summary(id)
        if html:
            return HTMLResponse(render_investigation(self._case(summary, viewer), viewer))
        status = {"X-Investigation-Status": summary.status}
        saved = self._ledger.investigation(id).report
        if saved:
            from agent.report.as_json import render_json

            text = render_json(Report.model_validate_json(saved))
            return Response(text, media_type="application/json", headers=status)
        stages = self._ledger.stages(id)
        told = {"id": id, "status": summary.status, "stage": stages[-1][0] if stages else None}
        return JSONResponse(told, 200 if summary.status in _ANSWERED else 202, headers=status)

    def summary(self, id: str) -> Summary:
        """The investigation with exactly this id. Raises ``HTTPException`` 404."""
        summary = self._summaries.of(id)
        if summary is None:
            raise HTTPException(404, "there is no investigation with this id; GET /investigations lists them")
        return summary

    def asked(self, id: str, viewer: Viewer) -> list[Asked]:
        """The requests of an investigation as this viewer sees them, the open ones first."""
        now = time.time()
        found = [Asked(r, "", expired=r.expires_at <= now) for r in self._approvals.requests(id)]
        shown = [Asked(a.request, self._why_not(a, viewer), a.expired) for a in found]
        return sorted(shown, key=lambda asked: asked.state != "pending")

    def _why_not(self, asked: Asked, viewer: Viewer) -> str:
        """Why this viewer cannot answer."""
        if asked.state != "pending":
            return ""
        if viewer.name:
            try:
                self._approvals.ticket(asked.request.id, DOOR, viewer.name)
            except ApprovalRefused as refused:
                return f"You cannot answer this: {refused}."
            return ""
        if viewer.deciding:
            return "You may read this, but not decide: sign in with your personal token (any user name, the token as the password)."  # fmt: skip
        return (
            "You may read this, but not decide: nobody has a personal token for these pages. Name a variable that holds one "
            "as web_token_env of an approver in policy.yaml, or decide in the terminal."
        )

    def _causes(self, summary: Summary) -> tuple[tuple[str, str], ...]:
        """What a person may say is wrong: id and sentence."""
        shown = shown_hypotheses(self._home, summary.id) if summary.status not in ("accepted", "failed") else {}
        return tuple((id, sentence) for id, (_, sentence) in shown.items())

    def _actions(self, summary: Summary) -> tuple[str, ...]:
        """What a person may ask for by its name."""
        if not self._names or summary.status not in ("done", "waiting"):
            return ()
        live = Source.model_validate_json(self._ledger.investigation(summary.id).source).kind == "live"
        return self._names if live else ()

    def _case(self, summary: Summary, viewer: Viewer) -> Case:
        id = summary.id
        saved = self._ledger.investigation(id).report
        events, stages = self._log.since(id, limit=_MOST_EVENTS), self._ledger.stages(id)
        return Case(
            summary=summary, report=Report.model_validate_json(saved) if saved else None,
            progress=progress(events, stages, summary.status in _ANSWERED), asked=self.asked(id, viewer),
            causes=self._causes(summary), actions=self._actions(summary), audit=self._audit.of(id), spend=self._ledger.spent(id), handover=handover(id, self._public_url, self._slack),
        )  # fmt: skip

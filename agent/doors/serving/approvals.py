"""Answers from the web: two steps for a person, one for a program, and never one that another site had sent."""

from collections.abc import Callable
from typing import Literal

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from agent.approval_card import card
from agent.approvals import ApprovalRefused, Approvals
from agent.doors.serving.pages import DOOR, Pages
from agent.doors.serving.spoken import NOT_SIGNED_IN, read_spoken, refused
from agent.policy import PolicyError
from agent.report.investigation_html import Asked, render_confirmation
from agent.report.page_html import Viewer
from agent.report.text import inert

_LONGEST_REASON = 1_000


class Answer(BaseModel):
    """An answer. ``ticket`` is what ``GET …/approval`` gave this person for this request; a form without one is asked once
    more. ``wrong_cause``, of a rejection: another cause is looked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: str = Field(max_length=100)
    answer: Literal["approve", "reject"]
    ticket: str = Field(default="", max_length=8_000)
    reason: str = Field(default="", max_length=4_000)
    wrong_cause: bool = False


class Answers:
    """Takes answers. ``on_ready`` is told when an investigation can go on."""

    def __init__(self, approvals: Approvals, pages: Pages, public_url: str, on_ready: Callable[[], None]) -> None:
        self._approvals, self._pages, self._public_url, self._on_ready = approvals, pages, public_url, on_ready

    def listing(self, id: str, viewer: Viewer) -> JSONResponse:
        """What is asked, line by line as every door shows it, with this person's ticket for what they may answer."""
        self._pages.summary(id)
        return JSONResponse({"requests": [self._told(asked, viewer) for asked in self._pages.asked(id, viewer)]})

    async def take(self, request: Request, id: str, viewer: Viewer) -> Response:
        """Raises ``BodyError`` and ``HTTPException``; what a person must know is answered in the form that they use."""
        answer, form = await read_spoken(request, Answer, self._public_url)
        try:
            return await run_in_threadpool(self._count, id, answer, viewer, form)
        except (ApprovalRefused, PolicyError) as error:
            status = 409 if getattr(error, "known", True) else 403
            return refused("This answer does not count", str(error), status, form, id, viewer)

    def _count(self, id: str, answer: Answer, viewer: Viewer, form: bool) -> Response:
        self._pages.summary(id)
        if not viewer.name:
            raise ApprovalRefused(NOT_SIGNED_IN, known=False)
        asked = next((a for a in self._pages.asked(id, viewer) if a.request.id == answer.request), None)
        if asked is None:
            raise ApprovalRefused("there is no such request in this investigation")
        reason = inert(answer.reason, _LONGEST_REASON)
        if form and not answer.ticket:
            ticket = self._approvals.ticket(answer.request, DOOR, viewer.name)
            return HTMLResponse(render_confirmation(asked, viewer, ticket, answer.answer, reason, answer.wrong_cause))
        approved = answer.answer == "approve"
        decided = self._approvals.decide(
            answer.ticket, DOOR, viewer.name, approved, reason, answer.wrong_cause and not approved
        )
        if decided.ready:
            self._on_ready()
        if form:
            return RedirectResponse(f"/investigations/{id}", 303)
        return JSONResponse(
            {"request": decided.request.id, "state": str(decided.request.state), "ready": decided.ready}
        )

    def _told(self, asked: Asked, viewer: Viewer) -> dict[str, object]:
        ticket = ""
        if viewer.name and not asked.why_not and asked.state == "pending":
            ticket = self._approvals.ticket(asked.request.id, DOOR, viewer.name)
        return {
            "request": asked.request.id, "state": asked.state, "lines": card(asked.request), "why_not": asked.why_not,
            "missing": asked.missing, "ticket": ticket,
        }  # fmt: skip

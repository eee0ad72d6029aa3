"""Answers from the web: two steps for a person, one for a program, and never one that another site had sent."""

import asyncio
from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from agent.approval_card import card
from agent.approvals import ApprovalRefused, Approvals
from agent.doors.serving.bodies import BodyError, read_json
from agent.doors.serving.pages import DOOR, Pages
from agent.doors.serving.people import is_foreign
from agent.policy import PolicyError
from agent.report.investigation_html import Asked, render_confirmation
from agent.report.page_html import Viewer, render_message
from agent.report.text import inert

_FORM = "application/x-www-form-urlencoded"
_MOST_BYTES = 64_000
_LONGEST_REASON = 1_000
_MOST_SECONDS = 20.0
_NOT_SIGNED_IN = "only a person can decide: show your personal token (policy.yaml: approvers, web_token_env)"


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
        if is_foreign(request.headers, self._public_url):
            raise HTTPException(403, "an answer must be sent from this server's own pages, or by a program")
        form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
        raw = await _read_form(request) if form else await read_json(request)
        try:
            answer = Answer.model_validate(raw)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            raise HTTPException(422, f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['msg']}") from None
        try:
            return await run_in_threadpool(self._count, id, answer, viewer, form)
        except (ApprovalRefused, PolicyError) as refused:
            status = 409 if getattr(refused, "known", True) else 403
            if form:
                told = render_message(
                    "This answer does not count", _sentence(str(refused)), f"/investigations/{id}", viewer
                )
                return HTMLResponse(told, status)
            return JSONResponse({"error": str(refused)}, status)

    def _count(self, id: str, answer: Answer, viewer: Viewer, form: bool) -> Response:
        self._pages.summary(id)
        if not viewer.name:
            raise ApprovalRefused(_NOT_SIGNED_IN, known=False)
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


async def _read_form(request: Request) -> dict[str, object]:
    """The fields of a form, each once. Raises ``BodyError``."""
    body = bytearray()
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise BodyError(413, f"the form is larger than {_MOST_BYTES:,} bytes")
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20, errors="strict")
    except TimeoutError:
        raise BodyError(408, f"the form did not arrive within {_MOST_SECONDS:.0f} s: send it again") from None
    except ClientDisconnect:
        raise BodyError(400, "the sender left before the form had arrived") from None
    except ValueError:
        raise BodyError(400, "the form cannot be read: it must be UTF-8 and have at most 20 fields") from None
    if len(dict(pairs)) != len(pairs):
        raise BodyError(400, "the form has a field twice")
    return dict(pairs)


def _sentence(said: str) -> str:
    # It may begin with a name, which has its own first letter.
    return f"Refused: {said.rstrip('.')}. Nothing was decided by it."

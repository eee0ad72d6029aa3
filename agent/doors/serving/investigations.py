"""The routes of investigations: the list, one of them, what happens in it, and what is asked of people."""

import logging
import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from agent.approvals import Approvals
from agent.doors.serving.answers import PROBLEMS, Problem, Progress
from agent.doors.serving.approvals import Answer, Answers
from agent.doors.serving.gate import wants_html
from agent.doors.serving.pages import Pages
from agent.doors.serving.people import anybody_decides, person_of
from agent.doors.serving.streams import EventStream, Streams, number
from agent.doors.serving.wishes import Wish, Wishes, Word
from agent.policy import Policy, PolicyError
from agent.report.page_html import Viewer, asset, render_message
from agent.settings import Settings

_log = logging.getLogger(__name__)

_NOT_COUNTED: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such investigation"},
    409: {"model": Problem, "description": "The answer does not count: decided, expired, shown already or changed"},
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "id, event and data of each; the last is `ended`"},
    204: {"description": "It has ended, and all was told"},
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RETRY_SECONDS = "15"


def add_investigations(app: FastAPI, settings: Settings, token: str | None, on_ready: Callable[[], None]) -> None:
    """Add the routes. ``token`` is the server's, which is nobody's; ``on_ready`` is told when an answer lets one go on."""
    approvals = Approvals(settings)
    pages, streams = Pages(settings, approvals), Streams(settings.home)
    answers = Answers(approvals, pages, settings.server.public_url, on_ready)
    wishes = Wishes(settings, pages, on_ready)

    def viewer(request: Request) -> Viewer:
        policy = _policy(approvals)
        return Viewer(person_of(request.headers, policy, token) or "", anybody_decides(policy))

    @app.get("/investigations")
    def list_investigations(request: Request, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Response:
        """Newest first: a page for browsers, else JSON."""
        return pages.listing(wants_html(request.headers), limit, viewer(request))

    @app.get("/investigations/{id}", responses={202: {"model": Progress}, 404: _NOT_COUNTED[404], **PROBLEMS})
    def show_investigation(request: Request, id: str) -> Response:
        """The report, or how far it is: a page for browsers, else JSON. X-Investigation-Status says where it stands."""
        return pages.one(id, wants_html(request.headers), viewer(request))

    @app.get(
        "/investigations/{id}/events",
        response_class=Response,
        responses={**_STREAM, 404: _NOT_COUNTED[404], **PROBLEMS},
    )
    async def follow_investigation(request: Request, id: str, after: str = "") -> Response:
        """Server-sent events, after the number in Last-Event-ID or ``after``."""
        await run_in_threadpool(pages.summary, id)
        last = number(request.headers.get("last-event-id") or after)
        if await streams.is_over(id, last):
            return Response(status_code=204)
        if streams.full:
            said = "too many watch already: ask for the investigation itself every few seconds"
            return JSONResponse({"error": said}, 503, headers={"Retry-After": _RETRY_SECONDS})
        return EventStream(streams, id, last)

    @app.get("/investigations/{id}/approval", responses={404: _NOT_COUNTED[404], **PROBLEMS})
    def list_requests(request: Request, id: str) -> JSONResponse:
        """What is asked of people, as every door shows it, with a ticket for what you may answer."""
        return answers.listing(id, viewer(request))

    @app.post("/investigations/{id}/approval", responses={**PROBLEMS, **_NOT_COUNTED}, openapi_extra=_body(Answer))
    async def answer_request(request: Request, id: str) -> Response:
        """Approve or reject, as the person whose token is shown. A form is asked once more before it counts."""
        return await answers.take(request, id, await run_in_threadpool(viewer, request))

    @app.post("/investigations/{id}/actions", responses={**PROBLEMS, **_NOT_COUNTED}, openapi_extra=_body(Wish))
    async def ask_for_action(request: Request, id: str) -> Response:
        """Ask for an action by its name, as the person whose token is shown. Nothing runs before it is approved."""
        return await wishes.act(request, id, await run_in_threadpool(viewer, request))

    @app.post("/investigations/{id}/steering", responses={**PROBLEMS, **_NOT_COUNTED}, openapi_extra=_body(Word))
    async def take_steering(request: Request, id: str) -> Response:
        """Say which cause is wrong, as the person whose token is shown; it is weighed again without it."""
        return await wishes.steer(request, id, await run_in_threadpool(viewer, request))

    @app.get("/", include_in_schema=False)
    def go_to_listing() -> Response:
        """The front door."""
        return RedirectResponse("/investigations", 307)

    @app.get("/sign-in", include_in_schema=False)
    def sign_in(request: Request, to: str = "") -> Response:
        """Has a browser ask for a personal token, and goes back."""
        back = f"/investigations/{to}" if _ID.fullmatch(to) else "/investigations"
        if viewer(request).name:
            return RedirectResponse(back, 303)
        said = "Your browser asks for a user name, which may be anything, and a password: that is your personal token. Whoever runs this server names the variable that holds it in policy.yaml, as web_token_env of an approver."
        page = render_message("Sign in with your personal token", said, back)
        return HTMLResponse(page, 401, headers={"WWW-Authenticate": 'Basic realm="Probable Cause"'})

    @app.get("/static/{name}", include_in_schema=False)
    def give_asset(name: str) -> Response:
        """The style sheet, the script and the sign of the pages."""
        found = asset(name)
        if found is None:
            raise HTTPException(404, "there is no such file")
        return Response(found[0], media_type=found[1])


def _body(model: type[BaseModel]) -> dict[str, Any]:
    """What a route takes, as JSON or as a form, for the OpenAPI document."""
    kinds = ("application/json", "application/x-www-form-urlencoded")
    content = {kind: {"schema": model.model_json_schema()} for kind in kinds}
    return {"requestBody": {"required": True, "content": content}}


def _policy(approvals: Approvals) -> Policy:
    """As the file says now; one that cannot be used knows nobody."""
    try:
        return approvals.policy
    except PolicyError as error:
        _log.error("nobody can decide on the pages: %s", error)
        return Policy()

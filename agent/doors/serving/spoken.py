"""What a person sends from a page, and a program as JSON: read once, from our own pages only, refused in their own form."""

from typing import TypeVar

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ValidationError

from agent.doors.serving.bodies import is_form, read_form, read_json
from agent.doors.serving.people import is_foreign
from agent.report.page_html import Viewer, render_message

NOT_SIGNED_IN = "only a person can decide: show your personal token (policy.yaml: approvers, web_token_env)"

M = TypeVar("M", bound=BaseModel)


async def read_spoken(request: Request, made: type[M], public_url: str) -> tuple[M, bool]:
    """What was sent, and whether by a form. Raises ``BodyError`` and ``HTTPException``."""
    if is_foreign(request.headers, public_url):
        raise HTTPException(403, "this must be sent from this server's own pages, or by a program")
    form = is_form(request)
    raw = await read_form(request) if form else await read_json(request)
    try:
        return made.model_validate(raw), form
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise HTTPException(422, f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}") from None


def refused(title: str, said: str, status: int, form: bool, id: str, viewer: Viewer) -> Response:
    """A page for who used one, JSON for a program."""
    if not form:
        return JSONResponse({"error": said}, status)
    # It may begin with a name, which has its own first letter.
    told = f"Refused: {said.rstrip('.')}. Nothing was decided by it."
    return HTMLResponse(render_message(title, told, f"/investigations/{id}", viewer), status)

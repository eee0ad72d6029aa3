"""The shapes of the answers, for the OpenAPI document, and the errors as answers."""

import math
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from agent.alerts import AlertError
from agent.doors.serving.bodies import BodyError
from agent.firings import Overloaded
from agent.ledger_database import LedgerError
from agent.senders.authentication import Replayed
from agent.senders.pace import TooFast
from agent.senders.signatures import Forged
from tools.change_feeds.event_errors import ChangeEventError

_RETRY_SECONDS = "15"


class Taken(BaseModel):
    """Answer to a notification. ``id`` is null where something ended that nobody had told of.

    ``unread`` names alerts that could not be read.
    """

    id: str | None
    url: str | None
    status: str
    duplicate: bool = False
    unread: tuple[str, ...] = ()


class Counted(BaseModel):
    """Answer to posted changes: how many were read, and how many of them were new."""

    accepted: int
    new: int


class Progress(BaseModel):
    """An investigation without a report: ``stage`` is the last that began."""

    id: str
    status: str
    stage: str | None


class Problem(BaseModel):
    """Why a request was not answered as asked."""

    error: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": said}
    for status, said in (
        (400, "The body is no JSON, or tells of nothing that is taken here"),
        (401, "The token, the login or the signature is missing, old or wrong"),
        (403, "Asked by a foreign name, without a token"),
        (408, "The body did not arrive"),
        (409, "This very delivery was taken already"),
        (413, "The body is too large"),
        (415, "The body is not JSON by its content type"),
        (422, "A value is missing or cannot be read"),
        (429, "Many wrong tokens were shown here, and this one is wrong too"),
        (503, "Try again after Retry-After seconds: too many wait or come at once, or the ledger cannot be written"),
    )
}
BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": ["object", "array"]}}}}
}


def tell_errors(app: FastAPI, refused: Callable[[str, int], None]) -> None:
    """Errors as JSON sentences; ``refused`` is told the method and the status of each."""

    def answer(request: Request, status: int, said: str, retry: str = "") -> JSONResponse:
        refused(request.method, status)
        return JSONResponse({"error": said}, status, headers={"Retry-After": retry} if retry else None)

    @app.exception_handler(BodyError)
    def _(request: Request, error: BodyError) -> JSONResponse:
        return answer(request, error.status, str(error))

    @app.exception_handler(AlertError)
    def _(request: Request, error: AlertError) -> JSONResponse:
        return answer(request, 422, str(error))

    @app.exception_handler(ChangeEventError)
    def _(request: Request, error: ChangeEventError) -> JSONResponse:
        return answer(request, 400, str(error))

    @app.exception_handler(RequestValidationError)
    def _(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return answer(request, 422, f"{first['loc'][-1]}: {first['msg']}")

    @app.exception_handler(Overloaded)
    def _(request: Request, error: Overloaded) -> JSONResponse:
        return answer(request, 503, f"{error}; nothing was taken, send it again", retry=_RETRY_SECONDS)

    @app.exception_handler(TooFast)
    def _(request: Request, error: TooFast) -> JSONResponse:
        return answer(request, 503, f"{error}; nothing was taken, send it again", retry=str(math.ceil(error.seconds)))

    @app.exception_handler(Forged)
    def _(request: Request, error: Forged) -> JSONResponse:
        return answer(request, 409 if isinstance(error, Replayed) else 401, str(error))

    @app.exception_handler(LedgerError)
    def _(request: Request, error: LedgerError) -> JSONResponse:
        return answer(request, 503, str(error), retry=_RETRY_SECONDS)

    @app.exception_handler(HTTPException)
    def _(request: Request, error: HTTPException) -> JSONResponse:
        return answer(request, error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    def _(request: Request, error: Exception) -> JSONResponse:
        # The server logs it with its traceback; its text could hold anything.
        return answer(request, 500, f"{type(error).__name__}: this is a fault of ours; the server's log tells more")

"""What a person tells an investigation from its page: which cause is wrong, and which action they want asked for."""

import asyncio
from collections.abc import Callable

from fastapi import Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from agent.asking import REFUSALS, CannotAsk, ask_for
from agent.doors.asking import told
from agent.doors.serving.pages import DOOR, Pages
from agent.doors.serving.spoken import NOT_SIGNED_IN, read_spoken, refused
from agent.report.page_html import Viewer
from agent.report.text import inert
from agent.settings import Settings
from agent.steering import steer


class Wish(BaseModel):
    """An action by its name (``undo`` is the way back), and the service to touch; by default the one that is blamed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: str = Field(min_length=1, max_length=100)
    service: str = Field(default="", max_length=253)


class Word(BaseModel):
    """``hypothesis`` is the id of a cause that is wrong, as it was shown ("H2"); "" where there is only something to note."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hypothesis: str = Field(default="", max_length=10)
    text: str = Field(default="", max_length=1_000)


class Wishes:
    """``on_ready`` is told when an investigation can go on."""

    def __init__(self, settings: Settings, pages: Pages, on_ready: Callable[[], None]) -> None:
        self._settings, self._pages, self._on_ready = settings, pages, on_ready

    async def act(self, request: Request, id: str, viewer: Viewer) -> Response:
        """Ask for an action; it is approved like any other. Raises ``BodyError`` and ``HTTPException``."""
        wish, form = await read_spoken(request, Wish, self._settings.server.public_url)
        return await self._done(id, viewer, form, "This cannot be asked for", lambda: self._ask(id, wish, viewer))

    async def steer(self, request: Request, id: str, viewer: Viewer) -> Response:
        """Note what somebody says of the causes. Raises ``BodyError`` and ``HTTPException``."""
        word, form = await read_spoken(request, Word, self._settings.server.public_url)
        return await self._done(id, viewer, form, "This was not noted", lambda: self._steer(id, word, viewer))

    async def _done(
        self, id: str, viewer: Viewer, form: bool, title: str, work: Callable[[], dict[str, object]]
    ) -> Response:
        await run_in_threadpool(self._pages.summary, id)
        if not viewer.name:
            return refused(title, NOT_SIGNED_IN, 403, form, id, viewer)
        try:
            found = await run_in_threadpool(work)
        except (*REFUSALS, ValueError) as error:
            return refused(title, inert(str(error)), 409, form, id, viewer)
        self._on_ready()
        return RedirectResponse(f"/investigations/{id}", 303) if form else JSONResponse(found)

    def _ask(self, id: str, wish: Wish, viewer: Viewer) -> dict[str, object]:
        asking = ask_for(id, wish.action, self._settings, f"{DOOR}:{viewer.name}", service=wish.service)
        action = asyncio.run(asking)
        if lines := told(action):
            raise CannotAsk(" ".join(lines))
        return {"request": action.request_id, "action": action.name, "target": action.target}

    def _steer(self, id: str, word: Word, viewer: Viewer) -> dict[str, object]:
        if not word.hypothesis and not word.text.strip():
            raise ValueError("say which cause is wrong, or what to keep in mind")
        excluded = (word.hypothesis.upper(),) if word.hypothesis else ()
        by = f"{DOOR}:{viewer.name}"
        return {"excluded": steer(self._settings.home, id, by, inert(word.text, 1_000), excluded)}

"""The HTTP door: alerts and changes in, investigations and reports out.

An alert is answered once it is committed; the work is done beside, and what was not done is found again at the start.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from agent.backends import Backends
from agent.change_store import ChangeStore
from agent.doors.serving.answers import BODY, PROBLEMS, Counted, tell_errors
from agent.doors.serving.bodies import read_json
from agent.doors.serving.gate import Gate, is_this_machine
from agent.doors.serving.investigations import add_investigations
from agent.doors.serving.meters import CONTENT_TYPE, Meters
from agent.doors.serving.readiness import unready
from agent.doors.serving.webhooks import add_webhooks, webhook_path
from agent.doors.slack import EVENTS_PATH, slack_routes
from agent.firings import Firings
from agent.intake import MOST_WAITING, Intake
from agent.senders.authentication import proofs
from agent.settings import Settings, SettingsError
from agent.sources import Source
from agent.state import Alert
from agent.workers import Workers
from tools.change_feeds.events import parse_change_event

_STOP_SECONDS = 4.0  # for running investigations, and as long again for open requests
_MOST_CONNECTIONS = 500


def live(_: Alert) -> Source:
    """The live systems of the settings, whatever the alert."""
    return Source(kind="live")


def serve(settings: Settings) -> None:
    """Listen until SIGTERM or SIGINT. Raises ``SettingsError`` for an open address without a token."""
    server, token = settings.server, settings.server.token
    if token is None and not is_this_machine(server.host):
        raise SettingsError(
            f"without a token the server listens on this machine only, not on {server.host!r}: "
            f"set the environment variable {server.token_env}, or use server.host 127.0.0.1"
        )
    app = build_app(settings, Backends(settings), token.get_secret_value() if token else None)
    uvicorn.run(
        app, host=server.host, port=server.port, access_log=False, server_header=False, proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS, timeout_graceful_shutdown=int(_STOP_SECONDS),
    )  # fmt: skip


def build_app(
    settings: Settings, backends: Backends, token: str | None, source_of: Callable[[Alert], Source] = live,
    most_waiting: int = MOST_WAITING,
) -> FastAPI:  # fmt: skip
    """The application; its workers run while its lifespan does. Opens the ledger, raises ``LedgerError``."""
    meters = Meters(settings.home)
    workers = Workers(settings, backends, settings.server.at_once, meters.ended)
    intake = Intake(settings, source_of, workers.wake, most_waiting)
    proven = proofs(settings.senders)
    store, firings = ChangeStore(settings.home), Firings(settings.home)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        workers.start()
        if slack is not None:
            slack.start_later()
        yield
        if slack is not None:
            await slack.stop()
        await asyncio.to_thread(workers.stop, _STOP_SECONDS)

    app = FastAPI(
        title="Probable Cause",
        version=version("probable-cause"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    slack = slack_routes(app, settings, backends, intake, workers)
    # Slack signs what it sends, and so do senders for whom that is set.
    signed = {*map(webhook_path, proven), *(() if slack is None else (EVENTS_PATH,))}
    app.add_middleware(Gate, token=token, policy=settings.policy, proven=frozenset(signed))
    tell_errors(app, meters.refuse)
    add_webhooks(app, settings.senders, proven, intake, meters)
    add_investigations(app, settings, token, workers.wake)

    @app.post("/changes", status_code=202, response_model=Counted, responses=PROBLEMS, openapi_extra=BODY)
    async def take_changes(request: Request) -> JSONResponse:
        """Deploys, commits, flags and settings, as CloudEvents, CDEvents, flag webhooks or in our own form."""
        changes = parse_change_event(await read_json(request), request.headers)
        new = await run_in_threadpool(store.add, changes)
        meters.changes.inc(len(changes))
        return JSONResponse({"accepted": len(changes), "new": new}, 202)

    @app.get("/healthz")
    async def tell_health() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {}})
    def tell_readiness() -> JSONResponse:
        """An alert can be taken: the ledger can be written, the disk has room, the workers run."""
        reasons = unready(settings.home, workers)
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    @app.get("/metrics", response_class=Response)
    def tell_metrics() -> Response:
        """Prometheus' text format."""
        return Response(meters.page(workers.running, firings.waiting()), headers={"Content-Type": CONTENT_TYPE})

    return app

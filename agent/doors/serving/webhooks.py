"""``POST /webhook/SENDER``: who sends is proven over the raw body, then it is read, committed, and only then answered."""

import time
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from agent.alerts import AlertError
from agent.doors.serving.answers import BODY, PROBLEMS, Taken
from agent.doors.serving.bodies import decode_json, read_body
from agent.doors.serving.meters import Meters
from agent.intake import Intake, Receipt
from agent.senders.authentication import Proof
from agent.senders.pace import Pace, TooFast
from agent.senders.reading import read_delivery
from agent.senders.settings import SenderName, Senders
from agent.senders.signatures import Forged

_TITLES = {
    SenderName.ALERTMANAGER: "Alertmanager's webhook, version 4.",
    SenderName.GRAFANA: "Grafana's webhook contact point (unified alerting).",
    SenderName.PAGERDUTY: "PagerDuty's webhook, version 3.",
    SenderName.CLOUDEVENTS: "CloudEvents 1.0 about alerts: structured, binary or in a batch.",
    SenderName.GENERIC: "Any JSON, read as senders.generic.mapping in the settings says.",
}


def webhook_path(name: SenderName) -> str:
    """Where a sender posts."""
    return f"/webhook/{name.value}"


def add_webhooks(
    app: FastAPI, senders: Senders, proofs: Mapping[SenderName, Proof], intake: Intake, meters: Meters
) -> None:
    """Add a route for each sender. One without a proof of its own has shown the server's token at the gate."""
    for name in SenderName:
        _add(app, name, senders, proofs.get(name), intake, meters)


def _add(app: FastAPI, name: SenderName, senders: Senders, proof: Proof | None, intake: Intake, meters: Meters) -> None:
    sender = senders.of(name)
    pace = Pace(sender.per_second, sender.burst)

    def take(body: bytes, headers: Mapping[str, str]) -> Receipt:
        return intake.take(read_delivery(name, decode_json(body), headers, senders, time.time()))

    async def take_delivery(request: Request) -> JSONResponse:
        headers = _headers(request.headers)
        try:
            if proof is not None:
                proof.check_headers(headers)
            body = await read_body(request)
            if proof is not None:
                proof.check(headers, body)
            pace.take()  # after the proof: strangers use up nobody's room
            receipt = await run_in_threadpool(take, body, headers)
        except (Forged, TooFast, AlertError) as error:
            kind = {Forged: "forged", TooFast: "too_fast"}
            meters.turn_away(
                name.value, next((said for of, said in kind.items() if isinstance(error, of)), "unreadable")
            )
            raise
        if proof is not None:
            proof.taken(headers)
        meters.count(receipt, name.value)
        return _taken(receipt, str(request.base_url))

    app.post(
        webhook_path(name), status_code=202, response_model=Taken, responses={200: {"model": Taken}, **PROBLEMS},
        openapi_extra=BODY, name=f"take_{name.value}", operation_id=f"take_{name.value}",
        description=f"{_TITLES[name]} Answered after the commit: 202 where something fires, 200 where all has ended.",
    )(take_delivery)  # fmt: skip


def _headers(headers: Headers) -> dict[str, str]:
    """By name in lower case. One that comes twice is neither: two readers could each believe another."""
    found: dict[str, str] = {}
    for key, value in headers.items():
        found[key] = "" if key in found else value
    return found


def _taken(receipt: Receipt, base_url: str) -> JSONResponse:
    path = f"/investigations/{receipt.id}" if receipt.id else None
    answer = Taken(
        id=receipt.id or None,
        url=base_url.rstrip("/") + path if path else None,
        status=receipt.status,
        duplicate=receipt.duplicate,
        unread=receipt.unread,
    )
    return JSONResponse(
        answer.model_dump(), 202 if receipt.firing else 200, headers={"Location": path} if path else None
    )

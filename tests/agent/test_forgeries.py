"""Each sender against each way to forge a delivery: nothing is accepted, nothing makes the server fail."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from httpx import ASGITransport, AsyncClient

from agent.backends import Backends
from agent.doors.server import build_app
from agent.doors.serving.bodies import MOST_BYTES
from agent.ledger import Ledger
from agent.settings import Settings, SettingsError
from tests.sending import KEYS, PROVING, SENDINGS, Sending, hexed

SERVER_TOKEN = "the-token-of-the-server"
Delivery = tuple[list[tuple[str, str | bytes]], bytes]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def asking(settings: Settings, token: str | None = SERVER_TOKEN) -> AsyncIterator[AsyncClient]:
    proving = settings.model_copy(update={"senders": PROVING})
    app = build_app(proving, Backends(proving), token)
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://alerts.example") as client:
        yield client


def true(one: Sending, body: bytes | None = None, **more: object) -> dict[str, str]:
    return one.sign(one.body if body is None else body, **more)


def changed(one: Sending, change: Callable[[str], str | bytes]) -> Delivery:
    headers: list[tuple[str, str | bytes]] = list(true(one).items())
    return [(name, change(str(value)) if name in one.proof else value) for name, value in headers], one.body


def without(one: Sending) -> Delivery:
    return [(name, value) for name, value in true(one).items() if name not in one.proof], one.body


def flipped(text: str) -> str:
    head, tail = text[:-12], text[-12:]
    return head + tail.translate(str.maketrans("0123456789abcdefABCDEF", "123456789abcdef0BCDEFA"))


def stale(one: Sending) -> Delivery:
    """An old time that was signed; where no time is signed, a signature of something old."""
    old = true(one, at=time.time() - 301) if one.timed else true(one, b'{"event": "of yesterday"}')
    if one.name == "alertmanager":
        old = {**old, "Authorization": "Bearer key-of-alertmanager-until-yesterday"}
    return list(old.items()), one.body


def other_body(one: Sending) -> Delivery:
    headers, body = list(true(one).items()), one.body.replace(b"checkout", b"payments")
    return (headers, body) if one.name != "alertmanager" else ([(n, v) for n, v in headers if n not in one.proof], body)


def of_other_scheme(one: Sending) -> Delivery:
    key = next(value for name, value in KEYS.items() if one.name[:5].upper() in name or one.name[5:].upper() in name)
    shown = {
        "Authorization": f"Basic {key}", "X-Signature": hexed(key, one.body), "X-Hub-Signature": f"sha1={hexed(key, one.body)}",
        "X-Slack-Signature": f"v0={hexed(key, one.body)}",
    }  # fmt: skip
    return [*without(one)[0], *shown.items()], one.body


def truly(one: Sending, body: bytes, **headers: str) -> Delivery:
    return list({**true(one, body), **headers}.items()), body


FORGERIES: dict[str, Callable[[Sending], Delivery]] = {
    "nothing is shown": without,
    "what is shown is empty": lambda one: changed(one, lambda _: ""),
    "the signature is wrong": lambda one: changed(one, flipped),
    "the signature is cut short": lambda one: changed(one, lambda text: text[: len(text) // 2]),
    "the signature is of long ago": stale,
    "the time is of tomorrow": lambda one: (list(true(one, at=time.time() + 90_000).items()), one.body) if one.timed else changed(one, str.swapcase),
    "the body is another": other_body,
    "the key is another sender's": lambda one: (list(true(one, key="key-of-somebody-else").items()), one.body),
    "the server's token is shown instead": lambda one: ([*without(one)[0], ("Authorization", f"Bearer {SERVER_TOKEN}")], one.body),
    "the body is not UTF-8": lambda one: truly(one, b'\xff\xfe{"alerts": "\xc3\x28"}'),
    "the header is not ASCII": lambda one: changed(one, lambda text: text.encode() + "é💥".encode()),
    "the body is huge": lambda one: truly(one, b" " * (MOST_BYTES + 1)),
    "the body is empty": lambda one: truly(one, b""),
    "the content type is a form's": lambda one: truly(one, one.body, **{"Content-Type": "text/plain"}),
    "the body is compressed": lambda one: truly(one, one.body, **{"Content-Encoding": "gzip"}),
    "the scheme is another": of_other_scheme,
    "two are shown": lambda one: ([*true(one).items(), *((name, "v1=00") for name in one.proof)], one.body),
    "the header is very long": lambda one: changed(one, lambda _: "v1=00," * 10_000),
    "the body is no alert": lambda one: truly(one, b"[[[[7]]]]"),
}  # fmt: skip


@pytest.mark.parametrize("one", SENDINGS, ids=lambda one: one.name)
@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_delivery_is_not_taken(settings: Settings, one: Sending, forgery: str):
    headers, body = FORGERIES[forgery](one)
    async with asking(settings) as client:
        answer = await client.post(one.path, content=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert len(answer.json()["error"]) > 10
    assert not [key for key in KEYS.values() if key in answer.text]
    assert Ledger(settings.home).investigations() == []


@pytest.mark.parametrize("one", SENDINGS, ids=lambda one: one.name)
async def test_a_delivery_that_is_played_again_changes_nothing(settings: Settings, one: Sending):
    headers = true(one)
    async with asking(settings) as client:
        first = await client.post(one.path, content=one.body, headers=headers)
        again = [await client.post(one.path, content=one.body, headers=headers) for _ in range(3)]
        anew = await client.post(one.path, content=one.body, headers=true(one, at=time.time() + 1))
        metrics = (await client.get("/metrics", headers={"Authorization": f"Bearer {SERVER_TOKEN}"})).text
    assert first.status_code == 202
    assert {answer.status_code for answer in again} == ({409} if one.numbered else {202})
    assert (anew.json()["id"], anew.json()["duplicate"]) == (first.json()["id"], True)
    assert len(Ledger(settings.home).investigations()) == 1
    assert f'pcause_webhook_deliveries_total{{outcome="accepted",sender="{one.name}"}} 1.0' in metrics


@pytest.mark.parametrize("one", SENDINGS, ids=lambda one: one.name)
async def test_a_sender_with_a_key_needs_no_token_of_the_server(settings: Settings, one: Sending):
    async with asking(settings, token=None) as client:
        answer = await client.post(one.path, content=one.body, headers=true(one))
        listed = await client.get("/investigations")
    assert answer.status_code == 202
    assert listed.status_code == 403, "the rest is for this machine only"


@pytest.mark.parametrize("one", SENDINGS, ids=lambda one: one.name)
async def test_a_sender_without_a_key_shows_the_token_of_the_server(settings: Settings, one: Sending):
    mapping = PROVING.generic.mapping
    senders = PROVING.model_copy(
        update={
            name: type(sender)(**({"mapping": mapping} if name == "generic" else {}))
            for name, sender in PROVING
            if name not in ("storm_seconds", "hops", "calls")
        }
    )
    bare = settings.model_copy(update={"senders": senders})
    app = build_app(bare, Backends(bare), SERVER_TOKEN)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://alerts.example") as client:
        kind = {"Content-Type": true(one)["Content-Type"]}
        refused = await client.post(one.path, content=one.body, headers={**true(one), "Authorization": ""})
        shown = {**kind, "Authorization": f"Bearer {SERVER_TOKEN}"}
        taken = await client.post(one.path, content=one.body, headers=shown)
    assert (refused.status_code, taken.status_code) == (401, 202)


async def test_a_login_is_a_proof_too(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("T_LOGIN", "pässword")
    one = SENDINGS[0]
    senders = {"alertmanager": {"username": "am", "password_env": "T_LOGIN"}}
    held = settings.model_copy(update={"senders": PROVING.model_validate(senders)})
    app = build_app(held, Backends(held), SERVER_TOKEN)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://alerts.example") as client:
        tries = [("am", "pässword"), ("am", "password"), ("", "pässword"), ("am", "")]
        answers = [await client.post(one.path, json=one.firing, auth=login) for login in tries]
        bare = await client.post(one.path, json=one.firing, headers={"Authorization": "Basic"})
    assert [answer.status_code for answer in (*answers, bare)] == [202, 401, 401, 401, 401]


def test_a_key_that_is_not_there_stops_the_start(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    held = settings.model_copy(update={"senders": PROVING})
    monkeypatch.delenv("T_PAGERDUTY")
    with pytest.raises(SettingsError, match=r"senders\.pagerduty\.secret_env names .* T_PAGERDUTY"):
        build_app(held, Backends(held), None)
    monkeypatch.setenv("T_PAGERDUTY", "key")
    monkeypatch.setenv("T_EVENTS", "whsec_!!!")
    with pytest.raises(SettingsError, match="no base64"):
        build_app(held, Backends(held), None)


@pytest.mark.parametrize("one", SENDINGS, ids=lambda one: one.name)
async def test_no_bytes_make_the_server_fail(settings: Settings, one: Sending):
    odd: list[object] = [
        None,
        7,
        "x",
        [],
        {},
        [None],
        {"alerts": [None]},
        {"event": {"event_type": "incident.triggered"}},
    ]
    odd += [
        {"event": {"event_type": "incident.resolved", "data": {"id": "\x00", "created_at": -5}}},
        {"items": {"a": 1}},
    ]
    odd += [
        {"type": "x.fired", "data": {"labels": [1], "time": "never", "name": {"a": 1}}},
        {"items": [{"rule": ["x"]}]},
    ]
    odd += [
        {"type": "dev.cdevents.incident.detected.0.3.0", "data": {"context": {}, "subject": {"id": 5, "content": 7}}}
    ]
    odd += [
        {"type": "x", "data_base64": "é"},
        {"type": "x", "data": "{"},
        {"alerts": [{"labels": {}, "startsAt": NAN}]},
    ]
    bodies = [json.dumps(value).encode() for value in odd] + [b"{" * 5_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"NaN"]
    async with asking(settings) as client:
        for number, body in enumerate(bodies):
            more = {"id": f"m{number}"} if one.numbered else {}
            answer = await client.post(one.path, content=body, headers=true(one, body, **more))
            assert answer.status_code < 500, (body[:80], answer.text)


NAN = "nan"

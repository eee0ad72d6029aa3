"""A signature covers all that decides what is done: time, method, address, key and body."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.signed_double import SECRET, Signed
from tests.tools.actions.http_cases import ARGUMENTS, KEY, action
from tools.actions.sending import Sender
from tools.http.connection import Connection

DOCUMENTED = Path(__file__).resolve().parents[3] / "docs" / "actions.md"


@pytest.fixture
def is_ours() -> Callable[..., bool]:
    """The check that the documentation gives to others."""
    code = DOCUMENTED.read_text().partition("```python\n")[2].partition("```")[0]
    space: dict[str, Any] = {}
    exec(code, space)
    found: Callable[..., bool] = space["is_ours"]
    return found


def test_the_documented_check_takes_what_we_send_and_nothing_else(double: Signed, is_ours: Callable[..., bool]):
    action(double.url).run(ARGUMENTS, KEY)
    (method, target, _, headers), body = double.requests[0], double.bodies[0]
    secret = SECRET.encode()
    assert is_ours(secret, method, target, headers, body)
    later = {**headers, "X-PCause-Timestamp": str(int(headers["X-PCause-Timestamp"]) + 1)}
    for forged in (
        (b"another", method, target, headers, body),
        (secret, "PUT", target, headers, body),
        (secret, method, target.replace("/store/", "/front/"), headers, body),
        (secret, method, target.partition("?")[0], headers, body),
        (secret, method, target, {**headers, "Idempotency-Key": "b" * 32}, body),
        (secret, method, target, {name: value for name, value in headers.items() if name != "Idempotency-Key"}, body),
        (secret, method, target, later, body),
        (secret, method, target, {**headers, "X-PCause-Signature": headers["X-PCause-Signature"][3:]}, body),
        (secret, method, target, headers, body + b" "),
        (secret, method, target + "\n", headers, body),
    ):
        assert not is_ours(*forged), forged


@pytest.mark.parametrize("text", ["9" * 5000, "now", "-1", "", "1" + "\u0660" * 9])
def test_the_documented_check_bears_any_time(is_ours: Callable[..., bool], text: str):
    assert not is_ours(b"x", "POST", "/", {"X-PCause-Timestamp": text, "X-PCause-Signature": "v2=ä"}, b"")


def test_what_is_old_is_refused(double: Signed, is_ours: Callable[..., bool]):
    old = time.time() - 301
    Sender(Connection(name="d", url=double.url), SecretStr(SECRET), now=lambda: old).send("POST", f"{double.url}/x")
    assert (double.requests, double.refused) == ([], 1)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a%2fb",
        "/a%2Fb?x=%7e",
        "/~a/%7Eb",
        "/a//b",
        "/a?b",
        "/a?",
        "/ä",
        "/a;b=c",
        "/a?b=c&d=%20",
        "/[a]",
        "/a|b?c=|",
    ],
)
def test_the_address_is_signed_as_it_is_sent(double: Signed, path: str):
    sender = Sender(Connection(name="d", url=double.url), SecretStr(SECRET))
    sender.send("POST", f"{double.url}{path}", {"a": 1}, KEY)
    assert (len(double.requests), double.refused) == (1, 0)

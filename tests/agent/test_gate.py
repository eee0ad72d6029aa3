"""Wrong tokens at the gate: cheap to refuse, counted, and no hindrance for who shows a right one."""

from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from agent import policy
from agent.doors.serving.gate import Gate
from agent.doors.serving.guesses import Guesses
from tests.agent.test_policy_file import settle

SHARED, ANN = "the-server's-own-token", "ann-" + "a" * 24


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("PCAUSE_TOKEN_ANN", ANN)
    path = tmp_path / "policy.yaml"
    path.write_text("approvers: [{name: ann, web_token_env: PCAUSE_TOKEN_ANN}]")
    settle(path)
    return TestClient(Gate(PlainTextResponse("in"), SHARED, path))


def status(client: TestClient, token: str) -> int:
    return client.get("/", headers={"Authorization": f"Bearer {token}"}).status_code


def test_the_tenth_and_more_wrong_tokens_are_asked_to_wait_and_right_ones_pass(client: TestClient):
    assert [status(client, f"guess-number-{n:06d}") for n in range(12)] == [401] * 10 + [429] * 2
    told = client.get("/", headers={"Authorization": "Bearer guess-number-x"})
    assert 1 <= int(told.headers["Retry-After"]) <= 60
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert (status(client, ANN), status(client, SHARED)) == (200, 200)
    assert client.get("/").status_code == 401, "who shows nothing guesses nothing"
    assert client.get("/healthz").status_code == 200


def test_many_wrong_tokens_have_the_policy_read_once(client: TestClient):
    read_before = policy._read_once.cache_info().misses
    assert {status(client, f"guess-number-{n:06d}") for n in range(50)} == {401, 429}
    assert policy._read_once.cache_info().misses - read_before == 1


def test_guesses_are_forgotten_after_a_minute(caplog: pytest.LogCaptureFixture):
    now = [0.0]
    guesses = Guesses(lambda: now[0])
    assert [guesses.wrong() for _ in range(11)] == [0] * 10 + [60]
    now[0] = 59.5
    assert guesses.wrong() == 1
    now[0] = 60.0
    assert guesses.wrong() == 0
    assert caplog.text.count("somebody may be guessing") == 1

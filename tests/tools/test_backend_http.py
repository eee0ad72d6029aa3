"""Every call to a live system goes through one adapter: what it refuses, and what it leaves alone."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr, ValidationError

from evals.faulty_proxy import FaultyProxy, Sickness
from tools.http.connection import Connection
from tools.http.errors import BackendError, CircuitOpen, NoAnswer, Refusal
from tools.http.fetch import json_fetcher
from tools.http.guard import Guard


class _Upstream(http.server.BaseHTTPRequestHandler):
    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        type(self).seen.append({name.lower(): value for name, value in self.headers.items()})
        body = json.dumps({"status": "success", "data": {"values": [[1, "2"], [2, "3"]]}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def upstream() -> Iterator[tuple[int, list[dict[str, str]]]]:
    handler = type("Handler", (_Upstream,), {"seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1], handler.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(url: str, timeout_seconds: float = 0.5, most_bytes: int = 1_000_000, **more: object) -> object:
    connection = Connection(name="Metrics", url=url, timeout_seconds=timeout_seconds, most_bytes=most_bytes, **more)
    guard = Guard("Metrics", connection.at_once, timeout_seconds, sleep=lambda _: None)
    return json_fetcher(connection, guard)("/api", {"query": 'a"b'})


@pytest.mark.parametrize(
    ("sickness", "error", "says"),
    [
        (Sickness.REFUSED, Refusal, "refused"),
        (Sickness.DNS, Refusal, "cannot be reached"),
        (Sickness.HANG, NoAnswer, "within 0.5 s"),
        (Sickness.TRICKLE, NoAnswer, "within 0.5 s"),
        (Sickness.RESET, Refusal, "cannot be reached"),
        (Sickness.TRUNCATED, BackendError, "JSON"),
        (Sickness.HTML, BackendError, "login page"),
        (Sickness.STATUS_401, BackendError, "token_env"),
        (Sickness.STATUS_403, BackendError, "read access"),
        (Sickness.STATUS_404, BackendError, "404"),
        (Sickness.STATUS_429, Refusal, "429"),
        (Sickness.STATUS_500, Refusal, "500"),
        (Sickness.STATUS_503, Refusal, "503: slow down"),
        (Sickness.BIG, BackendError, "more than 1 MB"),
        (Sickness.REDIRECT, BackendError, "not followed"),
    ],
)
def test_a_sick_answer_is_an_error_that_names_the_problem(
    sickness: Sickness, error: type[BackendError], says: str
) -> None:
    with upstream() as (port, _), FaultyProxy(port, sickness) as proxy, pytest.raises(error, match=says):
        asked(proxy.address)


def test_a_healthy_answer_passes_through_the_proxy_unchanged() -> None:
    with upstream() as (port, _), FaultyProxy(port, Sickness.NONE) as proxy:
        assert asked(proxy.address) == {"status": "success", "data": {"values": [[1, "2"], [2, "3"]]}}


def test_credentials_and_tenant_go_with_every_call() -> None:
    with upstream() as (port, seen):
        address = f"http://127.0.0.1:{port}"
        asked(address, token=SecretStr("s3cret"), headers={"X-Scope-OrgID": "shop"})
        asked(address, username="me", password=SecretStr("pw"))
    assert seen[0]["authorization"] == "Bearer s3cret"
    assert seen[0]["x-scope-orgid"] == "shop"
    assert seen[1]["authorization"].startswith("Basic ")


def test_a_secret_is_in_no_printed_form_of_a_connection() -> None:
    connection = Connection(name="Metrics", url="http://m:9090", token=SecretStr("s3cret"))
    assert "s3cret" not in f"{connection!r} {connection} {connection.model_dump_json()}"


@pytest.mark.parametrize(
    "url", ["", "m:9090", "ftp://m", "http://", "http://me:pw@m:9090", "http://[::1", "file:///etc/passwd"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Connection(name="Metrics", url=url)


@pytest.mark.parametrize("url", ["me:hunter2@m:9090", "http://me:hunter2@m:9090", "http://m:hunter2", "ftp://hunter2"])
def test_a_refused_address_is_not_repeated(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Connection(name="Metrics", url=url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "secret", [{"token": "hunter2\n"}, {"username": "me", "password": "hunter2\x00"}, {"headers": {"X-Key": "hunter2\r"}}, {"token": "hunter2\u20ac"}]
)  # fmt: skip
def test_a_secret_that_no_header_can_carry_is_refused_and_not_repeated(secret: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="no header can carry") as refused:
        Connection(name="Metrics", url="http://m:9090", **secret)
    assert "hunter2" not in str(refused.value)


def test_what_a_client_says_of_a_header_is_not_passed_on() -> None:
    connection = Connection.model_construct(
        **dict(Connection(name="Metrics", url="http://m:9090"), token=SecretStr("hunter2\n"))
    )
    with pytest.raises(BackendError, match="InvalidHeader") as refused:
        json_fetcher(connection, Guard("Metrics", 1, 1.0))("/api", {})
    assert "hunter2" not in f"{refused.value!r}"
    assert refused.value.__suppress_context__


class _Clock:
    def __init__(self) -> None:
        self.now, self.pauses = 0.0, []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_a_refusal_is_tried_again_after_the_time_that_was_asked_for() -> None:
    clock, answers = _Clock(), [Refusal("busy", 2.0), Refusal("busy"), None]
    guard = Guard("Metrics", 1, 10.0, clock, clock.sleep)

    def call() -> str:
        problem = answers.pop(0)
        if problem is not None:
            raise problem
        return "fine"

    assert guard.run(call) == "fine"
    assert clock.pauses == [2.0, 0.5]
    assert guard.strained


def test_a_long_retry_after_is_not_waited_for() -> None:
    clock = _Clock()
    guard = Guard("Metrics", 1, 10.0, clock, clock.sleep)
    with pytest.raises(Refusal):
        guard.run(_raising(Refusal("busy", 600.0)))
    assert clock.pauses == []


def test_three_strikes_open_the_circuit_and_one_probe_closes_it() -> None:
    clock, made = _Clock(), []
    guard = Guard("Metrics", 1, 10.0, clock, clock.sleep)
    for _ in range(3):
        with pytest.raises(BackendError):
            guard.run(_raising(BackendError("nonsense")))
    with pytest.raises(CircuitOpen, match="nonsense"):
        guard.run(lambda: made.append(1))
    clock.now += 31.0
    guard.run(lambda: made.append(2))
    guard.run(lambda: made.append(3))
    assert made == [2, 3]


def test_a_probe_that_is_refused_names_the_new_problem_and_is_not_repeated() -> None:
    clock, made = _Clock(), []
    guard = Guard("Metrics", 1, 10.0, clock, clock.sleep)
    with pytest.raises(NoAnswer):
        guard.run(_raising(NoAnswer("hung")))
    clock.now += 31.0

    def refuse() -> None:
        made.append(1)
        raise Refusal("answered 503")

    with pytest.raises(Refusal, match="503"):
        guard.run(refuse)
    assert (made, clock.pauses) == ([1], [])
    with pytest.raises(CircuitOpen, match="503"):
        guard.run(refuse)


@pytest.mark.parametrize(("answers", "later", "strained"), [(29, 0.0, True), (30, 0.0, False), (1, 181.0, False)])
def test_trouble_is_forgotten_after_quick_answers_or_some_minutes(answers: int, later: float, strained: bool) -> None:
    clock = _Clock()
    guard = Guard("Metrics", 1, 10.0, clock, clock.sleep)
    with pytest.raises(Refusal):
        guard.run(_raising(Refusal("busy")))
    assert guard.strained
    for _ in range(answers):
        guard.run(lambda: None)
    clock.now += later
    assert guard.strained is strained


def test_one_hang_is_enough_to_leave_a_backend_alone() -> None:
    clock = _Clock()
    guard = Guard("Metrics", 1, 10.0, clock, clock.sleep)
    with pytest.raises(NoAnswer):
        guard.run(_raising(NoAnswer("hung")))
    with pytest.raises(CircuitOpen):
        guard.run(lambda: None)
    clock.now += 31.0
    with pytest.raises(NoAnswer):
        guard.run(_raising(NoAnswer("hung again")))
    with pytest.raises(CircuitOpen, match="hung again"):
        guard.run(lambda: None)


def test_no_more_calls_are_under_way_than_allowed() -> None:
    guard, together, most = Guard("Metrics", 2, 10.0), [0], [0]
    lock, gate = threading.Lock(), threading.Event()

    def call() -> None:
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
            if together[0] == 2:
                gate.set()
        gate.wait(5)
        with lock:
            together[0] -= 1

    threads = [threading.Thread(target=guard.run, args=(call,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 2


def _raising(error: Exception):
    def call() -> None:
        raise error

    return call

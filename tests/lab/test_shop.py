"""The shop as twelve real processes: visits by every route, whole traces, TLS, names, metrics and clean ends."""

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from prometheus_client.parser import text_string_to_metric_families

import evals.lab.shop
from evals.lab.shop.runtime import Runtime

SERVICES = (
    "cache features broker pricing inventory shipping catalog recommender notifications checkout storefront gateway"
).split()
SOURCE = Path(evals.lab.shop.__file__).parent.parent
LINES = [[1, 2], [5, 1], [14, 3]]
Record = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A folder, ports and certificates for services to be started with."""

    folder: Path
    sockets: dict[str, socket.socket]
    ports: dict[str, int]
    tls: dict[str, str]
    resolver_port: int

    def runtime(self, service: str) -> Runtime:
        fd = self.sockets[service].fileno()
        return Runtime(
            service, "1.0.0", "c0ffee", self.folder, fd, self.ports, self.resolver_port, self.tls, volume_bytes=200_000
        )

    def post(self, service: str, route: str, body: Record) -> tuple[int, Record]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[service], timeout=10)
        try:
            connection.request("POST", route, json.dumps(body))
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def metrics(self, service: str) -> dict[str, float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[service], timeout=10)
        try:
            connection.request("GET", "/metrics")
            families = text_string_to_metric_families(connection.getresponse().read().decode())
            return {sample.name: sample.value for family in families for sample in family.samples}
        finally:
            connection.close()

    def records(self, suffix: str) -> list[Record]:
        lines = (line for path in self.folder.glob(f"*.{suffix}.ndjson") for line in path.read_text().splitlines())
        return [json.loads(line) for line in lines]


@contextmanager
def resolver(broken: set[str]) -> Iterator[int]:
    """A DNS server that answers 127.0.0.1, or SERVFAIL for the services in ``broken``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_answer, args=(door, broken))
        thread.start()
        yield door.getsockname()[1]
        door.sendto(b"", door.getsockname())
        thread.join()


def _answer(door: socket.socket, broken: set[str]) -> None:
    while True:
        query, asker = door.recvfrom(512)
        if not query:
            return
        if query[13 : 13 + query[12]].decode() in broken:
            door.sendto(query[:2] + b"\x81\x82" + query[4:], asker)
        else:
            record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x7f\x00\x00\x01"
            door.sendto(query[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + query[12:] + record, asker)


@contextmanager
def place(folder: Path, broken: set[str]) -> Iterator[Place]:
    authority = trustme.CA()
    certificate = authority.issue_cert("shipping")
    files = {name: str(folder / f"{name}.pem") for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    certificate.cert_chain_pems[0].write_to_path(files["cert"])
    certificate.private_key_pem.write_to_path(files["key"])
    with ExitStack() as stack:
        sockets = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64)) for name in SERVICES}
        ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
        yield Place(folder, sockets, ports, files, stack.enter_context(resolver(broken)))


@contextmanager
def running(runtime: Runtime) -> Iterator[subprocess.Popen[bytes]]:
    """One service, stopped at the end by closing its standard input."""
    with (runtime.folder / f"{runtime.service}.stderr").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "shop", runtime.to_json()],
            cwd=SOURCE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=(runtime.socket_fd,),
        )
    with process:
        try:
            yield process
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    said = process.stdout.readline()
    assert said == b"ready\n", "\n".join(path.read_text() for path in folder.glob("*.stderr"))


@pytest.fixture(scope="module")
def broken() -> set[str]:
    """Services whose names do not resolve just now."""
    return set()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, broken: set[str]) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("shop"), broken) as built, ExitStack() as stack:
        processes = [stack.enter_context(running(built.runtime(service))) for service in SERVICES]
        for process in processes:
            _wait_until_ready(process, built.folder)
        yield built
        for process in processes:
            process.stdin.close()  # all at once, rather than one after the other


def _settled(shop: Place, trace_id: str, service: str) -> list[Record]:
    """The spans of a trace once it has reached ``service``, which works on it when the shopper has gone."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        spans = [span for span in shop.records("spans") if span["trace_id"].startswith(trace_id)]
        if service in {span["service"] for span in spans if span["kind"] == "CONSUMER"}:
            return spans
        time.sleep(0.05)
    raise AssertionError(f"trace {trace_id} never reached {service}")


@pytest.mark.parametrize(
    ("route", "field"),
    [("/browse", "titles"), ("/buy", "order"), ("/recommend", "goods")],
    ids=["browse", "buy", "recommend"],
)
def test_a_shopper_is_served_by_every_route(shop: Place, route: str, field: str) -> None:
    for shopper in range(2):
        status, answer = shop.post("gateway", route, {"lines": LINES, "shopper": shopper})
        assert (status, field in answer) == (200, True), answer


def test_an_order_is_one_trace_up_to_its_confirmation(shop: Place) -> None:
    _, answer = shop.post("gateway", "/buy", {"lines": LINES, "shopper": 7})
    spans = _settled(shop, answer["order"], "notifications")
    ids = {span["span_id"] for span in spans}
    assert [span["name"] for span in spans if span["parent_span_id"] not in ids] == ["POST /buy"]
    reached = {"gateway", "checkout", "pricing", "inventory", "shipping", "broker", "notifications"}
    assert {span["service"] for span in spans} == reached
    assert {span["status"]["code"] for span in spans} == {"OK"}
    kinds = {span["span_id"]: span["kind"] for span in spans}
    assert [kinds[span["parent_span_id"]] for span in spans if span["kind"] == "CONSUMER"] == ["PRODUCER"]


def test_statements_are_spans_with_their_text(shop: Place) -> None:
    shop.post("gateway", "/browse", {"lines": LINES})
    statements = {(s["service"], s["name"]) for s in shop.records("spans") if "db.query.text" in s["attributes"]}
    assert {("catalog", "SELECT catalog"), ("pricing", "SELECT pricing")} <= statements


def test_every_service_tells_its_metrics(shop: Place) -> None:
    shop.post("gateway", "/buy", {"lines": LINES})
    metrics = {service: shop.metrics(service) for service in SERVICES}
    for service in SERVICES:
        assert metrics[service]["service_info"] == 1
        assert metrics[service]["process_resident_memory_bytes"] < 60_000_000, service
    assert metrics["catalog"]["cache_hits_total"] + metrics["catalog"]["cache_misses_total"] > 0
    assert metrics["inventory"]["db_pool_max"] == 24
    assert metrics["broker"]["queue_published_messages_total"] > 0
    assert 0 < metrics["broker"]["volume_used_bytes"] < metrics["broker"]["volume_size_bytes"] == 200_000


def test_log_lines_carry_the_span_they_belong_to(shop: Place) -> None:
    shop.post("gateway", "/recommend", {"shopper": 3})
    spans = {span["span_id"] for span in shop.records("spans")}
    lines = [line for line in shop.records("logs") if line["body"].startswith("POST /recommend 200")]
    assert lines
    assert {line["span_id"] for line in lines} <= spans


def test_a_bug_is_logged_with_its_exception_and_the_service_lives_on(shop: Place) -> None:
    (shop.folder / "flags.json").write_text('{"review_stars": true}')
    try:
        assert shop.post("gateway", "/browse", {"lines": [[4, 1]]})[0] == 503
    finally:
        (shop.folder / "flags.json").unlink()
    assert shop.post("gateway", "/browse", {"lines": [[4, 1]]})[0] == 200
    line = next(line for line in shop.records("logs") if line["service"] == "storefront" and "failed" in line["body"])
    assert line["attributes"]["exception.type"] == "ZeroDivisionError"
    assert "shop/storefront.py" in line["attributes"]["exception.stacktrace"]


def test_a_name_that_does_not_resolve_fails_the_call_in_the_resolvers_words(shop: Place, broken: set[str]) -> None:
    broken.add("features")
    try:
        time.sleep(2.1)  # the answer is remembered for two seconds
        status, answer = shop.post("gateway", "/recommend", {"shopper": 1})
    finally:
        broken.clear()
    assert status == 503
    assert "could not resolve host features.shop.internal: Temporary failure in name resolution" in answer["error"]


def test_a_full_volume_refuses_orders(shop: Place) -> None:
    filler = shop.folder / "broker-volume" / "filler"
    filler.write_bytes(bytes(200_000))
    try:
        status, answer = shop.post("gateway", "/buy", {"lines": LINES})
    finally:
        filler.unlink()
    assert (status, "No space left on device" in answer["error"]) == (503, True)


def test_shipping_is_called_by_tls_only(shop: Place) -> None:
    assert shop.post("shipping", "/label", {"lines": LINES})[0] == 400


def test_an_order_that_cannot_be_rendered_holds_up_the_others(shop: Place) -> None:
    _, poison = shop.post("broker", "/publish", {"payload": {"order": "x", "cents": "12,90", "carrier": "y"}})
    _, later = shop.post("gateway", "/buy", {"lines": LINES})
    deadline = time.monotonic() + 10
    while shop.metrics("broker")["queue_redelivered_messages_total"] < 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert shop.metrics("broker")["queue_depth"] >= 2
    assert shop.post("broker", "/discard", {"ids": [poison["id"]]})[1] == {"discarded": 1}
    assert _settled(shop, later["order"], "notifications")


def test_a_changed_model_is_served_without_a_restart(shop: Place) -> None:
    (shop.folder / "model.json").write_text('{"version": "v2"}')
    try:
        assert shop.post("gateway", "/recommend", {"shopper": 1})[1]["model"] == "v2"
    finally:
        (shop.folder / "model.json").unlink()


def test_nothing_was_written_to_standard_error(shop: Place) -> None:
    shop.post("gateway", "/browse", {"lines": LINES})
    assert {path.read_text() for path in shop.folder.glob("*.stderr")} == {""}


def test_a_service_that_runs_out_of_memory_says_so_and_exits(tmp_path: Path) -> None:
    with place(tmp_path, set()) as built:
        runtime = replace(built.runtime("cache"), memory_bytes=60_000_000)
        with running(runtime) as process:
            _wait_until_ready(process, tmp_path)
            deadline, number = time.monotonic() + 20, 0
            while process.poll() is None and time.monotonic() < deadline:
                number += 1
                _fill_cache(built, number)
            assert process.wait(5) == 137
        lines = built.records("logs")
    assert "out of memory, exiting with code 137" in [
        line["body"] for line in lines if line["severity_text"] == "FATAL"
    ]
    assert any("MemoryError: out of memory" in line["body"] for line in lines)


def _fill_cache(built: Place, number: int) -> None:
    values = {f"{number}.{part}": f"{number}{part}" * 100_000 for part in range(5)}
    try:
        built.post("cache", "/put", {"values": values, "ttl_seconds": 60})
    except (OSError, http.client.HTTPException):
        return  # it is on its way out

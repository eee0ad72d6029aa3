"""The shop as real processes: one trace through all of it, deploys that lose nothing, and a clean end."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evals.lab.load import Arrival, visit
from evals.lab.pool_shrunk import POOL_SHRUNK
from evals.lab.processes import SERVICES, Shop, StartError
from evals.lab.rates import Scrape
from evals.lab.recording_writer import read_telemetry, topology
from evals.lab.scrape import fetch_metrics
from evals.lab.source_tree import CommitDraft, Edit, SourceTree

BUY = Arrival(0.0, "/buy", ((1, 2), (5, 1)))
# Starts the shop and hangs; it is killed without a chance to clean up.
STARTER = """
import pathlib, sys, time
from evals.lab.processes import Shop
from evals.lab.source_tree import SourceTree
folder = pathlib.Path(sys.argv[1])
shop = Shop(folder)
shop.start(SourceTree(folder / "source").release)
print(*shop.ports.values(), flush=True)
time.sleep(60)
"""


def test_one_purchase_is_one_trace_through_every_service(shop: Shop, run_folder: Path) -> None:
    assert visit(shop.ports["storefront"], BUY) == 200
    shop.stop()
    spans = read_telemetry(run_folder, ".spans.ndjson")
    assert {span["service"] for span in spans} == set(SERVICES)
    assert len({span["trace_id"] for span in spans}) == 1
    assert [span["service"] for span in spans if not span["parent_span_id"]] == ["storefront"]
    assert {"caller": "checkout", "callee": "inventory"} in topology(spans)["edges"]


def test_log_lines_of_a_purchase_carry_its_trace(shop: Shop, run_folder: Path) -> None:
    visit(shop.ports["storefront"], BUY)
    shop.stop()
    lines = [line for line in read_telemetry(run_folder, ".logs.ndjson") if line["trace_id"]]
    spans = {span["span_id"] for span in read_telemetry(run_folder, ".spans.ndjson")}
    assert {line["service"] for line in lines} == set(SERVICES)
    assert {line["span_id"] for line in lines} <= spans


def test_a_stopped_shop_leaves_no_process_and_no_complaint(shop: Shop, run_folder: Path) -> None:
    visit(shop.ports["storefront"], BUY)
    shop.stop()
    assert not _listening(shop.ports.values())
    assert {path.read_text() for path in run_folder.glob("*.stderr")} == {""}


def test_services_end_when_the_lab_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        ports = [int(port) for port in lab.stdout.readline().split()]
        assert len(_listening(ports)) == len(SERVICES)
        lab.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _listening(ports) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _listening(ports)


def test_the_guilty_deploy_shrinks_the_pool_and_loses_no_request(shop: Shop, tree: SourceTree) -> None:
    assert _pool_max(shop) == 24
    tree.commit(POOL_SHRUNK.cause, time.time())
    with ThreadPoolExecutor(2) as shoppers:
        visits = [shoppers.submit(visit, shop.ports["storefront"], BUY) for _ in range(12)]
        shop.deploy("inventory", tree.release)
        assert {answer.result() for answer in visits} == {200}
    assert _pool_max(shop) == 3


def test_a_release_that_cannot_start_says_why_and_the_old_one_goes_on(shop: Shop, tree: SourceTree) -> None:
    tree.commit(CommitDraft("A", "typo", (Edit("shop/shipping.py", "def choose(", "def choose(("),)), 0.0)
    with pytest.raises(StartError, match="SyntaxError"):
        shop.deploy("shipping", tree.release)
    assert visit(shop.ports["storefront"], BUY) == 200


def _pool_max(shop: Shop) -> float | None:
    return Scrape.parse(0.0, fetch_metrics(shop.ports["inventory"])).value("db_pool_max")


def _listening(ports: Iterable[int]) -> list[int]:
    return [port for port in ports if _accepts(port)]


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

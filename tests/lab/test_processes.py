"""The services as processes: deploys that lose nothing, restarts after a crash, and a clean end."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evals.lab.guard import Guard
from evals.lab.load import post
from evals.lab.processes import Shop, StartError, Wiring
from evals.lab.source_tree import CommitDraft, Edit, SourceTree

LINES = {"lines": [[1, 2], [5, 1]]}


@pytest.fixture
def run_folder(guard: Guard) -> Path:
    folder = guard.folder / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def shop(guard: Guard, run_folder: Path, tree: SourceTree) -> Iterator[Shop]:
    running = Shop(guard, run_folder, ("pricing",))
    try:
        running.start(tree.release, Wiring(running.ports, 0, {}, 1_000_000, {}))
        yield running
    finally:
        running.stop()


def _quote(shop: Shop) -> int:
    return post(shop.ports["pricing"], "/quote", LINES, 5.0)[0]


def _eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_deploy_takes_over_the_port_and_loses_no_request(shop: Shop, tree: SourceTree) -> None:
    tree.commit(CommitDraft("A B", "Larger", (Edit("shop/settings.py", "POOL_SIZE = 12", "POOL_SIZE = 16"),)), 0.0)
    with ThreadPoolExecutor(2) as shoppers:
        quotes = [shoppers.submit(_quote, shop) for _ in range(20)]
        shop.deploy("pricing", tree.release)
        assert {quote.result() for quote in quotes} == {200}
    assert shop.release_of("pricing") == tree.release


def test_a_release_that_cannot_start_says_why_and_the_old_one_goes_on(shop: Shop, tree: SourceTree) -> None:
    good = tree.release
    tree.commit(CommitDraft("A B", "typo", (Edit("shop/pricing.py", "class Pricing:", "class Pricing"),)), 0.0)
    with pytest.raises(StartError, match="SyntaxError"):
        shop.deploy("pricing", tree.release)
    assert (_quote(shop), shop.release_of("pricing")) == (200, good)


def test_a_service_that_crashes_is_restarted_and_the_platform_tells_of_it(shop: Shop, run_folder: Path) -> None:
    shop.kill("pricing")
    assert _eventually(lambda: "container pricing started" in (run_folder / "platform.logs.ndjson").read_text())
    assert (
        "container pricing exited with code 137 (SIGKILL), restarting"
        in (run_folder / "platform.logs.ndjson").read_text()
    )
    assert _quote(shop) == 200


def test_a_service_that_is_held_down_refuses_its_callers_until_it_is_brought_up(shop: Shop) -> None:
    shop.hold_down("pricing")
    assert not _accepts(shop.ports["pricing"])
    shop.bring_up("pricing")
    assert _eventually(lambda: _quote(shop) == 200)


def test_a_service_that_is_down_between_crash_and_restart_can_be_deployed(shop: Shop, tree: SourceTree) -> None:
    shop.kill("pricing")
    assert _eventually(lambda: not _accepts(shop.ports["pricing"]))
    tree.commit(CommitDraft("A B", "Larger", (Edit("shop/settings.py", "POOL_SIZE = 12", "POOL_SIZE = 16"),)), 0.0)
    shop.deploy("pricing", tree.release)
    assert (_quote(shop), shop.release_of("pricing")) == (200, tree.release)


def test_a_stopped_shop_leaves_no_open_port_and_no_complaint(shop: Shop, run_folder: Path) -> None:
    assert _quote(shop) == 200
    shop.stop()
    assert not _accepts(shop.ports["pricing"])
    assert (run_folder / "pricing.stderr").read_text() == ""

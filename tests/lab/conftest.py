"""A source history, a guarded folder and two running services for the tests of the lab."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.lab.change_maker import ChangeMaker
from evals.lab.guard import Guard
from evals.lab.processes import Shop, Wiring
from evals.lab.source_tree import SourceTree
from tests.running_shop import RunningShop


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    return SourceTree(tmp_path / "source", time.time())


@pytest.fixture
def guard() -> Iterator[Guard]:
    with Guard() as running:
        yield running


@pytest.fixture
def running_shop(guard: Guard, tree: SourceTree) -> Iterator[RunningShop]:
    folder = guard.folder / "run"
    folder.mkdir()
    shop = Shop(guard, folder, ("inventory", "storefront"))
    told: list[dict[str, Any]] = []
    maker = ChangeMaker(shop, tree, folder, told.append)
    try:
        shop.start(tree.release, Wiring(shop.ports, 0, {}, 1_000_000, {}))
        maker.tell_what_runs(time.time() - 60)
        yield RunningShop(shop, tree, maker, folder, told)
    finally:
        shop.stop()

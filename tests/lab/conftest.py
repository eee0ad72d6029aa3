"""A running shop for the tests of the lab."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.lab.processes import Shop
from evals.lab.source_tree import SourceTree


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    return SourceTree(tmp_path / "source")


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def shop(tree: SourceTree, run_folder: Path) -> Iterator[Shop]:
    with Shop(run_folder) as running:
        running.start(tree.release)
        yield running

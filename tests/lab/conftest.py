"""A source history and a guarded folder for the tests of the lab."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.lab.guard import Guard
from evals.lab.source_tree import SourceTree


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    return SourceTree(tmp_path / "source", time.time())


@pytest.fixture
def guard() -> Iterator[Guard]:
    with Guard() as running:
        yield running

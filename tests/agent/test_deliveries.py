"""Many deliveries to two real servers over one ledger. The whole bar is ``benchmarks/deliveries.py``."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "deliveries.py"
    spec = importlib.util.spec_from_file_location("deliveries_benchmark", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_two_servers_open_each_incident_once(benchmark: ModuleType):
    found = benchmark.measure(600, 120, 2, 0.0)
    assert found.investigations == 120
    assert set(found.statuses) == {200, 202}
    assert sum(found.statuses.values()) == 600
    assert found.slowest < 20.0, "a generous deadline: the bar is the benchmark's"

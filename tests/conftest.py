"""One small incident, made by code: a store's pool is shrunk by a deploy, its caller suffers, a neighbour is innocent."""

from pathlib import Path

import numpy as np
import pytest

from agent.settings import Settings
from diagnosis.telemetry import Change, ChangeKind, Edge, LogRecord, Node, SeriesKey, SeriesMatrix, Span, Topology
from tools.recording_writer import write_recording
from tools.spec import ChangeList, LogBatch, SpanBatch

START = 1_790_000_000.0
ONSET = START + 60 * 70
DEPLOY = ONSET - 100
FIRED = ONSET + 300
GUILTY = "a" * 40
INNOCENT = "b" * 40
POOL_DIFF = "@@ shared/store/settings.py @@\n-STORE_POOL_SIZE = 24\n+STORE_POOL_SIZE = 3\n"
ALERT: dict[str, object] = {
    "name": "front-latency",
    "service": "front",
    "metric": "http_duration_p99_seconds",
    "threshold": 1.0,
    "observed": 4.2,
    "fired_at": FIRED,
    "severity": "critical",
    "summary": "front is slow",
}


def metrics() -> SeriesMatrix:
    times = START + 60.0 * np.arange(80)
    random = np.random.default_rng(7)
    after = times >= ONSET

    def series(before: float, later: float) -> np.ndarray:
        return np.where(after, later, before) * (1 + 0.02 * random.standard_normal(times.size))

    rows = {
        SeriesKey("front", "http_duration_p99_seconds"): series(0.2, 4.0),
        SeriesKey("store", "db_pool_max"): np.where(times >= DEPLOY, 3.0, 24.0),
        SeriesKey("store", "db_pool_wait_p99_seconds"): series(0.01, 2.5),
        SeriesKey("store", "http_duration_p99_seconds"): series(0.05, 3.0),
        SeriesKey("price", "http_duration_p99_seconds"): series(0.03, 0.03),
    }
    return SeriesMatrix(tuple(rows), times, np.vstack(list(rows.values())))


def bodies() -> tuple[object, ...]:
    normal = [LogRecord(START + 30 * i, "store", "INFO", f"reserved item {i}") for i in range(150)]
    bad = [
        LogRecord(ONSET + 5 * i, "store", "ERROR", f"store pool timed out after {2000 + i} ms: no free connection")
        for i in range(60)
    ]
    spans = []
    for i in range(40):
        begin, slow = START + 118 * i, START + 118 * i >= ONSET
        took = 3.5 if slow else 0.1
        spans.append(Span(f"t{i}", "a", "", "front", "GET /", "SERVER", begin, took + 0.05, slow))
        spans.append(
            Span(
                f"t{i}",
                "b",
                "a",
                "store",
                "reserve",
                "SERVER",
                begin + 0.01,
                took,
                slow,
                "pool timed out" if slow else "",
            )
        )
    changes = (
        Change(ChangeKind.COMMIT, GUILTY, DEPLOY - 300, "", "tidy store settings", "ann", ("shared/store/settings.py",), POOL_DIFF),
        Change(ChangeKind.COMMIT, INNOCENT, DEPLOY - 200, "", "rename a helper", "bob", ("price/view.py",), "@@ price/view.py @@\n-a = fmt(x)\n+a = render(x)\n"),
        Change(ChangeKind.DEPLOY, "store@2", DEPLOY, "store", commit=GUILTY, version="2"),
        Change(ChangeKind.DEPLOY, "price@9", ONSET - 20, "price", commit=INNOCENT, version="9"),
    )  # fmt: skip
    topology = Topology(
        tuple(Node(n) for n in ("front", "price", "store")), (Edge("front", "price"), Edge("front", "store"))
    )
    return metrics(), LogBatch((*normal, *bad), 210), SpanBatch(tuple(spans), 80), ChangeList(changes), topology


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incident") / "recording"
    write_recording(folder, ALERT, *bodies())  # type: ignore[arg-type]
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")

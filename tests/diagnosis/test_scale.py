from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnosis.circles import circles
from diagnosis.deviation import Deviations, deviations, row_medians
from diagnosis.engine import diagnose
from diagnosis.incident import Incident
from diagnosis.log_patterns import mine
from diagnosis.periods import Periods
from diagnosis.telemetry import Edge, LogRecord, SeriesKey, SeriesMatrix, Topology, Window

TIMES = np.arange(90) * 60.0
WINDOW = Window(0.0, 5400.0)
LEVELS = {"latency_p99_ms": 120.0, "requests_per_second": 40.0, "http_errors_total": 0.2, "cpu_utilization": 0.3}


def system(services: int = 9) -> SeriesMatrix:
    """Several series a service, with gaps; service 4 fails from the 60th minute on."""
    random = np.random.default_rng(7)
    keys = tuple(SeriesKey(f"service-{place}", metric) for place in range(services) for metric in LEVELS)
    level = np.array([LEVELS[key.metric] for key in keys])[:, None]
    values = level * (1 + 0.05 * random.standard_normal((len(keys), TIMES.size)))
    ill = np.array([key.entity == "service-4" and key.metric != "requests_per_second" for key in keys])
    values[np.ix_(ill, TIMES >= 3600)] *= 3.0
    totals = np.array([key.metric.endswith("_total") for key in keys])
    values[totals] = np.cumsum(values[totals] * 60.0, axis=1)
    values[random.random(values.shape) < 0.02] = np.nan
    values[5] = np.nan
    return SeriesMatrix(keys, TIMES, values)


def incident(metrics: SeriesMatrix) -> Incident:
    return Incident("", "", 3720.0, WINDOW, metrics=metrics)


@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_a_memory_map_is_diagnosed_like_an_array(tmp_path: Path, kind: str):
    matrix = system()
    whole = np.asarray(matrix.values, dtype=kind)
    whole.tofile(tmp_path / "values")
    mapped = np.memmap(tmp_path / "values", dtype=kind, mode="r", shape=whole.shape)
    found = diagnose(incident(replace(matrix, values=mapped)))
    assert found == diagnose(incident(replace(matrix, values=whole.astype(np.float64))))
    assert found.suspects[0].entity == "service-4"


@pytest.mark.parametrize("block_rows", [1, 5, 36])
def test_series_are_judged_alike_however_many_at_a_time(block_rows: int):
    matrix, periods = system(), Periods((Window(0.0, 3000.0),), Window(3000.0, 5400.0))
    at_once, in_blocks = deviations(matrix, periods, 1000), deviations(matrix, periods, block_rows)
    assert in_blocks.keys == at_once.keys
    for field in fields(Deviations)[1:]:
        np.testing.assert_array_equal(getattr(in_blocks, field.name), getattr(at_once, field.name))


def test_no_series_are_one_empty_block():
    assert [block.values.shape for block in SeriesMatrix.empty().blocks()] == [(0, 0)]


@given(st.lists(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=6, max_size=6), min_size=1, max_size=5))
def test_medians_leave_out_what_is_missing(rows: list[list[float | None]]):
    values = np.array([[np.nan if value is None else value for value in row] for row in rows])
    known = [row[np.isfinite(row)] for row in values]
    expected = [np.median(row) if row.size else np.nan for row in known]
    np.testing.assert_array_equal(row_medians(values), expected)


@given(st.sets(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=24))
def test_a_circle_is_what_reaches_each_other_and_stands_after_what_it_calls(pairs: set[tuple[str, str]]):
    topology = Topology((), tuple(sorted(Edge(a, b) for a, b in pairs)))
    names = {name for pair in pairs for name in pair}
    found = list(circles(sorted(names), topology.callees))
    assert sorted(name for circle in found for name in circle) == sorted(names)
    for place, circle in enumerate(found):
        for name in circle:
            assert circle == {name} | {other for other in topology.reach(name) if name in topology.reach(other)}
            assert topology.callees(name) <= frozenset().union(*found[: place + 1])


def test_lines_with_a_trace_but_no_spans_are_diagnosed():
    lines = [
        LogRecord(float(t), "shop", "INFO", f"order {t} {'stored' if t % 20 else 'sent'}", f"trace{t // 20}")
        for t in range(0, 5400, 10)
    ]
    lines += [LogRecord(float(t), "shop", "ERROR", f"order {t} lost", f"trace{t // 20}") for t in range(3600, 5400, 10)]
    found = diagnose(Incident("", "", 3720.0, WINDOW, patterns=mine(lines, WINDOW)))
    assert found.suspects[0].entity == "shop"

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from diagnosis.telemetry import Change, PatternTable, SeriesKey, SeriesMatrix, Topology
from tools.recording import recording_tools
from tools.recording_files import epoch
from tools.recording_writer import write_recording
from tools.spec import (
    Absent,
    ChangeList,
    Empty,
    GetTopology,
    GetTraces,
    ListChanges,
    ListMetrics,
    LogBatch,
    LogPatterns,
    MetricCatalogue,
    QueryMetrics,
    ReadChange,
    Rows,
    SearchLogs,
    SpanBatch,
)

ALL = {"start": 0.0, "end": 4e9}


def ask(folder: Path, tool: str, arguments: object, **options: int) -> object:
    return recording_tools(folder, **options)[tool].run(arguments)


def rows(folder: Path, tool: str, arguments: object, **options: int) -> object:
    answer = ask(folder, tool, arguments, **options)
    assert isinstance(answer, Rows), answer
    return answer.body


def test_series_are_chosen_by_entity_metric_and_window(recording: Path):
    body = rows(recording, "query_metrics", QueryMetrics(entities=("store",), metrics=("db_pool_max",), **ALL))
    assert isinstance(body, SeriesMatrix)
    assert body.keys == (SeriesKey("store", "db_pool_max"),)
    cut = rows(recording, "query_metrics", QueryMetrics(start=float(body.times[10]), end=float(body.times[20])))
    assert isinstance(cut, SeriesMatrix) and cut.times.size == 10


def test_the_catalogue_lists_what_exists(recording: Path):
    body = rows(recording, "list_metrics", ListMetrics())
    assert isinstance(body, MetricCatalogue)
    assert [entity for entity, _ in body.metrics] == ["front", "price", "store"]


def test_log_lines_are_found_by_text_up_to_a_limit(recording: Path):
    body = rows(recording, "search_logs", SearchLogs(contains="no free connection", limit=5, **ALL))
    assert isinstance(body, LogBatch)
    assert (len(body.records), body.matched) == (5, 60)


def test_patterns_count_every_line_in_bins(recording: Path):
    body = rows(recording, "log_patterns", LogPatterns(start=1_789_999_000.0, end=1_790_010_000.0))
    assert isinstance(body, PatternTable)
    assert sum(pattern.total for pattern in body.patterns) == body.lines_seen == 210


def test_a_log_beyond_the_limit_is_sampled_but_keeps_its_errors(recording: Path):
    body = rows(recording, "log_patterns", LogPatterns(start=1_789_999_000.0, end=1_790_010_000.0), most_lines=100)
    assert isinstance(body, PatternTable)
    assert body.lines_read < body.lines_seen == 210
    assert sum(p.total for p in body.patterns if p.severity == "ERROR") == 60


def test_traces_topology_and_changes_are_read(recording: Path):
    spans = rows(recording, "get_traces", GetTraces(entities=("store",), **ALL))
    topology = rows(recording, "get_topology", GetTopology())
    listed = rows(recording, "list_changes", ListChanges(**ALL))
    assert isinstance(spans, SpanBatch) and {s.entity for s in spans.spans} == {"front", "store"}
    assert isinstance(topology, Topology) and topology.callees("front") == {"price", "store"}
    assert isinstance(listed, ChangeList) and all(change.diff is None for change in listed.changes)
    change = rows(recording, "read_change", ReadChange(id="a" * 40))
    assert isinstance(change, Change) and "STORE_POOL_SIZE" in (change.diff or "")


def test_absent_and_empty_are_different_answers(recording: Path, tmp_path: Path):
    (tmp_path / "alert.json").write_text("{}")
    for tool, arguments in (
        ("query_metrics", QueryMetrics(**ALL)),
        ("log_patterns", LogPatterns(**ALL)),
        ("search_logs", SearchLogs(**ALL)),
        ("get_traces", GetTraces(**ALL)),
        ("list_changes", ListChanges(**ALL)),
        ("read_change", ReadChange(id="x")),
        ("get_topology", GetTopology()),
    ):
        assert isinstance(ask(tmp_path, tool, arguments), Absent), tool
    assert isinstance(ask(recording, "query_metrics", QueryMetrics(start=0, end=1)), Empty)
    assert isinstance(ask(recording, "list_changes", ListChanges(start=0, end=1)), Empty)
    assert isinstance(ask(recording, "read_change", ReadChange(id="nothing")), Empty)


def test_gzipped_files_are_the_same_files(recording: Path, tmp_path: Path):
    for file in recording.iterdir():
        (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    left = rows(recording, "query_metrics", QueryMetrics(**ALL))
    right = rows(tmp_path, "query_metrics", QueryMetrics(**ALL))
    assert isinstance(left, SeriesMatrix) and isinstance(right, SeriesMatrix)
    assert np.array_equal(left.values, right.values, equal_nan=True)


def test_written_and_read_again_it_is_the_same(recording: Path, tmp_path: Path):
    bodies = [
        rows(recording, "query_metrics", QueryMetrics(**ALL)),
        rows(recording, "get_traces", GetTraces(**ALL)),
        rows(recording, "get_topology", GetTopology()),
        rows(recording, "search_logs", SearchLogs(limit=10_000, **ALL)),
    ]
    write_recording(tmp_path / "copy", json.loads((recording / "alert.json").read_text()), *bodies)  # type: ignore[arg-type]
    for name in ("metrics.csv", "spans.ndjson", "logs.ndjson"):
        again, first = (folder / name for folder in (tmp_path / "copy", recording))
        assert sorted(again.read_text().splitlines()) == sorted(first.read_text().splitlines())


@pytest.mark.parametrize(
    "value",
    [1_790_000_000, 1_790_000_000.0, 1_790_000_000_000, 1_790_000_000_000_000, 1_790_000_000_000_000_000, "1790000000",
     "2026-09-21T14:13:20Z", "2026-09-21T16:13:20+02:00", "2026-09-21 14:13:20", "2026-09-21T14:13:20.000Z"],
)  # fmt: skip
def test_times_are_read_in_every_common_form(value: object):
    assert epoch(value) == 1_790_000_000.0


@pytest.mark.parametrize("value", [None, True, "", "soon", "NaN", float("inf"), "9" * 400, [], {}])
def test_what_is_no_time_is_none(value: object):
    assert epoch(value) is None

"""A recorded incident as a source: the same tools that live systems have, over the files of a folder."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from diagnosis.log_patterns import mine
from diagnosis.telemetry import Change, LogRecord, SeriesMatrix, Span, Topology, Window
from diagnosis.traces import tabulate, topology_of
from tools import recording_files as files
from tools.recording_files import NAMES, Read, RecordingError, Skipped, find
from tools.spec import (
    Absent,
    Answer,
    Arguments,
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
    Risk,
    Rows,
    SearchLogs,
    SpanBatch,
    Tool,
    ToolName,
)

MOST_LINES = 300_000  # of a log are mined; more are sampled evenly, but for warnings and errors
_BYTES_PER_LINE = 100  # a low guess, so that the weight of a log is a high one


def recording_tools(folder: Path, most_lines: int = MOST_LINES) -> Mapping[str, Tool[Any]]:
    """The eight tools over ``folder``; of a log about ``most_lines`` lines are mined.

    Raises ``RecordingError`` when the folder is no recording.
    """
    recording = Recording(folder, most_lines)
    declared: tuple[tuple[ToolName, type[Arguments], Callable[[Any], Answer], Callable[[Any], int], str], ...] = (
        (
            ToolName.QUERY_METRICS,
            QueryMetrics,
            recording.query_metrics,
            recording.weigh("metrics.csv", 30),
            "series of a window",
        ),
        (ToolName.LIST_METRICS, ListMetrics, recording.list_metrics, lambda _: 0, "which series exist"),
        (
            ToolName.SEARCH_LOGS,
            SearchLogs,
            recording.search_logs,
            lambda a: int(a.limit),
            "log lines that contain a text",
        ),
        (ToolName.LOG_PATTERNS, LogPatterns, recording.log_patterns, recording.weigh_logs, "log templates with counts"),
        (ToolName.GET_TRACES, GetTraces, recording.get_traces, lambda a: int(a.limit), "spans of a window"),
        (ToolName.GET_TOPOLOGY, GetTopology, recording.get_topology, lambda _: 0, "who calls whom"),
        (
            ToolName.LIST_CHANGES,
            ListChanges,
            recording.list_changes,
            lambda _: 0,
            "deploys, commits, flags, without diffs",
        ),
        (ToolName.READ_CHANGE, ReadChange, recording.read_change, lambda _: 1, "one change with its diff"),
    )
    return {
        name.value: Tool(name.value, summary, arguments, Risk.READ, weigh, run)
        for name, arguments, run, weigh, summary in declared
    }


class Recording:
    """Files are read once, when they are first asked for."""

    def __init__(self, folder: Path, most_lines: int = MOST_LINES) -> None:
        if not folder.is_dir():
            raise RecordingError(f"{folder} is no folder; give the folder of a recording")
        if not any(find(folder, name) for name in NAMES):
            raise RecordingError(f"{folder} is no recording: it has none of {', '.join(NAMES)} (each may end in .gz)")
        self._folder = folder
        self._most_lines = most_lines

    def weigh(self, name: str, bytes_per_row: int) -> Callable[[Any], int]:
        path = find(self._folder, name)
        size = path.stat().st_size * (10 if path.suffix == ".gz" else 1) if path else 0
        return lambda _: size // bytes_per_row

    def weigh_logs(self, arguments: LogPatterns) -> int:
        return min(self.weigh("logs.ndjson", _BYTES_PER_LINE)(arguments), 3 * self._most_lines)

    @cached_property
    def _metrics(self) -> Read | None:
        path = find(self._folder, "metrics.csv")
        return files.read_metrics(path) if path else None

    @cached_property
    def _spans(self) -> Read | None:
        path = find(self._folder, "spans.ndjson")
        if path is None:
            return None
        skipped = Skipped()
        found = (files.span(raw, skipped) for raw in files.objects(path, skipped))
        return Read(tuple(sorted((s for s in found if s), key=lambda s: (s.start, s.trace_id, s.span_id))), skipped)

    @cached_property
    def _changes(self) -> Read | None:
        path = find(self._folder, "changes.ndjson")
        if path is None:
            return None
        skipped = Skipped()
        found = (files.change(raw, skipped) for raw in files.objects(path, skipped))
        return Read(tuple(sorted((c for c in found if c), key=lambda c: (c.time, c.kind, c.id))), skipped)

    def query_metrics(self, arguments: QueryMetrics) -> Answer:
        if self._metrics is None:
            return Absent("the recording has no metrics")
        matrix: SeriesMatrix = self._metrics.value
        wanted = [
            place
            for place, key in enumerate(matrix.keys)
            if (not arguments.entities or key.entity in arguments.entities)
            and (not arguments.metrics or key.metric in arguments.metrics)
        ]
        part = SeriesMatrix(tuple(matrix.keys[i] for i in wanted), matrix.times, matrix.values[wanted])
        part = part.within(Window(arguments.start, arguments.end))
        filled = np.isfinite(part.values).any()
        return Rows(part, part.points, self._metrics.skipped.note) if part.points and filled else Empty(part.points)

    def list_metrics(self, arguments: ListMetrics) -> Answer:
        if self._metrics is None:
            return Absent("the recording has no metrics")
        matrix: SeriesMatrix = self._metrics.value
        by_entity: dict[str, list[str]] = {}
        for key in matrix.keys:
            if not arguments.entities or key.entity in arguments.entities:
                by_entity.setdefault(key.entity, []).append(key.metric)
        if not by_entity or not matrix.times.size:
            return Empty()
        listed = tuple((entity, tuple(names)) for entity, names in sorted(by_entity.items()))
        catalogue = MetricCatalogue(listed, float(matrix.times[0]), float(matrix.times[-1]))
        return Rows(catalogue, sum(len(names) for _, names in listed))

    def _records(self, path: Path, window: Window, entities: tuple[str, ...], skipped: Skipped) -> Iterator[LogRecord]:
        for raw in files.objects(path, skipped):
            record = files.log_record(raw, skipped)
            if record is not None and record.time in window and (not entities or record.entity in entities):
                yield record

    def search_logs(self, arguments: SearchLogs) -> Answer:
        path = find(self._folder, "logs.ndjson")
        if path is None:
            return Absent("the recording has no logs")
        skipped, matched, needle = Skipped(), 0, arguments.contains.lower()

        def matching() -> Iterator[LogRecord]:
            nonlocal matched
            for record in self._records(path, Window(arguments.start, arguments.end), arguments.entities, skipped):
                if needle in record.body.lower():
                    matched += 1
                    yield record

        first = heapq.nsmallest(arguments.limit, matching(), key=lambda r: (r.time, r.entity, r.body))
        return Rows(LogBatch(tuple(first), matched), len(first), skipped.note) if first else Empty()

    def log_patterns(self, arguments: LogPatterns) -> Answer:
        path = find(self._folder, "logs.ndjson")
        if path is None:
            return Absent("the recording has no logs")
        skipped, seen = Skipped(), 0
        step = max(1, self.weigh("logs.ndjson", _BYTES_PER_LINE)(arguments) // self._most_lines)

        def sampled() -> Iterator[LogRecord]:
            nonlocal seen
            loud = 0
            for record in self._records(path, Window(arguments.start, arguments.end), arguments.entities, skipped):
                seen += 1
                keep = step == 1 or seen % step == 0
                if not keep and record.severity not in ("INFO", "DEBUG", "TRACE", "") and loud < self._most_lines:
                    loud += 1
                    keep = True
                if keep:
                    yield record

        table = mine(sampled(), Window(arguments.start, arguments.end))
        if not table.patterns:
            return Empty()
        table = type(table)(table.window, table.bin_seconds, table.patterns, seen, table.lines_read)
        return Rows(table, table.lines_read, skipped.note)

    def get_traces(self, arguments: GetTraces) -> Answer:
        if self._spans is None:
            return Absent("the recording has no spans")
        window = Window(arguments.start, arguments.end)
        spans: list[Span] = [s for s in self._spans.value if s.start in window]
        if arguments.entities:
            traces = {s.trace_id for s in spans if s.entity in arguments.entities}
            spans = [s for s in spans if s.trace_id in traces]
        kept = spans[-arguments.limit :]
        return Rows(SpanBatch(tuple(kept), len(spans)), len(kept), self._spans.skipped.note) if kept else Empty()

    def get_topology(self, arguments: GetTopology) -> Answer:
        path = find(self._folder, "topology.json")
        given = files.topology(path) if path else Topology()
        spans: tuple[Span, ...] = self._spans.value if self._spans else ()
        whole = given.merged(topology_of(tabulate(spans)))
        if not whole.nodes and not whole.edges:
            return Absent("the recording has neither a topology nor spans") if not path and not spans else Empty()
        return Rows(whole, len(whole.nodes) + len(whole.edges))

    def list_changes(self, arguments: ListChanges) -> Answer:
        if self._changes is None:
            return Absent("the recording has no change feed")
        kept = [c for c in self._changes.value if arguments.start <= c.time < arguments.end]
        stripped = tuple(_without_diff(c) for c in kept)
        return Rows(ChangeList(stripped), len(stripped), self._changes.skipped.note) if stripped else Empty()

    def read_change(self, arguments: ReadChange) -> Answer:
        if self._changes is None:
            return Absent("the recording has no change feed")
        found = next((c for c in self._changes.value if c.id == arguments.id), None)
        return Rows(found, 1) if found is not None else Empty()


def _without_diff(change: Change) -> Change:
    return replace(change, diff=None)


__all__ = ["NAMES", "Recording", "RecordingError", "recording_tools"]

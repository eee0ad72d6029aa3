"""Pattern tables of sampled lines: every line read stands for so many lines written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from diagnosis.log_patterns import mine
from diagnosis.telemetry import Floats, LineSequence, LogPattern, LogRecord, PatternTable, Window

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Weighed:
    """Lines that are mined together. ``weights`` has shape (records,): how many lines each stands for, 0 for none."""

    records: Sequence[LogRecord]
    weights: Floats

    def since(self, moment: float) -> "Weighed":
        """The lines of a moment (epoch seconds) and later."""
        later = [record.time >= moment for record in self.records]
        return Weighed(tuple(compress(self.records, later)), self.weights[later])


@dataclass
class _Sum:
    """A pattern with its counts a bin, shape (bins,)."""

    pattern: LogPattern
    counts: Floats


def weighed_table(parts: Iterable[Weighed], window: Window, whole: frozenset[str], lines_seen: int) -> PatternTable:
    """One table whose counts are estimates of what was written.

    ``whole`` are the trace ids of which all lines are among the parts: only they tell in which order lines come.
    """
    sums: dict[_Key, _Sum] = {}
    steps: list[tuple[float, tuple[str, str, str], _Key]] = []
    bin_seconds, read = 60.0, 0
    for part in parts:
        table, pattern_of = _mined(part.records, window)
        bin_seconds, read = table.bin_seconds, read + len(part.records)
        bins = max(1, int(-(-window.seconds // bin_seconds)))
        counts = np.zeros((len(table.patterns), bins))
        times = np.array([record.time for record in part.records])
        bin = np.clip(((times - window.start) // bin_seconds).astype(np.int64), 0, bins - 1)
        np.add.at(counts, (pattern_of, bin), part.weights)
        for pattern, row in zip(table.patterns, counts, strict=True):
            _add(sums, pattern, row if row.any() else np.asarray(pattern.counts, dtype=np.float64))
        keys = [_key(pattern) for pattern in table.patterns]
        steps += [
            (record.time, (record.entity, record.trace_id, record.span_id), keys[pattern])
            for record, pattern in zip(part.records, pattern_of.tolist(), strict=True)
            if record.trace_id and record.trace_id in whole
        ]
    order = sorted(sums)
    patterns = tuple(
        replace(sums[key].pattern, counts=tuple(int(count) for count in np.rint(sums[key].counts))) for key in order
    )
    sequence = _sequence(steps, {key: place for place, key in enumerate(order)}) if steps else None
    return PatternTable(window, bin_seconds, patterns, lines_seen, read, sequence)


def _mined(records: Sequence[LogRecord], window: Window) -> tuple[PatternTable, np.ndarray]:
    """The patterns, and for each record (all within the window) the place of its pattern, shape (records,).

    A table tells the patterns of lines by their requests: each line is made a request of its own.
    """
    table = mine((replace(record, trace_id=str(i), span_id="") for i, record in enumerate(records)), window)
    pattern_of = np.zeros(len(records), dtype=np.int64)
    if table.sequence is not None:
        line = np.array([int(trace_id) for _, trace_id, _ in table.sequence.requests])
        pattern_of[line[table.sequence.request]] = table.sequence.pattern
    return table, pattern_of


def _key(pattern: LogPattern) -> _Key:
    return pattern.entity, pattern.template, pattern.severity


def _add(sums: dict[_Key, _Sum], pattern: LogPattern, counts: Floats) -> None:
    known = sums.get(_key(pattern))
    if known is None:
        sums[_key(pattern)] = _Sum(pattern, counts)
        return
    known.counts = known.counts + counts
    known.pattern = replace(
        known.pattern,
        first_seen=min(known.pattern.first_seen, pattern.first_seen),
        last_seen=max(known.pattern.last_seen, pattern.last_seen),
    )


def _sequence(steps: list[tuple[float, tuple[str, str, str], _Key]], places: dict[_Key, int]) -> LineSequence:
    steps = sorted(steps)
    requests = {request: code for code, request in enumerate(dict.fromkeys(request for _, request, _ in steps))}
    return LineSequence(
        tuple(requests),
        np.array([time for time, _, _ in steps]),
        np.array([places[key] for _, _, key in steps], dtype=np.int32),
        np.array([requests[request] for _, request, _ in steps], dtype=np.int32),
    )


__all__ = ["Weighed", "weighed_table"]

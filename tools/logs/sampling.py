"""Which lines of too many are read: all that are loud, some of each stretch of time, and all that are rare.

A sample of quiet lines tells which patterns are common; a query for lines that fit none of these finds the rest, so
that three lines in a million are among those read. Rare lines are read whole and count as they are; only common ones
are scaled up.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from diagnosis.log_patterns import mine
from diagnosis.telemetry import Floats, LogRecord, Window
from tools.logs.client import Notes
from tools.logs.known_lines import queries_for
from tools.logs.lines import Asked, LogLines, aggregation_of, named, records
from tools.logs.paging import MOST_AT_RANDOM, Deadline
from tools.logs.queries import Query, all_of, none_of, whole_value
from tools.logs.severities import loud
from tools.logs.weighing import Weighed
from tools.recording_files import Skipped

_BIN_SECONDS = 60.0
_MOST_SLICES = 30
_QUIET_SHARE, _LOUD_SHARE, _RARE_SHARE, _TRACE_SHARE = 0.5, 0.25, 0.15, 0.1
_COMMON_LINES = 30  # in the sample: enough for a count to be an estimate
_ROUNDS = 3
_MOST_TRACES = 600
_AT_ONCE = 2

Lines = dict[str, LogRecord]  # by id


@dataclass
class Sample:
    """What was read of one group: parts to be mined apart, and the traces of which all lines are among them."""

    parts: list[Weighed] = field(default_factory=list)
    whole: frozenset[str] = frozenset()


class Sampler:
    """Draws a sample of one group of indices within a number of lines and a deadline."""

    def __init__(
        self, lines: LogLines, asked: Asked, window: Window, entities: tuple[str, ...], most: int,
        notes: Notes, skipped: Skipped, deadline: Deadline,
    ) -> None:  # fmt: skip
        self._lines, self._asked, self._window, self._entities, self._most = lines, asked, window, entities, most
        self._notes, self._skipped, self._deadline = notes, skipped, deadline
        severity = asked.shape.severity
        self._loud = None if severity is None else loud(severity)
        self._quiet = asked.query if self._loud is None else none_of(asked.query, self._loud)
        self._slices = list(_slices(window))

    def draw(self) -> Sample:
        """Read. Raises ``BackendError``."""
        per_slice = self._count_slices()
        shouted, shouted_weight = self._shouted()
        common = self._drawn(per_slice)
        rare, rare_weight = self._rare(common)
        quiet = {id: record for id, record in common.items() if id not in rare}
        traces = self._chosen_traces({**shouted, **quiet, **rare})
        extra = {id: r for id, r in self._of_traces(traces).items() if id not in shouted and id not in rare}
        extra = {id: record for id, record in extra.items() if id not in quiet}
        weights = self._weights(quiet, rare, rare_weight, per_slice)
        first = Weighed(
            (*shouted.values(), *quiet.values(), *extra.values()),
            np.concatenate([np.full(len(shouted), shouted_weight), weights, np.zeros(len(extra))]),
        )
        second = Weighed(tuple(rare.values()), np.full(len(rare), rare_weight))
        # Of an extra line the text is known; it is counted already through those that stand for it.
        return Sample([part for part in (first, second) if part.records], frozenset(traces))

    def _count_slices(self) -> Floats:
        """Quiet lines of each slice, shape (slices,)."""
        parts = {str(i): self._asked.within(part) for i, part in enumerate(self._slices)}
        body = {"query": self._quiet, "size": 0, "aggs": {"slices": {"filters": {"filters": parts}}}}
        answer = self._lines.client.search(self._asked.group.indices, body, self._notes)
        found = (aggregation_of(answer, "slices", "buckets", str(i)) for i in range(len(self._slices)))
        return np.array([float(bucket.get("doc_count", 0)) for bucket in found])

    def _shouted(self) -> tuple[Lines, float]:
        """Warnings and worse, with how many lines each stands for."""
        if self._loud is None:
            return {}, 1.0
        return self._bounded(all_of(self._asked.query, self._loud), round(self._most * _LOUD_SHARE), "loud")

    def _bounded(self, query: Query, most: int, what: str) -> tuple[Lines, float]:
        """All lines of a query, or so many of each slice at random where they are too many."""
        total = self._lines.count(self._asked, query, self._notes)
        if total <= most:
            read = self._lines.read(self._asked, query, most, self._notes, self._deadline, self._skipped)
            return self._kept(read), 1.0
        each = max(1, most // len(self._slices))
        found = self._at_random([(all_of(query, self._asked.within(part)), each) for part in self._slices])
        self._notes.add(f"{len(found):,} of {total:,} {what} lines read")
        return found, max(1.0, total / max(len(found), 1))

    def _drawn(self, per_slice: Floats) -> Lines:
        """Quiet lines, as many of each slice as of any other: a short incident counts as much as the hour before."""
        each = min(MOST_AT_RANDOM, max(1, round(self._most * _QUIET_SHARE) // len(self._slices)))
        wanted = [
            (all_of(self._quiet, self._asked.within(part)), int(min(each, count)))
            for part, count in zip(self._slices, per_slice, strict=True)
            if count
        ]
        return self._at_random(wanted)

    def _at_random(self, wanted: list[tuple[Query, int]]) -> Lines:
        def one(item: tuple[Query, int]) -> Lines:
            query, most = item
            hits = self._lines.pages.at_random(self._asked.order, query, most, self._notes, self._deadline)
            return self._kept(records(self._asked, hits, self._skipped))

        found: Lines = {}
        with ThreadPoolExecutor(1 if self._lines.client.guard.strained else _AT_ONCE) as threads:
            for part in threads.map(one, wanted):
                found |= part
        if self._deadline.left <= 0:
            self._notes.add("the time for reading was over before all of the window was sampled")
        return found

    def _kept(self, read: Iterable[tuple[str, LogRecord]]) -> Lines:
        return {id: r for id, r in read if r.time in self._window and named(r, self._entities)}

    def _rare(self, sample: Lines) -> tuple[Lines, float]:
        """Quiet lines that fit no pattern which is common in the sample, with how many lines each stands for."""
        if self._lines.client.guard.strained or not self._asked.shape.body.is_text:
            why = "while the backend is in trouble" if self._lines.client.guard.strained else "since no text is indexed"
            self._notes.add(f"rare quiet lines were not looked for {why}")
            return {}, 1.0
        most = round(self._most * _RARE_SHARE)
        known: list[Query] = []
        left, query = 0, self._quiet
        for _ in range(_ROUNDS):
            patterns = sorted(mine(sample.values(), self._window).patterns, key=lambda p: -p.total)
            fresh = queries_for((p for p in patterns if p.total >= _COMMON_LINES), self._asked.shape)
            fresh = [one for one in fresh if one not in known]
            if not fresh and known:
                break
            known += fresh
            query = none_of(self._quiet, *known)
            left = self._lines.count(self._asked, query, self._notes)
            if left <= most or self._deadline.left <= 0:
                break
            sample = self._at_random([(query, min(most, MOST_AT_RANDOM))])
        if left <= most:
            lines = self._lines.read(self._asked, query, most, self._notes, self._deadline, self._skipped)
            return self._kept(lines), 1.0
        return self._bounded(query, most, "unusual")

    def _weights(self, quiet: Lines, rare: Lines, rare_weight: float, per_slice: Floats) -> Floats:
        """How many lines each common quiet line stands for, shape (lines,)."""
        read, rest = np.zeros(len(self._slices)), per_slice.copy()
        places = [self._slice(record.time) for record in quiet.values()]
        np.add.at(read, np.array(places, dtype=np.int64), 1.0)
        np.subtract.at(rest, np.array([self._slice(r.time) for r in rare.values()], dtype=np.int64), rare_weight)
        scale = np.maximum(1.0, rest / np.maximum(read, 1.0))
        return scale[np.array(places, dtype=np.int64)]

    def _slice(self, time: float) -> int:
        return min(int((time - self._window.start) / self._slices[0].seconds), len(self._slices) - 1)

    def _chosen_traces(self, lines: Lines) -> list[str]:
        """Traces that are read whole: evenly over time, of loud, common and rare lines alike."""
        by_time = sorted(lines.values(), key=lambda record: (record.time, record.trace_id))
        known = list(dict.fromkeys(record.trace_id for record in by_time if record.trace_id))
        step = max(1, -(-len(known) // _MOST_TRACES))
        return known[::step]

    def _of_traces(self, traces: list[str]) -> Lines:
        place = self._asked.shape.trace_id
        if place is None or not place.exact or not traces or self._lines.client.guard.strained:
            traces.clear()
            return {}
        most = round(self._most * _TRACE_SHARE)
        total = self._lines.count(self._asked, all_of(self._asked.query, whole_value(place, traces)), self._notes)
        step = -(-total * 5 // (most * 4))  # with room for traces that are longer than most
        traces[:] = traces[:: max(1, step)]
        query = all_of(self._asked.query, whole_value(place, traces))
        found = self._kept(self._lines.read(self._asked, query, most, self._notes, self._deadline, self._skipped))
        if len(found) >= most or self._deadline.left <= 0:  # the last ones may be cut
            traces.clear()
        return found


def _slices(window: Window) -> Iterator[Window]:
    """Stretches of whole bins, at most thirty."""
    bins = max(1, int(-(-window.seconds // _BIN_SECONDS)))
    seconds = -(-bins // _MOST_SLICES) * _BIN_SECONDS
    for i in range(int(-(-window.seconds // seconds))):
        yield Window(window.start + i * seconds, min(window.start + (i + 1) * seconds, window.end))

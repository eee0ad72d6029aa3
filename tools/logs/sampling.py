"""Which lines of too many are read: all that are loud, some of each stretch of time, and all that are rare.

A sample of quiet lines tells which patterns are common; a query for lines that fit none of these finds the rest, so
that three lines in a million are among those read. Rare lines are read whole and count as they are; only common ones
are scaled up.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from diagnosis.log_patterns import mine
from diagnosis.telemetry import Floats, LogRecord, Window
from tools.logs.answers import aggregation_of
from tools.logs.client import Notes, Rejected
from tools.logs.known_lines import affordable, queries_for
from tools.logs.lines import Asked, LogLines, named, records
from tools.logs.paging import MOST_AT_RANDOM, Deadline
from tools.logs.queries import Query, all_of, none_of, whole_value
from tools.logs.severities import loud
from tools.logs.weighing import Weighed
from tools.recording_files import Skipped

_BIN_SECONDS = 60.0
_MOST_SLICES = 30
_QUIET_SHARE, _LOUD_SHARE, _RARE_SHARE, _TRACE_SHARE = 0.5, 0.25, 0.15, 0.1
_LOUD_TIME, _QUIET_TIME = 0.4, 0.7  # shares of what is left when they begin
_COMMON_LINES = 30  # in the sample: enough for a count to be an estimate
_ROUNDS = 3
_MOST_TRACES = 600
_AT_ONCE = 2

Lines = dict[str, LogRecord]  # by id
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """What was read of one group: parts to be mined apart, and the traces of which all lines are among them.

    Of what was before ``since`` (epoch seconds) something is missing, as the time for reading was over.
    """

    parts: list[Weighed]
    whole: frozenset[str]
    since: float


@dataclass(frozen=True)
class _Read:
    """Lines read, for each slice how many lines one of them stands for (shape (slices,)), and since when none lack."""

    lines: Lines
    scale: Floats
    since: float


class Sampler:
    """Draws a sample of one group of indices within a number of lines and a deadline, the newest slices first."""

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
        self._nothing = _Read({}, np.ones(len(self._slices)), window.start)

    def draw(self) -> Sample:
        """Read. Raises ``BackendError``."""
        shouted = self._shouted(self._deadline.part(_LOUD_TIME))
        per_slice = self._count_slices(self._quiet)
        common, since = self._drawn(per_slice, self._deadline.part(_QUIET_TIME))
        rare = self._rare_if_answered(common)
        quiet = {id: record for id, record in common.items() if id not in rare.lines}
        traces = self._chosen_traces({**shouted.lines, **quiet, **rare.lines})
        extra = {id: r for id, r in self._of_traces(traces).items() if id not in shouted.lines and id not in rare.lines}
        extra = {id: record for id, record in extra.items() if id not in quiet}
        rare_weights, rest = self._weights(rare.lines, rare.scale), per_slice.copy()
        np.subtract.at(rest, self._places(rare.lines), rare_weights)
        weights = self._weights(quiet, self._scale(quiet, rest))
        first = Weighed(
            (*shouted.lines.values(), *quiet.values(), *extra.values()),
            np.concatenate([self._weights(shouted.lines, shouted.scale), weights, np.zeros(len(extra))]),
        )
        second = Weighed(tuple(rare.lines.values()), rare_weights)
        # Of an extra line the text is known; it is counted already through those that stand for it.
        parts = [part for part in (first, second) if part.records]
        return Sample(parts, frozenset(traces), max(shouted.since, since))

    def _count_slices(self, query: Query) -> Floats:
        """Lines of each slice, shape (slices,)."""
        parts = {str(i): all_of(query, self._asked.within(part)) for i, part in enumerate(self._slices)}
        body = {"query": query, "size": 0, "aggs": {"slices": {"filters": {"filters": parts}}}}
        answer = self._lines.client.search(self._asked.group.indices, body, self._notes)
        found = (aggregation_of(answer, "slices", "buckets", str(i)) for i in range(len(self._slices)))
        return np.array([float(bucket.get("doc_count") or 0) for bucket in found])

    def _shouted(self, deadline: Deadline) -> _Read:
        """Warnings and worse."""
        if self._loud is None:
            return self._nothing
        query = all_of(self._asked.query, self._loud)
        return self._bounded(query, self._count_slices(query), round(self._most * _LOUD_SHARE), "loud", deadline)

    def _bounded(self, query: Query, per_slice: Floats, most: int, what: str, deadline: Deadline) -> _Read:
        """All lines of a query, or so many of each slice at random where they are too many."""
        total = int(per_slice.sum())
        if total <= most:
            return self._all_of(query, total, deadline)
        found, since = self._of_slices(query, per_slice, max(1, most // len(self._slices)), deadline)
        self._notes.add(f"{len(found):,} of {total:,} {what} lines read")
        return _Read(found, self._scale(found, per_slice), since)

    def _all_of(self, query: Query, total: int, deadline: Deadline) -> _Read:
        if not total:
            return self._nothing
        came = list(self._lines.read(self._asked, query, total, self._notes, deadline, self._skipped))
        since = self._window.start
        if deadline.left <= 0 and len(came) < total:
            oldest = min((record.time for _, record in came), default=self._window.end)
            since = self._slices[self._slice(oldest)].end  # of the slice of the oldest line some may lack
        return _Read(self._kept(came), self._nothing.scale, since)

    def _drawn(self, per_slice: Floats, deadline: Deadline) -> tuple[Lines, float]:
        """Quiet lines, as many of each slice as of any other: a short incident counts as much as the hour before."""
        each = min(MOST_AT_RANDOM, max(1, round(self._most * _QUIET_SHARE) // len(self._slices)))
        return self._of_slices(self._quiet, per_slice, each, deadline)

    def _of_slices(self, query: Query, per_slice: Floats, each: int, deadline: Deadline) -> tuple[Lines, float]:
        """So many lines of each slice at random, and since when all slices were read."""
        filled = [(part, int(count)) for part, count in zip(self._slices, per_slice, strict=True) if count][::-1]
        wanted = [(all_of(query, self._asked.within(part)), min(each, count)) for part, count in filled]
        found, answered = self._at_random(wanted, deadline)
        if answered == len(filled):
            return found, self._window.start
        self._notes.add("the time for reading was over before all of the window was sampled")
        return found, filled[answered][0].end

    def _at_random(self, wanted: list[tuple[Query, int]], deadline: Deadline) -> tuple[Lines, int]:
        """So many lines of each query, and how many of the queries were asked before the time was over."""

        def one(item: tuple[Query, int]) -> Lines | None:
            query, most = item
            hits = self._lines.pages.at_random(self._asked.order, query, most, self._notes, deadline)
            over = not hits and deadline.left <= 0
            return None if over else self._kept(records(self._asked, hits, self._skipped))

        with ThreadPoolExecutor(1 if self._lines.client.guard.strained else _AT_ONCE) as threads:
            parts = list(takewhile(lambda part: part is not None, threads.map(one, wanted)))
        found: Lines = {}
        for part in parts:
            found |= part or {}
        return found, len(parts)

    def _kept(self, read: Iterable[tuple[str, LogRecord]]) -> Lines:
        return {id: r for id, r in read if r.time in self._window and named(r, self._entities)}

    def _rare_if_answered(self, sample: Lines) -> _Read:
        """Rare lines, or none: a sample without them is still one, lines that break off in its midst would mislead."""
        guard = self._lines.client.guard
        if guard.strained or not self._asked.shape.body.is_text:
            why = "while the backend is in trouble" if guard.strained else "since no text is indexed"
            self._notes.add(f"rare quiet lines were not looked for {why}")
            return self._nothing
        try:
            rare = self._rare(sample) if self._deadline.left > 0 else None
        except Rejected as error:
            self._notes.add(f"rare quiet lines could not be looked for: {error}")
            return self._nothing
        if rare is None or rare.since > self._window.start:
            self._notes.add("rare quiet lines are left out, as the time for reading was over")
            return self._nothing
        return rare

    def _rare(self, sample: Lines) -> _Read:
        """Quiet lines that fit no pattern which is common in the sample."""
        most = round(self._most * _RARE_SHARE)
        known: list[Query] = []
        per_slice, query = np.zeros(len(self._slices)), self._quiet
        for _ in range(_ROUNDS):
            patterns = sorted(mine(sample.values(), self._window).patterns, key=lambda p: -p.total)
            fresh = queries_for((p for p in patterns if p.total >= _COMMON_LINES), self._asked.shape)
            asked = affordable([*known, *(one for one in fresh if one not in known)])
            if len(asked) == len(known) and known:
                break
            known = asked
            query = none_of(self._quiet, *known)
            per_slice = self._count_slices(query)
            if per_slice.sum() <= most or self._deadline.left <= 0:
                break
            sample, _ = self._at_random([(query, min(most, MOST_AT_RANDOM))], self._deadline)
        return self._bounded(query, per_slice, most, "unusual", self._deadline)

    def _places(self, lines: Lines) -> Places:
        """The slice of each line, shape (lines,)."""
        return np.array([self._slice(record.time) for record in lines.values()], dtype=np.int64)

    def _scale(self, read: Lines, counts: Floats) -> Floats:
        """How many lines one that was read stands for in each slice with so many, shape (slices,)."""
        of_slice = np.bincount(self._places(read), minlength=len(self._slices))
        return np.maximum(1.0, counts / np.maximum(of_slice, 1))

    def _weights(self, lines: Lines, scale: Floats) -> Floats:
        """How many lines each line stands for, shape (lines,)."""
        return np.asarray(scale[self._places(lines)], dtype=np.float64)

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

"""What the engine looks at: series as one matrix, log patterns, spans, changes and the call topology.

Times are seconds since the epoch (float, UTC) everywhere below the doors.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diagnosis.circles import circles

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open interval [start, end) in epoch seconds."""

    start: float
    end: float

    def __contains__(self, time: float) -> bool:
        return self.start <= time < self.end

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """One series: whose it is and what it measures."""

    entity: str
    metric: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.metric}"


@dataclass(frozen=True, slots=True)
class SeriesMatrix:
    """Series on one time grid. ``values`` has shape (series, time); NaN marks a missing sample."""

    keys: tuple[SeriesKey, ...]
    times: Floats
    values: Floats

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.keys), self.times.size):
            raise ValueError(f"values {self.values.shape} do not fit {len(self.keys)} keys x {self.times.size} times")

    @classmethod
    def empty(cls) -> "SeriesMatrix":
        return cls((), np.empty(0), np.empty((0, 0)))

    @property
    def points(self) -> int:
        return int(self.values.size)

    def row(self, key: SeriesKey) -> Floats | None:
        """Values of one series over ``times``, or None when it is not here."""
        try:
            return np.asarray(self.values[self.keys.index(key)], dtype=np.float64)
        except ValueError:
            return None

    def blocks(self, rows: int = 512) -> Iterator["SeriesMatrix"]:
        """The series in order, some hundreds at a time: what is worked on stays in cache, and a memory map on disk.

        At least one block, if an empty one.
        """
        for begin in range(0, max(len(self.keys), 1), rows):
            part = np.asarray(self.values[begin : begin + rows], dtype=np.float64)
            yield SeriesMatrix(self.keys[begin : begin + rows], self.times, part)

    def pick(self, rows: Sequence[int]) -> "SeriesMatrix":
        """Some of the series, in the order given."""
        values = np.asarray(self.values[list(rows)], dtype=np.float64).reshape(len(rows), self.times.size)
        return SeriesMatrix(tuple(self.keys[row] for row in rows), self.times, values)

    def within(self, window: Window) -> "SeriesMatrix":
        keep = (self.times >= window.start) & (self.times < window.end)
        return SeriesMatrix(self.keys, self.times[keep], self.values[:, keep])


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log line. ``severity`` is upper case OpenTelemetry text (INFO, WARN, ERROR, FATAL) or empty."""

    time: float
    entity: str
    severity: str
    body: str
    trace_id: str = ""
    attributes: Mapping[str, str | float | bool] = field(default_factory=dict)
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class LogPattern:
    """A template of one entity's log lines, and how it came and went.

    ``counts`` has one entry a bin of ``PatternTable.bin_seconds``; ``example`` is a line as it was written;
    ``attributes`` holds, for each attribute name, its most common values with their counts.
    """

    entity: str
    template: str
    severity: str
    example: str
    first_seen: float
    last_seen: float
    counts: tuple[int, ...]
    attributes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True, eq=False)
class LineSequence:
    """The lines that belong to a request, in order of time: all arrays have shape (lines,).

    ``pattern`` is a place in ``PatternTable.patterns``; ``request`` is a place in ``requests``: an entity, a trace id
    and a span id ("" where lines name no span). ``time`` is epoch seconds.
    """

    requests: tuple[tuple[str, str, str], ...]
    time: Floats
    pattern: NDArray[np.int32]
    request: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class PatternTable:
    """All log patterns of a window. ``lines_read`` below ``lines_seen`` means that lines were sampled."""

    window: Window
    bin_seconds: float
    patterns: tuple[LogPattern, ...]
    lines_seen: int = 0
    lines_read: int = 0
    sequence: LineSequence | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Span:
    """One operation of one trace. ``start`` is epoch seconds, ``duration`` seconds, ``parent_id`` empty at the root."""

    trace_id: str
    span_id: str
    parent_id: str
    entity: str
    name: str
    kind: str
    start: float
    duration: float
    error: bool
    message: str = ""
    attributes: Mapping[str, str | float | bool] = field(default_factory=dict)


class ChangeKind(StrEnum):
    COMMIT = "commit"
    DEPLOY = "deploy"
    FLAG = "flag"
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that somebody changed. ``diff`` is None where the feed has no diff (which differs from an empty one).

    ``commit`` is the commit that a deploy ships; ``before`` and ``after`` are the values of a flag or setting, and
    ``key`` is the setting's name.
    """

    kind: ChangeKind
    id: str
    time: float
    entity: str = ""
    title: str = ""
    author: str = ""
    files: tuple[str, ...] = ()
    diff: str | None = None
    commit: str = ""
    version: str = ""
    before: str = ""
    after: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """An entity of the topology. ``owned`` is False for a peer that we call but cannot change."""

    name: str
    owned: bool = True
    host: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    caller: str
    callee: str


@dataclass(frozen=True)
class Topology:
    """Who calls whom, and what runs where."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    @cached_property
    def _nodes(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _callees(self) -> Mapping[str, frozenset[str]]:
        return _grouped((edge.caller, edge.callee) for edge in self.edges)

    @cached_property
    def _callers(self) -> Mapping[str, frozenset[str]]:
        return _grouped((edge.callee, edge.caller) for edge in self.edges)

    def node(self, name: str) -> Node | None:
        return self._nodes.get(name)

    def callees(self, name: str) -> frozenset[str]:
        return self._callees.get(name, frozenset())

    def callers(self, name: str) -> frozenset[str]:
        return self._callers.get(name, frozenset())

    def reach(self, name: str) -> frozenset[str]:
        """Everything that ``name`` depends on, at any depth; cycles are fine."""
        return self._walk(name, self.callees)

    def dependants(self, name: str) -> frozenset[str]:
        """Everything that depends on ``name``, at any depth."""
        return self._walk(name, self.callers)

    @staticmethod
    def _walk(start: str, step: Callable[[str], Iterable[str]]) -> frozenset[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for name in step(todo.pop()):
                if name not in seen and name != start:
                    seen.add(name)
                    todo.append(name)
        return frozenset(seen)

    @cached_property
    def circles(self) -> tuple[frozenset[str], ...]:
        """All entities, grouped with those that they depend on in a circle; what a group calls stands before it."""
        return tuple(circles({**self._nodes, **self._callees, **self._callers}, self.callees))

    def circle(self, name: str) -> frozenset[str]:
        """``name`` and everything that it depends on and that depends on it."""
        return self._circle_of.get(name, frozenset((name,)))

    @cached_property
    def _circle_of(self) -> Mapping[str, frozenset[str]]:
        return {name: circle for circle in self.circles for name in circle}

    def merged(self, other: "Topology") -> "Topology":
        names = {node.name: node for node in (*other.nodes, *self.nodes)}
        edges = sorted({*self.edges, *other.edges})
        return Topology(tuple(names[name] for name in sorted(names)), tuple(edges))

    def path(self, source: str, target: str) -> tuple[str, ...]:
        """Shortest chain of callers from ``source`` up to ``target`` (both included), or empty."""
        previous = self._upwards(source)
        if target not in previous:
            return ()
        chain = [target]
        while chain[-1] != source:
            chain.append(previous[chain[-1]])
        return tuple(reversed(chain))

    def _upwards(self, source: str) -> Mapping[str, str]:
        """From each entity that depends on ``source`` the next one on the shortest way down to it."""
        if source not in self._ways:
            previous: dict[str, str] = {source: ""}
            frontier = [source]
            while frontier:
                frontier = sorted({up for name in frontier for up in self._new_callers(name, previous)})
            self._ways[source] = previous
        return self._ways[source]

    @cached_property
    def _ways(self) -> dict[str, Mapping[str, str]]:
        return {}

    def _new_callers(self, name: str, previous: dict[str, str]) -> Iterator[str]:
        for caller in sorted(self.callers(name)):
            if caller not in previous:
                previous[caller] = name
                yield caller


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for one, other in pairs:
        found.setdefault(one, set()).add(other)
    return {name: frozenset(others) for name, others in found.items()}

"""Log lines to templates with Drain (He et al., "Drain: An online log parsing approach with fixed depth tree", ICWS
2017, in its drain3 implementation), one tree an entity, severity and, where lines name it, line of source code.

Lines are masked first (numbers, ids, addresses), and a line that masks to a text seen before costs one look-up.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diagnosis.telemetry import LineSequence, LogPattern, LogRecord, PatternTable, Window

_MASKS = re.compile(
    # Whatever varies begins with one of these: elsewhere nothing needs to be tried.
    r"(?=[0-9a-fA-F+-])(?:"
    r"(?P<uuid>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
    r"|(?P<time>\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    r"|(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b)"
    r"|(?P<hex>\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)(?=[0-9]*[a-f])[0-9a-f]{7,}\b)"
    r"|(?P<number>(?<![A-Za-z0-9_.])[+-]?\d[\d_]*(?:\.\d+)?)"
    r")"
)
# What a line prints of an object or a list is data: fields in brackets, with a comma or an equals sign among them.
_PAYLOAD = re.compile(r"\((?=[^()]*[=,])[^()]*\)|\{[^{}]*\}|\[(?=[^\[\]]*,)[^\[\]]*\]")
_NESTING = 4
_PLACE = "\0"  # stands for the line of source code while numbers are masked: it tells messages apart
_LONGEST_LINE = 2_000  # characters that are looked at
_MOST_VALUES = 8  # of one attribute of one pattern
_MOST_TEMPLATES = 2_000  # distinct masked texts of one tree before new ones are folded together


_SUFFIX = r"\.(?:py|go|java|js|ts|rb|rs|c|cc|cpp|cs|kt|scala|php):\d"
_LOCATION = re.compile(rf"[A-Za-z_][\w.$]*#\d+\b|\b[\w/-]+{_SUFFIX}+\b")
_MAYBE_LOCATION = re.compile(rf"#\d|{_SUFFIX}")  # found fast, and missing in most lines


def location(line: str) -> str:
    """The line of source code that wrote it, where it says so near its beginning: ``Class#12``, ``file.go:12``."""
    head = line[:200]
    found = _LOCATION.search(head) if _MAYBE_LOCATION.search(head) else None
    return found[0] if found else ""


def mask(line: str) -> str:
    """The line with everything that varies by nature replaced by its kind in angle brackets."""
    text, place = line[:_LONGEST_LINE], location(line)
    text = text.replace(place, _PLACE, 1) if place else text
    for _ in range(_NESTING):
        text, found = _PAYLOAD.subn("<fields>", text)
        if not found:
            break
    masked = _MASKS.sub(lambda match: f"<{match.lastgroup}>", text)
    return masked.replace(_PLACE, place, 1) if place else masked


_Request = tuple[str, str, str]  # entity, trace id, span id


@dataclass
class _Cluster:
    """A template being collected. ``counts`` maps a bin to its lines."""

    example: str
    severity: str
    first: float
    last: float
    counts: dict[int, int] = field(default_factory=dict)
    attributes: dict[str, dict[str, int]] = field(default_factory=dict)


class _Tree:
    """One Drain tree and the look-up from masked text to cluster."""

    def __init__(self) -> None:
        self._miner: Any = None
        self._known: dict[str, int] = {}
        self.clusters: dict[int, _Cluster] = {}

    def cluster_of(self, text: str) -> int:
        found = self._known.get(text)
        if found is None:
            found = self._mine(text if len(self._known) < _MOST_TEMPLATES else "<other>")
            if len(self._known) < 50 * _MOST_TEMPLATES:
                self._known[text] = found
        return found

    def _mine(self, text: str) -> int:
        if self._miner is None:
            self._miner = _new_miner()
        cluster, _ = self._miner.add_log_message(text)
        return int(cluster.cluster_id)

    def template(self, id: int) -> str:
        cluster = self._miner.id_to_cluster[id]
        return str(cluster.get_template())


def _new_miner() -> Any:  # noqa: ANN401 - drain3 has no types
    from drain3.drain import Drain

    # Numbers are masked already: a digit that is left belongs to a name.
    return Drain(depth=5, sim_th=0.5, max_children=100, parametrize_numeric_tokens=False)


def mine(
    records: Iterable[LogRecord], window: Window, bin_seconds: float = 60.0, lines_seen: int | None = None
) -> PatternTable:
    """Patterns of all records within ``window``, counted in bins of ``bin_seconds``.

    ``lines_seen`` says how many lines there were when the records are a sample.
    """
    trees: dict[tuple[str, str, str], _Tree] = {}
    read = 0
    traced: list[tuple[float, _Request, _Cluster]] = []
    for record in records:
        if record.time not in window:
            continue
        read += 1
        place = (record.entity, record.severity, location(record.body))
        tree = trees.get(place)
        if tree is None:
            tree = trees[place] = _Tree()
        cluster = _count(tree, record, int((record.time - window.start) // bin_seconds))
        if record.trace_id:
            traced.append((record.time, (record.entity, record.trace_id, record.span_id), cluster))
    bins = max(1, int(-(-window.seconds // bin_seconds)))
    found = [
        (_pattern(entity, tree, id, cluster, bins), cluster)
        for (entity, _, _), tree in trees.items()
        for id, cluster in tree.clusters.items()
    ]
    found.sort(key=lambda item: (item[0].entity, item[0].template, item[0].severity))
    patterns = tuple(pattern for pattern, _ in found)
    sequence = _sequence(traced, [cluster for _, cluster in found]) if traced else None
    return PatternTable(window, bin_seconds, patterns, read if lines_seen is None else lines_seen, read, sequence)


def _sequence(traced: list[tuple[float, _Request, _Cluster]], clusters: list[_Cluster]) -> LineSequence:
    places = {id(cluster): place for place, cluster in enumerate(clusters)}
    requests = {request: code for code, request in enumerate(dict.fromkeys(request for _, request, _ in traced))}
    time = np.array([time for time, _, _ in traced])
    order = np.argsort(time, kind="stable")
    pattern = np.array([places[id(cluster)] for _, _, cluster in traced], dtype=np.int32)
    request = np.array([requests[request] for _, request, _ in traced], dtype=np.int32)
    return LineSequence(tuple(requests), time[order], pattern[order], request[order])


def _count(tree: _Tree, record: LogRecord, bin: int) -> _Cluster:
    id = tree.cluster_of(mask(record.body))
    cluster = tree.clusters.get(id)
    if cluster is None:
        example = record.body[:_LONGEST_LINE]
        cluster = tree.clusters[id] = _Cluster(example, record.severity, record.time, record.time)
    cluster.first, cluster.last = min(cluster.first, record.time), max(cluster.last, record.time)
    cluster.counts[bin] = cluster.counts.get(bin, 0) + 1
    for name, value in record.attributes.items():
        values = cluster.attributes.setdefault(name, {})
        text = str(value)[:300]
        if text in values or len(values) < _MOST_VALUES:
            values[text] = values.get(text, 0) + 1
        else:
            values["…"] = values.get("…", 0) + 1
    return cluster


def _pattern(entity: str, tree: _Tree, id: int, cluster: _Cluster, bins: int) -> LogPattern:
    counts = tuple(cluster.counts.get(bin, 0) for bin in range(bins))
    attributes = {
        name: dict(sorted(values.items(), key=lambda item: (-item[1], item[0])))
        for name, values in sorted(cluster.attributes.items())
    }
    return LogPattern(
        entity, tree.template(id), cluster.severity, cluster.example, cluster.first, cluster.last, counts, attributes
    )

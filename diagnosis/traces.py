"""Spans: topology, exclusive self time, calls between services, where errors start, calls per parent.

Self time is a span's duration less the union of its children's intervals (as in critical-path analysis, Chow et
al., "The Mystery Machine", OSDI 2014). An error starts at the deepest failing span: one whose children did not fail.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnosis.delivery import entity_stem
from diagnosis.span_table import Rows, SpanTable
from diagnosis.telemetry import Edge, Floats, Node, Span, Topology
from diagnosis.words import split_identifier, stem

Operation = tuple[str, str]  # entity, span name


def tabulate(spans: Iterable[Span]) -> SpanTable:
    """Spans as columns; a parent that is missing makes its children roots."""
    ordered = sorted(spans, key=lambda span: (span.start, span.trace_id, span.span_id))
    index = {(span.trace_id, span.span_id): i for i, span in enumerate(ordered)}
    parent = np.full(len(ordered), -1, np.int64)
    for i, span in enumerate(ordered):
        up = index.get((span.trace_id, span.parent_id), -1) if span.parent_id else -1
        parent[i] = up if up != i else -1
    entities, entity = _coded([span.entity for span in ordered])
    names, name = _coded([span.name for span in ordered])
    traces, trace = _coded([span.trace_id for span in ordered])
    return SpanTable(
        entities, names, traces, entity, name, trace, parent,
        np.array([span.start for span in ordered], dtype=np.float64),
        np.array([span.duration for span in ordered], dtype=np.float64),
        np.array([span.error for span in ordered], dtype=np.bool_),
        {i: text for i, span in enumerate(ordered) if span.error and (text := failure_text(span))},
        {i: peer for i, span in enumerate(ordered) if (peer := peer_of(span))},
        tuple(span.span_id for span in ordered),
    )  # fmt: skip


def _coded(words: list[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    known = {word: code for code, word in enumerate(sorted(set(words)))}
    return tuple(known), np.array([known[word] for word in words], dtype=np.int32)


def topology_of(table: SpanTable) -> Topology:
    """Call edges between the entities of parent and child spans; peers named by client spans are not ours."""
    edges = {Edge(table.entities[a], table.entities[b]) for a, b in call_edges(table)}
    childless = np.bincount(table.parent[table.parent >= 0], minlength=len(table)) == 0
    known, peers = set(table.entities), set()
    for row, peer in table.peers.items():
        if peer not in known and childless[row]:
            peers.add(peer)
            edges.add(Edge(table.entities[table.entity[row]], peer))
    nodes = [Node(name) for name in known] + [Node(peer, owned=False) for peer in peers]
    return Topology(tuple(sorted(nodes, key=lambda node: node.name)), tuple(sorted(edges)))


def call_edges(table: SpanTable) -> list[tuple[int, int]]:
    """Distinct (caller, callee) pairs of entity codes, sorted."""
    child = np.flatnonzero(table.parent >= 0)
    caller, callee = table.entity[table.parent[child]].astype(np.int64), table.entity[child].astype(np.int64)
    far = caller != callee
    pairs = np.unique(caller[far] * len(table.entities) + callee[far])
    return [(int(pair) // len(table.entities), int(pair) % len(table.entities)) for pair in pairs]


_PEER_KEYS = ("peer.service", "server.address", "net.peer.name", "http.host", "rpc.service.peer")


def peer_of(span: Span) -> str:
    """The other side of a client span, by OpenTelemetry's attributes; "" when it names none."""
    return next((str(span.attributes[key]).split(":")[0] for key in _PEER_KEYS if span.attributes.get(key)), "")


def self_time(table: SpanTable) -> Floats:
    """Seconds of each span that no child covers; shape (spans,)."""
    child = np.flatnonzero(table.parent >= 0)
    up = table.parent[child]
    order = np.lexsort((table.start[child], up))
    child, up = child[order], up[order]
    begin = np.clip(table.start[child] - table.start[up], 0.0, table.duration[up])
    end = np.clip(table.start[child] + table.duration[child] - table.start[up], 0.0, table.duration[up])
    first = np.r_[True, up[1:] != up[:-1]][: up.size]
    # One running maximum over all groups: each group is lifted above the one before it.
    lift = (np.cumsum(first) - 1) * (float(table.duration.max(initial=0.0)) + 1.0)
    reached = np.maximum.accumulate(end + lift) - lift if up.size else end
    before = np.where(first, 0.0, np.r_[0.0, reached[:-1]][: up.size])
    covered = np.bincount(up, np.maximum(end - np.maximum(begin, before), 0.0), len(table))
    return np.asarray(np.maximum(table.duration - covered, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """Calls from one service to another as both sides saw them; all arrays have shape (calls,).

    ``client`` is a row of the table: a span whose only child runs elsewhere; ``callee`` is the entity code of that child.
    ``gap`` is what the caller waited beyond the time that the callee worked, in seconds: network, queueing, set-up.
    """

    client: Rows
    callee: Rows
    gap: Floats


def calls(table: SpanTable) -> Calls:
    """Pairs of client and server spans, and leaves that name a service without a span of it (see ``named_calls``)."""
    child = np.flatnonzero(table.parent >= 0)
    up = table.parent[child]
    only = np.bincount(up, minlength=len(table))[up] == 1
    far = table.entity[child] != table.entity[up]
    server, client = child[only & far], up[only & far]
    gap = np.maximum(table.duration[client] - table.duration[server], 0.0)
    leaf, named = named_calls(table)
    return Calls(
        np.r_[client, leaf], np.r_[table.entity[server].astype(np.int64), named], np.r_[gap, table.duration[leaf]]
    )


def within_itself(table: SpanTable) -> NDArray[np.bool_]:
    """Spans whose parent is of the same service: of those that only wait for another one, the client's side of a call."""
    return np.asarray((table.parent >= 0) & (table.entity[table.parent] == table.entity))


def named_calls(table: SpanTable) -> tuple[Rows, Rows]:
    """Leaves whose name holds the name of exactly one other service: calls whose other side lost the trace.

    Returns their rows and the codes of the services named. An operation counts only if its spans never have children.
    """
    operation = table.entity.astype(np.int64) * max(len(table.names), 1) + table.name
    inner = np.unique(operation[table.parent[table.parent >= 0]])
    leaves = np.flatnonzero(~np.isin(operation, inner))
    stems = {code: entity_stem(name) for code, name in enumerate(table.entities)}
    target = {}
    for key in np.unique(operation[leaves]).tolist():
        mine, name = divmod(key, len(table.names))
        words = {stem(word) for word in split_identifier(re.sub(r"[^A-Za-z0-9]+", "_", table.names[name]))}
        fitting = [code for code, telling in stems.items() if code != mine and telling <= words]
        if len(fitting) == 1 and not stems[mine] & stems[fitting[0]]:
            target[key] = fitting[0]
    rows = leaves[np.isin(operation[leaves], list(target))] if target else leaves[:0]
    return rows, np.array([target[key] for key in operation[rows].tolist()], np.int64)


_GRPC_STATUS = {
    "1": "cancelled by the client", "2": "unknown error", "3": "invalid argument", "4": "deadline exceeded", "5": "not found",
    "7": "permission denied", "8": "resource exhausted", "9": "failed precondition", "12": "unimplemented",
    "13": "internal server error", "14": "unavailable", "16": "unauthenticated",
}  # fmt: skip


def failure_text(span: Span) -> str:
    """The span's message with its status code in words (gRPC's status codes; HTTP codes as they are)."""
    grpc = _GRPC_STATUS.get(str(span.attributes.get("rpc.grpc.status_code", "")).removesuffix(".0"), "")
    http = next(
        (str(span.attributes[k]) for k in ("http.response.status_code", "http.status_code") if k in span.attributes),
        "",
    )
    return " ".join(part for part in (span.message, grpc, http if http[:1] in "45" else "") if part)


@dataclass(frozen=True, slots=True)
class OperationStats:
    """One operation in one period: calls, error share, mean self time in seconds, most calls from one parent span."""

    calls: int
    errors: int
    origin_errors: int
    self_seconds: float
    calls_per_parent: float
    message: str


def operations(
    table: SpanTable, chosen: NDArray[np.bool_], self_seconds: Floats | None = None
) -> dict[Operation, OperationStats]:
    """Statistics of every operation over the chosen spans; ``chosen`` and ``self_seconds`` have shape (spans,)."""
    if self_seconds is None:
        self_seconds = self_time(table)
    rows = np.flatnonzero(chosen)
    key = table.entity[rows].astype(np.int64) * max(len(table.names), 1) + table.name[rows]
    keys, group = np.unique(key, return_inverse=True)
    count = np.bincount(group, minlength=keys.size)
    child = np.flatnonzero((table.parent >= 0) & table.error)
    inherited = np.zeros(len(table), dtype=bool)
    inherited[table.parent[child]] = True
    failed = table.error[rows]
    origin = failed & ~inherited[rows]
    # Where the parent is not told (yet), its children are those of one trace.
    parents = np.where(table.parent[rows] >= 0, table.parent[rows], len(table) + table.trace[rows].astype(np.int64))
    most = max(len(table) + len(table.traces), 1)
    distinct = np.unique(group * most + parents) // most
    seconds = np.bincount(group, self_seconds[rows], keys.size) / np.maximum(count, 1)
    errors = np.bincount(group, failed, keys.size)
    starts = np.bincount(group, origin, keys.size)
    per_parent = count / np.maximum(np.bincount(distinct, minlength=keys.size), 1)
    said = _messages(table, rows, group, origin)
    return {
        (table.entities[int(k) // len(table.names)], table.names[int(k) % len(table.names)]): OperationStats(
            int(count[i]), int(errors[i]), int(starts[i]), float(seconds[i]), float(per_parent[i]), said.get(i, "")
        )
        for i, k in enumerate(keys)
    }


def _messages(table: SpanTable, rows: Rows, group: Rows, origin: NDArray[np.bool_]) -> dict[int, str]:
    """The most frequent failure text of each group; where an error starts counts twice."""
    if not table.messages:
        return {}
    counts: dict[int, dict[str, int]] = {}
    told = np.flatnonzero(np.isin(rows, np.fromiter(table.messages, np.int64, len(table.messages))))
    for row, g, first in zip(rows[told].tolist(), group[told].tolist(), origin[told].tolist(), strict=True):
        text = table.messages[row]
        if text:
            mine = counts.setdefault(g, {})
            mine[text] = mine.get(text, 0) + 1 + first
    return {g: max(sorted(mine), key=lambda text: mine[text]) for g, mine in counts.items()}

"""Spans: topology, exclusive self time, where errors start, and how often one operation calls another.

Self time is a span's duration less the union of its children's intervals (as in critical-path analysis, Chow et
al., "The Mystery Machine", OSDI 2014). An error starts at the deepest failing span: one whose children did not fail.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diagnosis.telemetry import Edge, Node, Span, Topology

Operation = tuple[str, str]  # entity, span name


@dataclass(frozen=True, slots=True)
class SpanTree:
    """Spans with their parents and children found once."""

    spans: tuple[Span, ...]
    parent: Mapping[int, int]
    children: Mapping[int, tuple[int, ...]]


def tree_of(spans: Iterable[Span]) -> SpanTree:
    """Link spans of each trace; a parent that is missing makes its children roots."""
    ordered = tuple(sorted(spans, key=lambda span: (span.start, span.trace_id, span.span_id)))
    index = {(span.trace_id, span.span_id): i for i, span in enumerate(ordered)}
    parent: dict[int, int] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for i, span in enumerate(ordered):
        up = index.get((span.trace_id, span.parent_id)) if span.parent_id else None
        if up is not None and up != i:
            parent[i] = up
            children[up].append(i)
    return SpanTree(ordered, parent, {i: tuple(kids) for i, kids in children.items()})


def topology_of(tree: SpanTree) -> Topology:
    """Call edges between the entities of parent and child spans; peers named by client spans are not ours."""
    names = {span.entity for span in tree.spans}
    edges: set[Edge] = set()
    for child, up in tree.parent.items():
        caller, callee = tree.spans[up].entity, tree.spans[child].entity
        if caller != callee:
            edges.add(Edge(caller, callee))
    peers = set()
    for i, span in enumerate(tree.spans):
        peer = peer_of(span)
        if peer and peer not in names and i not in tree.children:
            peers.add(peer)
            edges.add(Edge(span.entity, peer))
    nodes = [Node(name) for name in names] + [Node(peer, owned=False) for peer in peers]
    return Topology(tuple(sorted(nodes, key=lambda node: node.name)), tuple(sorted(edges)))


_PEER_KEYS = ("peer.service", "server.address", "net.peer.name", "http.host", "rpc.service.peer")


def peer_of(span: Span) -> str:
    """The other side of a client span, by OpenTelemetry's attributes; "" when it names none."""
    return next((str(span.attributes[key]).split(":")[0] for key in _PEER_KEYS if span.attributes.get(key)), "")


def self_time(tree: SpanTree, i: int) -> float:
    """Seconds of span ``i`` that no child covers."""
    span = tree.spans[i]
    covered, reached = 0.0, span.start
    for kid in sorted((tree.spans[k] for k in tree.children.get(i, ())), key=lambda s: s.start):
        begin = max(kid.start, reached)
        end = min(kid.start + kid.duration, span.start + span.duration)
        if end > begin:
            covered += end - begin
            reached = end
    return max(span.duration - covered, 0.0)


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


def operations(tree: SpanTree, start: float, end: float) -> dict[Operation, OperationStats]:
    """Statistics of every operation whose spans start within [start, end)."""
    groups: defaultdict[Operation, list[int]] = defaultdict(list)
    for i, span in enumerate(tree.spans):
        if start <= span.start < end:
            groups[(span.entity, span.name)].append(i)
    return {operation: _stats(tree, members) for operation, members in groups.items()}


def _stats(tree: SpanTree, members: list[int]) -> OperationStats:
    spans = [tree.spans[i] for i in members]
    failed = [i for i in members if tree.spans[i].error]
    origin = [i for i in failed if not any(tree.spans[k].error for k in tree.children.get(i, ()))]
    parents: defaultdict[int, int] = defaultdict(int)
    for i in members:
        parents[tree.parent.get(i, -i - 1)] += 1
    messages = [text for i in origin if (text := failure_text(tree.spans[i]))]
    messages += [text for i in failed if (text := failure_text(tree.spans[i]))]
    return OperationStats(
        calls=len(spans),
        errors=len(failed),
        origin_errors=len(origin),
        self_seconds=sum(self_time(tree, i) for i in members) / len(members),
        calls_per_parent=len(members) / len(parents),
        message=max(sorted(set(messages)), key=messages.count) if messages else "",
    )

"""Spans of a window as whole traces, and the topology that they and service maps tell."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from diagnosis.telemetry import Edge, Node, Span, Topology, Window
from diagnosis.traces import tabulate, topology_of
from tools.logs.catalogue import Catalogue, Group
from tools.logs.client import Json, Notes, SearchClient
from tools.logs.lines import aggregation_of, buckets_of, total_of
from tools.logs.paging import MOST_AT_RANDOM, Deadline, Order, Pages, hits_of
from tools.logs.policy import LogPolicy
from tools.logs.queries import Query, all_of, between, storable, whole_value
from tools.logs.span_documents import EXCLUDED, span_of, trace_fields
from tools.logs.span_shapes import SpanShape
from tools.recording_files import Skipped
from tools.spec import Absent, Answer, Empty, GetTopology, GetTraces, Rows, SpanBatch

_MOST_COUNTED = 10_000_000
_MOST_TRACES = 10_000
_TRACES_A_QUERY = 500
_SLICES = 20
_DRAWN_PER_TRACE = 4  # spans, as those of one trace are drawn together
_TOPOLOGY_SECONDS = 900.0
_TOPOLOGY_SPANS = 10_000
_MOST_SERVICES = 500
_MICROSECONDS = 1e6


@dataclass(frozen=True)
class _Asked:
    """Spans of one group that start within a window."""

    group: Group[SpanShape]
    window: Window
    query: Query

    @property
    def shape(self) -> SpanShape:
        return self.group.shape

    @property
    def order(self) -> Order:
        return Order(self.group.indices, self.shape.start, EXCLUDED)


class Traces:
    """Spans of all groups. Methods raise ``BackendError``."""

    def __init__(
        self, client: SearchClient, catalogue: Catalogue, pages: Pages, policy: LogPolicy, now: Callable[[], float]
    ) -> None:
        self._client, self._catalogue, self._pages = client, catalogue, pages
        self._policy, self._now = policy, now

    def _absent(self) -> Absent:
        looked_at = self._catalogue.contents().looked_at
        return Absent(
            f"{self._client.name} holds nothing that looks like spans ({looked_at:,} indices looked at); "
            "name them in pcause.yaml: opensearch.logs.spans"
        )

    def get_traces(self, arguments: GetTraces) -> Answer:
        """Spans that start within the window, of traces that touch the entities; over the limit some traces, whole."""
        groups = self._catalogue.contents().spans
        if not groups:
            return self._absent()
        notes, skipped, deadline = Notes(), Skipped(), Deadline(self._policy.search_seconds)
        window, names = Window(arguments.start, arguments.end), storable(arguments.entities)
        spans: list[Span] = []
        matched = 0
        for group in groups:
            when = between(group.shape.start, window, _MICROSECONDS)
            asked = _Asked(group, window, all_of(when))
            if arguments.entities:
                traces = self._traces_of(asked, names, notes)
                found = list(self._of_traces(asked, traces, arguments.limit, notes, deadline, skipped))
                matched += len(found)
            else:
                total = self._count(asked, asked.query, notes)
                found = self._spans(asked, total, arguments.limit, notes, deadline, skipped) if total else []
                matched += total
            spans += found
        kept = _newest_whole(spans, arguments.limit)
        if skipped.note:
            notes.add(skipped.note)
        return Rows(SpanBatch(tuple(kept), max(matched, len(kept))), len(kept), str(notes)) if kept else Empty()

    def get_topology(self, arguments: GetTopology) -> Answer:
        """Who calls whom, by the service maps there are and by the spans of the minutes before ``around``."""
        contents = self._catalogue.contents()
        if not contents.spans and not contents.service_maps and not contents.dependencies:
            return self._absent()
        notes, skipped, deadline = Notes(), Skipped(), Deadline(self._policy.search_seconds)
        end = (self._now() if arguments.around is None else arguments.around) + 60.0
        edges = {*self._mapped_edges(contents.service_maps, notes), *self._dependencies(contents.dependencies, notes)}
        named = {name for edge in edges for name in (edge.caller, edge.callee)}
        whole = Topology(tuple(Node(name) for name in sorted(named)), tuple(sorted(edges)))
        if self._client.guard.strained and edges:
            notes.add("calls of the last minutes were not read while the backend is in trouble")
        else:
            window = Window(end - _TOPOLOGY_SECONDS, end)
            for group in contents.spans:
                asked = _Asked(group, window, all_of(between(group.shape.start, window, _MICROSECONDS)))
                total = self._count(asked, asked.query, notes)
                if total:
                    spans = self._spans(asked, total, _TOPOLOGY_SPANS, notes, deadline, skipped)
                    whole = topology_of(tabulate(spans)).merged(whole) if spans else whole
        return Rows(whole, len(whole.nodes) + len(whole.edges), str(notes)) if whole.nodes else Empty()

    def _count(self, asked: _Asked, query: Query, notes: Notes) -> int:
        body = {"query": query, "size": 0, "track_total_hits": _MOST_COUNTED}
        return total_of(self._client.search(asked.group.indices, body, notes))

    def _spans(
        self, asked: _Asked, total: int, limit: int, notes: Notes, deadline: Deadline, skipped: Skipped
    ) -> list[Span]:
        if total <= limit:
            hits = self._pages.in_order(asked.order, asked.query, limit, notes, deadline)
            return [span for span in self._read(asked, hits, skipped) if span.start in asked.window]
        traces = self._sampled_traces(asked, total, limit, notes, deadline)
        notes.add(f"{len(traces):,} traces were drawn from {total:,} spans, those with errors first")
        return list(self._of_traces(asked, traces, limit, notes, deadline, skipped))

    def _read(self, asked: _Asked, hits: Iterator[Json], skipped: Skipped) -> Iterator[Span]:
        for hit in hits:
            span = span_of(hit, asked.shape, skipped)
            if span is not None:
                yield span

    def _traces_of(self, asked: _Asked, names: tuple[str, ...], notes: Notes) -> list[str]:
        """Traces that touch the entities."""
        place = asked.shape.entity
        if place is None or not names:
            return []
        return self._trace_ids(asked, all_of(asked.query, whole_value(place, names)), _MOST_TRACES, notes)

    def _trace_ids(self, asked: _Asked, query: Query, most: int, notes: Notes) -> list[str]:
        field = asked.shape.trace_id.exact
        if not field:
            return []
        counting = {"traces": {"terms": {"field": field, "size": most, "order": {"_key": "asc"}}}}
        answer = self._client.search(asked.group.indices, {"query": query, "size": 0, "aggs": counting}, notes)
        found = [str(bucket["key"]) for bucket in buckets_of(answer, "traces")]
        if len(found) == most:
            notes.add(f"only {most:,} of the traces asked for were read")
        return found

    def _sampled_traces(self, asked: _Asked, total: int, limit: int, notes: Notes, deadline: Deadline) -> list[str]:
        """Traces for about ``limit`` spans: up to half with errors, the others evenly over time."""
        counting = {"traces": {"cardinality": {"field": asked.shape.trace_id.exact or asked.shape.trace_id.name}}}
        answer = self._client.search(asked.group.indices, {"query": asked.query, "size": 0, "aggs": counting}, notes)
        distinct = max(1.0, float(aggregation_of(answer, "traces").get("value") or 1.0))
        wanted = min(_MOST_TRACES, max(_SLICES, int(limit * distinct / total)))
        chosen = dict.fromkeys(
            self._drawn(asked, all_of(asked.query, _errors(asked.shape)), wanted // 2, notes, deadline)
        )
        for trace in self._drawn(asked, asked.query, wanted, notes, deadline):
            if len(chosen) >= wanted:
                break
            chosen[trace] = None
        return list(chosen)

    def _drawn(self, asked: _Asked, query: Query, most: int, notes: Notes, deadline: Deadline) -> list[str]:
        """Trace ids of spans drawn at random, dealt in turns from the slices of the window.

        Few large draws, as an engine goes through all spans of a query for each; dealing keeps a quiet slice seen.
        """
        draws = -(-_DRAWN_PER_TRACE * most // MOST_AT_RANDOM)
        seconds = asked.window.seconds / max(draws, 1)
        order = replace(asked.order, includes=trace_fields(asked.shape))
        slices: list[dict[str, None]] = [{} for _ in range(_SLICES)]
        for i in range(draws):
            part = Window(asked.window.start + i * seconds, asked.window.start + (i + 1) * seconds)
            within = all_of(query, between(asked.shape.start, part, _MICROSECONDS))
            hits = self._pages.at_random(order, within, -(-_DRAWN_PER_TRACE * most // draws), notes, deadline)
            for span in self._read(asked, iter(hits), Skipped()):
                place = int((span.start - asked.window.start) / asked.window.seconds * _SLICES)
                slices[min(max(place, 0), _SLICES - 1)][span.trace_id] = None
        columns = [list(column) for column in slices]
        deepest = max(map(len, columns))
        return [column[row] for row in range(deepest) for column in columns if row < len(column)][:most]

    def _of_traces(
        self, asked: _Asked, traces: list[str], limit: int, notes: Notes, deadline: Deadline, skipped: Skipped
    ) -> Iterator[Span]:
        """All spans of the traces within the window; traces that would pass the limit are left out whole."""
        left = limit
        for begin in range(0, len(traces), _TRACES_A_QUERY):
            some = traces[begin : begin + _TRACES_A_QUERY]
            query = all_of(asked.query, whole_value(asked.shape.trace_id, some))
            hits = self._pages.in_order(asked.order, query, left + 1, notes, deadline)
            found = [span for span in self._read(asked, hits, skipped) if span.start in asked.window]
            yield from found
            left -= len(found)
            if left <= 0 or deadline.left <= 0:
                return

    def _mapped_edges(self, indices: tuple[str, ...], notes: Notes) -> Iterator[Edge]:
        """Edges of Data Prepper's service map."""
        if not indices:
            return
        callees = {"callees": {"terms": {"field": "destination.domain", "size": _MOST_SERVICES}}}
        callers = {"callers": {"terms": {"field": "serviceName", "size": _MOST_SERVICES}, "aggs": callees}}
        answer = self._client.search(indices, {"size": 0, "aggs": callers}, notes)
        for caller in buckets_of(answer, "callers"):
            for callee in buckets_of({"aggregations": caller}, "callees"):
                if callee["key"] != caller["key"]:
                    yield Edge(str(caller["key"]), str(callee["key"]))

    def _dependencies(self, indices: tuple[str, ...], notes: Notes) -> Iterator[Edge]:
        """Edges of Jaeger's last dependency runs."""
        if not indices:
            return
        body = {"size": 5, "sort": [{"timestamp": {"order": "desc", "unmapped_type": "date"}}]}
        for hit in hits_of(self._client.search(indices, body, notes)):
            links = (hit.get("_source") or {}).get("dependencies")
            for link in links if isinstance(links, list) else ():
                if isinstance(link, dict) and link.get("parent") and link.get("child") not in (None, link["parent"]):
                    yield Edge(str(link["parent"]), str(link["child"]))


def _errors(shape: SpanShape) -> Query:
    """Spans that failed."""
    if not shape.jaeger:
        place = shape.status
        if place is None:
            return {"match_none": {}}
        if place.is_number:
            return {"term": {place.name: 2}}
        return {"terms": {place.exact or place.name: ["2", "ERROR", "Error", "error", "STATUS_CODE_ERROR"]}}
    flat: list[Query] = [{"term": {"tag.error": "true"}}]
    tags = {"bool": {"filter": [{"term": {"tags.key": "error"}}, {"term": {"tags.value": "true"}}]}}
    flat.append({"nested": {"path": "tags", "query": tags, "ignore_unmapped": True}} if shape.nested_tags else tags)
    return {"bool": {"should": flat, "minimum_should_match": 1}}


def _newest_whole(spans: list[Span], limit: int) -> list[Span]:
    """At most ``limit`` spans in order of time; a trace that was cut to fit is left out."""
    ordered = sorted(spans, key=lambda span: (span.start, span.trace_id, span.span_id))
    if len(ordered) <= limit:
        return ordered
    cut = {span.trace_id for span in ordered[:-limit]}
    whole = [span for span in ordered[-limit:] if span.trace_id not in cut]
    return whole or ordered[-limit:]

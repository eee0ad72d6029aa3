"""Spans of a window as whole traces, and the topology that they and service maps tell."""

from collections.abc import Callable, Iterator

from diagnosis.telemetry import Edge, Node, Topology, Window
from diagnosis.traces import tabulate, topology_of
from tools.logs.answers import answered, buckets_of
from tools.logs.catalogue import Catalogue, Group
from tools.logs.client import Notes, SearchClient
from tools.logs.paging import Deadline, Pages, hits_of
from tools.logs.policy import LogPolicy
from tools.logs.queries import storable
from tools.logs.span_shapes import SpanShape
from tools.logs.trace_sampling import AskedSpans, TraceSampler
from tools.recording_files import Skipped
from tools.spec import Absent, Answer, Empty, GetTopology, GetTraces, Rows, SpanBatch

_TOPOLOGY_SECONDS = 900.0
_TOPOLOGY_SPANS = 10_000
_MOST_SERVICES = 500


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
        window, names, limit = Window(arguments.start, arguments.end), storable(arguments.entities), arguments.limit
        samplers = [self._sampler(group, window, notes, skipped, deadline) for group in groups]
        if arguments.entities:
            traced = answered(samplers, lambda sampler: (sampler, *sampler.traces_of(names)), notes)
            matched = sum(sum(counts.values()) for _, _, counts in traced)
            found = [
                s.draw_of(failing, counts, _share(sum(counts.values()), matched, limit))
                for s, failing, counts in traced
            ]
        else:
            counted = answered(samplers, lambda sampler: (sampler, sampler.count()), notes)
            matched = sum(total for _, total in counted)
            found = [s.draw(total, _share(total, matched, limit)) for s, total in counted if total]
        spans = sorted((s for some in found for s in some), key=lambda span: (span.start, span.trace_id, span.span_id))
        if skipped.note:
            notes.add(skipped.note)
        return Rows(SpanBatch(tuple(spans), max(matched, len(spans))), len(spans), str(notes)) if spans else Empty()

    def _sampler(
        self, group: Group[SpanShape], window: Window, notes: Notes, skipped: Skipped, deadline: Deadline
    ) -> TraceSampler:
        return TraceSampler(self._client, self._pages, AskedSpans(group, window), notes, skipped, deadline)

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
            samplers = [self._sampler(group, window, notes, skipped, deadline) for group in contents.spans]
            for spans in answered(samplers, lambda sampler: sampler.draw(sampler.count(), _TOPOLOGY_SPANS), notes):
                whole = topology_of(tabulate(spans)).merged(whole) if spans else whole
        return Rows(whole, len(whole.nodes) + len(whole.edges), str(notes)) if whole.nodes else Empty()

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


def _share(part: int, total: int, limit: int) -> int:
    """How many of ``limit`` spans are for a group that has this part of all."""
    return limit if total <= limit else limit * part // total

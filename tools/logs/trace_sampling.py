"""Which traces of too many are read: whole ones that fit together, those with errors first, the others over all time."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from diagnosis.telemetry import Span, Window
from tools.logs.answers import aggregation_of, buckets_of, total_of
from tools.logs.catalogue import Group
from tools.logs.client import Json, Notes, SearchClient
from tools.logs.paging import MOST_AT_RANDOM, Deadline, Order, Pages
from tools.logs.queries import Query, all_of, between, whole_value
from tools.logs.span_documents import EXCLUDED, span_of, trace_fields
from tools.logs.span_shapes import SpanShape
from tools.recording_files import Skipped

MICROSECONDS = 1e6
_MOST_COUNTED = 10_000_000
_MOST_TRACES = 10_000
_TRACES_A_QUERY = 500
_SLICES = 20
_DRAWN_PER_TRACE = 4  # spans, as those of one trace are drawn together
_ERROR_SHARE = 0.5

Counts = dict[str, int]  # spans by trace id


@dataclass(frozen=True)
class AskedSpans:
    """Spans of one group that start within a window."""

    group: Group[SpanShape]
    window: Window

    @property
    def query(self) -> Query:
        return all_of(between(self.group.shape.start, self.window, MICROSECONDS))

    @property
    def shape(self) -> SpanShape:
        return self.group.shape

    @property
    def order(self) -> Order:
        return Order(self.group.indices, self.shape.start, EXCLUDED, newest_first=True)


class TraceSampler:
    """Reads spans of one group within a deadline. Methods raise ``BackendError``."""

    def __init__(
        self, client: SearchClient, pages: Pages, asked: AskedSpans, notes: Notes, skipped: Skipped, deadline: Deadline
    ) -> None:
        self._client, self._pages, self._asked = client, pages, asked
        self._notes, self._skipped, self._deadline = notes, skipped, deadline

    def count(self) -> int:
        """How many spans there are, up to ten million."""
        body = {"query": self._asked.query, "size": 0, "track_total_hits": _MOST_COUNTED}
        return total_of(self._client.search(self._asked.group.indices, body, self._notes))

    def draw(self, total: int, limit: int) -> list[Span]:
        """All ``total`` spans, or whole traces of at most ``limit`` spans together."""
        if total <= limit or not self._asked.shape.trace_id.exact:
            return self._newest(limit)
        wanted = self._wanted(total, limit)
        failing = self._drawn(all_of(self._asked.query, _errors(self._asked.shape)), wanted // 2)
        others = self._drawn(self._asked.query, wanted)
        counts = self._spans_of([trace for column in (*failing, *others) for trace in column])
        chosen = _fitting(_dealt(failing, counts), _dealt(others, counts), counts, limit)
        return self._chosen(chosen, counts, total, limit)

    def traces_of(self, names: tuple[str, ...]) -> tuple[list[str], Counts]:
        """Traces in which the entities have spans: those where they failed, and how many spans each of all has."""
        place = self._asked.shape.entity
        if place is None or not names:
            return [], {}
        query = all_of(self._asked.query, whole_value(place, names))
        traces = self._trace_ids(query)
        if len(traces) == _MOST_TRACES:
            self._notes.add(f"only {_MOST_TRACES:,} of the traces asked for were looked at")
        failing = self._trace_ids(all_of(query, _errors(self._asked.shape))) if traces else []
        return failing, self._spans_of(traces)

    def draw_of(self, failing: list[str], counts: Counts, limit: int) -> list[Span]:
        """All spans of the traces, or whole traces of at most ``limit`` spans together."""
        total = sum(counts.values())
        shuffled = sorted(counts, key=_chance)  # ids may tell the time
        chosen = shuffled
        if total > limit:
            chosen = _fitting([trace for trace in failing if trace in counts], shuffled, counts, limit)
        return self._chosen(chosen, counts, total, limit)

    def _chosen(self, chosen: list[str], counts: Counts, total: int, limit: int) -> list[Span]:
        if not chosen and total:
            self._notes.add(f"no trace fits into {limit:,} spans: the newest spans are told, of cut traces")
            return self._newest(limit)
        if sum(counts[trace] for trace in chosen) < total:
            self._notes.add(f"{len(chosen):,} traces were drawn from {total:,} spans, those with errors first")
        return list(self._whole(chosen, counts))

    def _newest(self, limit: int) -> list[Span]:
        hits = self._pages.in_order(self._asked.order, self._asked.query, limit, self._notes, self._deadline)
        return self._read(hits)

    def _read(self, hits: Iterable[Json]) -> list[Span]:
        spans = (span_of(hit, self._asked.shape, self._skipped) for hit in hits)
        return [span for span in spans if span is not None and span.start in self._asked.window]

    def _whole(self, traces: list[str], counts: Counts) -> Iterator[Span]:
        """All spans of the traces within the window. What the deadline cuts off are whole traces, of any time."""
        done = 0
        for some in _batches(traces, counts, self._pages.page_lines):
            expected = sum(counts[trace] for trace in some)
            query = all_of(self._asked.query, whole_value(self._asked.shape.trace_id, some))
            hits = list(self._pages.in_order(self._asked.order, query, expected, self._notes, self._deadline))
            if len(hits) < expected and self._deadline.left <= 0:
                self._notes.add(f"the time for reading was over after {done:,} of {len(traces):,} traces")
                return
            yield from self._read(hits)
            done += len(some)

    def _trace_ids(self, query: Query) -> list[str]:
        field = self._asked.shape.trace_id.exact
        if not field:
            return []
        counting = {"traces": {"terms": {"field": field, "size": _MOST_TRACES, "order": {"_key": "asc"}}}}
        answer = self._client.search(
            self._asked.group.indices, {"query": query, "size": 0, "aggs": counting}, self._notes
        )
        return [str(bucket["key"]) for bucket in buckets_of(answer, "traces")]

    def _spans_of(self, traces: Iterable[str]) -> Counts:
        """How many spans each trace has within the window."""
        ids = list(dict.fromkeys(traces))
        if not ids:
            return {}
        place = self._asked.shape.trace_id
        # "map" counts what was found, where the default would first number all traces there are.
        counting = {"traces": {"terms": {"field": place.exact, "size": len(ids), "execution_hint": "map"}}}
        body = {"query": all_of(self._asked.query, whole_value(place, ids)), "size": 0, "aggs": counting}
        answer = self._client.search(self._asked.group.indices, body, self._notes)
        return {str(bucket["key"]): int(bucket.get("doc_count") or 0) for bucket in buckets_of(answer, "traces")}

    def _wanted(self, total: int, limit: int) -> int:
        """How many traces have about ``limit`` spans."""
        counting = {"traces": {"cardinality": {"field": self._asked.shape.trace_id.exact}}}
        body = {"query": self._asked.query, "size": 0, "aggs": counting}
        answer = self._client.search(self._asked.group.indices, body, self._notes)
        distinct = max(1.0, float(aggregation_of(answer, "traces").get("value") or 1.0))
        return min(_MOST_TRACES, max(_SLICES, int(limit * distinct / total)))

    def _drawn(self, query: Query, most: int) -> list[list[str]]:
        """Trace ids of spans drawn at random, by slices of the window.

        Few large draws, as an engine goes through all spans of a query for each.
        """
        asked = self._asked
        draws = -(-_DRAWN_PER_TRACE * most // MOST_AT_RANDOM)
        seconds = asked.window.seconds / max(draws, 1)
        order = replace(asked.order, includes=trace_fields(asked.shape))
        slices: list[dict[str, None]] = [{} for _ in range(_SLICES)]
        for i in reversed(range(draws)):
            part = Window(asked.window.start + i * seconds, asked.window.start + (i + 1) * seconds)
            within = all_of(query, between(asked.shape.start, part, MICROSECONDS))
            each = -(-_DRAWN_PER_TRACE * most // draws)
            for hit in self._pages.at_random(order, within, each, self._notes, self._deadline):
                span = span_of(hit, asked.shape, Skipped())
                if span is not None:
                    place = int((span.start - asked.window.start) / asked.window.seconds * _SLICES)
                    slices[min(max(place, 0), _SLICES - 1)][span.trace_id] = None
        return [list(column) for column in slices]


def _chance(trace: str) -> float:
    """A number above 0 and at most 1, evenly at random and the same every time."""
    return (int.from_bytes(hashlib.blake2b(trace.encode(), digest_size=6).digest(), "big") + 1) / 2**48


def _dealt(columns: list[list[str]], counts: Counts) -> list[str]:
    """Traces in turns from the slices of the window, which keeps a quiet slice seen.

    A trace of many spans was drawn the more easily, so it stands that much further behind in its slice.
    """
    ranked = [
        sorted((t for t in column if counts.get(t)), key=lambda t: _chance(t) ** counts[t], reverse=True)
        for column in columns
    ]
    deepest = max(map(len, ranked))
    return [column[row] for row in range(deepest) for column in ranked if row < len(column)]


def _fitting(failing: list[str], others: list[str], counts: Counts, limit: int) -> list[str]:
    """Whole traces of at most ``limit`` spans: failing ones for half of it, then as they come."""
    chosen: dict[str, None] = {}
    left = limit
    for traces, spared in ((failing, limit * (1 - _ERROR_SHARE)), (others, 0.0), (failing, 0.0)):
        for trace in traces:
            if trace not in chosen and counts[trace] <= left - spared:
                chosen[trace] = None
                left -= counts[trace]
    return list(chosen)


def _batches(traces: list[str], counts: Counts, most_spans: int) -> Iterator[list[str]]:
    """Traces in their order whose spans come in one answer; longer ones alone."""
    batch: list[str] = []
    spans = 0
    for trace in traces:
        if batch and (spans + counts[trace] > most_spans or len(batch) == _TRACES_A_QUERY):
            yield batch
            batch, spans = [], 0
        batch.append(trace)
        spans += counts[trace]
    if batch:
        yield batch


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

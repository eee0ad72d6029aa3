"""The log lines of an OpenSearch: what is asked of each group of indices, counted, searched and read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from diagnosis.telemetry import LogRecord, Window
from tools.logs.catalogue import Catalogue, Group
from tools.logs.client import Json, Notes, SearchClient
from tools.logs.mapping import LogShape
from tools.logs.paging import Deadline, Order, Pages
from tools.logs.policy import LogPolicy
from tools.logs.queries import Query, all_of, between, containing, storable, whole_value
from tools.logs.records import RecordReader, excluded, workload
from tools.recording_files import Skipped
from tools.spec import Absent, Answer, Empty, LogBatch, Rows, SearchLogs

_MOST_COUNTED = 10_000_000
_MOST_SCANNED = 20_000  # lines that are compared with a text which the index cannot find
_MOST_PODS = 2_000
_UNITS_PER_SECOND = (1e9, 1e6, 1e3)


@dataclass(frozen=True)
class Asked:
    """One group of indices and what of it is asked: lines of a window, of some entities."""

    group: Group[LogShape]
    query: Query
    order: Order
    units_per_second: float

    @property
    def shape(self) -> LogShape:
        return self.group.shape

    def within(self, window: Window) -> Query:
        """The part of it that falls into ``window``."""
        return all_of(self.query, between(self.shape.time, window, self.units_per_second))


class LogLines:
    """Lines of all groups. Methods raise ``BackendError`` and ``ToolError``."""

    def __init__(self, client: SearchClient, catalogue: Catalogue, pages: Pages, policy: LogPolicy) -> None:
        self.client, self.catalogue, self.pages, self.policy = client, catalogue, pages, policy
        self._units: dict[tuple[str, ...], float] = {}

    def absent(self) -> Absent:
        """Why there are no logs here."""
        looked_at = self.catalogue.contents().looked_at
        return Absent(
            f"{self.client.name} holds nothing that looks like log lines ({looked_at:,} indices looked at); "
            "name them in pcause.yaml: opensearch.logs.logs"
        )

    def asked(self, window: Window, entities: tuple[str, ...]) -> Iterator[Asked]:
        """The groups that can have lines of these entities (all, where none is named)."""
        names = storable(entities)
        for group in self.catalogue.logs():
            shape = group.shape
            units = self._units_per_second(group)
            when = between(shape.time, window, units)
            query: Query | None = all_of(when)
            if entities:
                query = self._of_entities(group, when, names)
            if query is not None:
                yield Asked(group, query, Order(group.indices, shape.time, excluded(shape)), units)

    def _of_entities(self, group: Group[LogShape], when: Query, names: tuple[str, ...]) -> Query | None:
        place = group.shape.entity
        if place is None or not names:
            return None
        if group.shape.pods:
            pods = self._pods(group, when)
            names = tuple(pod for pod in pods if workload(pod) in names)
        return all_of(when, whole_value(place, names)) if names else None

    def _pods(self, group: Group[LogShape], when: Query) -> tuple[str, ...]:
        place = group.shape.entity
        if place is None or not place.exact:
            return ()
        counting = {"pods": {"terms": {"field": place.exact, "size": _MOST_PODS}}}
        answer = self.client.search(group.indices, {"query": when, "size": 0, "aggs": counting}, Notes())
        return tuple(str(bucket["key"]) for bucket in buckets_of(answer, "pods"))

    def _units_per_second(self, group: Group[LogShape]) -> float:
        """What a number in the time field counts, told from the largest one."""
        if group.shape.time.is_date:
            return 1.0
        if group.indices not in self._units:
            newest = {"newest": {"max": {"field": group.shape.time.name}}}
            answer = self.client.search(group.indices, {"size": 0, "aggs": newest}, Notes())
            value = aggregation_of(answer, "newest").get("value") or 0.0
            self._units[group.indices] = next((unit for unit in _UNITS_PER_SECOND if value > 1e9 * unit / 10), 1.0)
        return self._units[group.indices]

    def count(self, asked: Asked, query: Query, notes: Notes) -> int:
        """How many documents fit, up to ten million."""
        body = {"query": query, "size": 0, "track_total_hits": _MOST_COUNTED}
        return total_of(self.client.search(asked.group.indices, body, notes))

    def read(
        self, asked: Asked, query: Query, most: int, notes: Notes, deadline: Deadline, skipped: Skipped
    ) -> Iterator[tuple[str, LogRecord]]:
        """Ids and lines in order of time."""
        yield from records(asked, self.pages.in_order(asked.order, query, most, notes, deadline), skipped)

    def search_logs(self, arguments: SearchLogs) -> Answer:
        """Lines that contain a text, whatever its case, in order of time."""
        if not self.catalogue.logs():
            return self.absent()
        window = Window(arguments.start, arguments.end)
        notes, skipped, deadline = Notes(), Skipped(), Deadline(self.policy.search_seconds)
        found: list[LogRecord] = []
        matched = 0
        for asked in self.asked(window, arguments.entities):
            fitting = self._fitting(asked, arguments, window, notes, skipped, deadline)
            found += fitting
            matched += len(fitting)
            if len(fitting) == arguments.limit:  # there may be more
                words = containing(asked.shape, arguments.contains)
                total = self.count(asked, all_of(asked.query, words), notes)
                matched += total - len(fitting) if words is not None or not arguments.contains else 0
        first = sorted(found, key=lambda r: (r.time, r.entity, r.body))[: arguments.limit]
        if skipped.note:
            notes.add(skipped.note)
        return Rows(LogBatch(tuple(first), max(matched, len(first))), len(first), str(notes)) if first else Empty()

    def _fitting(
        self, asked: Asked, arguments: SearchLogs, window: Window, notes: Notes, skipped: Skipped, deadline: Deadline
    ) -> list[LogRecord]:
        needle = arguments.contains.lower()
        if needle and not storable([arguments.contains]):
            return []
        words = containing(asked.shape, arguments.contains)
        if needle and words is None:
            notes.add(f"the index cannot find {needle[:40]!r}: the first {_MOST_SCANNED:,} lines were compared with it")
        most = max(_MOST_SCANNED, arguments.limit) if needle else arguments.limit
        found: list[LogRecord] = []
        lines = self.read(asked, all_of(asked.query, words), most, notes, deadline, skipped)
        for _, record in lines:
            if record.time in window and needle in record.body.lower() and named(record, arguments.entities):
                found.append(record)
                if len(found) == arguments.limit:
                    break
        return found


def named(record: LogRecord, entities: tuple[str, ...]) -> bool:
    """Whether the line is of one of the entities; an index of words finds more than that."""
    return not entities or record.entity in entities


def records(asked: Asked, hits: Iterable[Json], skipped: Skipped) -> Iterator[tuple[str, LogRecord]]:
    """Ids and lines of hits; what is no line is counted as skipped."""
    read: Callable[[Json, Skipped], LogRecord | None] = RecordReader(asked.shape).record
    for hit in hits:
        record = read(hit, skipped)
        if record is not None:
            yield f"{hit.get('_index')}/{hit.get('_id')}", record


def total_of(answer: Json) -> int:
    """How many documents a search found."""
    total = answer["hits"].get("total")
    value = total.get("value") if isinstance(total, dict) else total
    return value if isinstance(value, int) else 0


def aggregation_of(answer: Json, *path: str) -> Json:
    """What an aggregation says, nothing where the engine left it out."""
    inner: object = answer.get("aggregations")
    for name in path:
        inner = inner.get(name) if isinstance(inner, dict) else None
    return inner if isinstance(inner, dict) else {}


def buckets_of(answer: Json, *path: str) -> list[Json]:
    """The buckets of an aggregation that name something."""
    buckets = aggregation_of(answer, *path).get("buckets")
    return [b for b in buckets if isinstance(b, dict) and "key" in b] if isinstance(buckets, list) else []

"""The log lines of an OpenSearch: what is asked of each group of indices, counted, searched and read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from diagnosis.telemetry import LogRecord, Window
from tools.logs.answers import aggregation_of, answered, buckets_of, total_of
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
R = TypeVar("R")
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

    def of_groups(self, window: Window, entities: tuple[str, ...], ask: Callable[[Asked], R], notes: Notes) -> list[R]:
        """What the groups answer that can have lines of these entities (all, where none is named)."""

        def one(group: Group[LogShape]) -> R | None:
            asked = self._asked(group, window, entities)
            return None if asked is None else ask(asked)

        return [answer for answer in answered(self.catalogue.logs(), one, notes) if answer is not None]

    def _asked(self, group: Group[LogShape], window: Window, entities: tuple[str, ...]) -> Asked | None:
        shape = group.shape
        units = self._units_per_second(group)
        when = between(shape.time, window, units)
        query = self._of_entities(group, when, storable(entities)) if entities else all_of(when)
        if query is None:
            return None
        return Asked(group, query, Order(group.indices, shape.time, excluded(shape), newest_first=True), units)

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
        """Ids and lines, the newest first: what a deadline or a limit cuts off is what the alert is about least."""
        yield from records(asked, self.pages.in_order(asked.order, query, most, notes, deadline), skipped)

    def search_logs(self, arguments: SearchLogs) -> Answer:
        """The newest lines that contain a text, whatever its case, in order of time."""
        if not self.catalogue.logs():
            return self.absent()
        window = Window(arguments.start, arguments.end)
        notes, skipped, deadline = Notes(), Skipped(), Deadline(self.policy.search_seconds)

        def search(asked: Asked) -> tuple[list[LogRecord], int]:
            fitting = self._fitting(asked, arguments, window, notes, skipped, deadline)
            words = containing(asked.shape, arguments.contains)
            if len(fitting) < arguments.limit or (arguments.contains and words is None):
                return fitting, len(fitting)
            return fitting, self.count(asked, all_of(asked.query, words), notes)  # there may be more

        answers = self.of_groups(window, arguments.entities, search, notes)
        found, matched = [record for fitting, _ in answers for record in fitting], sum(count for _, count in answers)
        newest = sorted(found, key=lambda r: (r.time, r.entity, r.body))[-arguments.limit :]
        if matched > len(newest):
            notes.add(f"these are the newest {len(newest):,} of {matched:,} lines")
        if skipped.note:
            notes.add(skipped.note)
        return Rows(LogBatch(tuple(newest), max(matched, len(newest))), len(newest), str(notes)) if newest else Empty()

    def _fitting(
        self, asked: Asked, arguments: SearchLogs, window: Window, notes: Notes, skipped: Skipped, deadline: Deadline
    ) -> list[LogRecord]:
        needle = arguments.contains.lower()
        if needle and not storable([arguments.contains]):
            return []
        words = containing(asked.shape, arguments.contains)
        if needle and words is None:
            compared = f"the newest {_MOST_SCANNED:,} lines were compared with it"
            notes.add(f"the index cannot find {needle[:40]!r}: {compared}")
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

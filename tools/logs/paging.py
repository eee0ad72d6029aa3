"""Reading many documents: page by page through time, or some at random, within a deadline."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tools.logs.client import Json, Notes, Rejected, SearchClient
from tools.logs.mapping import Place
from tools.logs.queries import Query, all_of, shuffled, since, until

_NANOSECONDS = 1_000_000  # of a millisecond, in which dates are asked for
# The last key of a sort: whatever this engine knows that tells documents of one moment apart.
_TIEBREAKS = ("_shard_doc", "_seq_no", "")
_STRAINED_PAGE = 1_000
MOST_AT_RANDOM = 10_000  # what one answer may hold
_LONGEST_SEARCH_SECONDS = 9.0
_SEED = 20_160_229


class Deadline:
    """So much time for all answers of one call."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._end = clock, clock() + seconds

    @property
    def left(self) -> float:
        """Seconds."""
        return self._end - self._clock()

    def part(self, share: float) -> "Deadline":
        """A share of the time that is left."""
        return Deadline(max(self.left, 0.0) * share, self._clock)


@dataclass(frozen=True)
class Order:
    """Documents of some indices, in order of a time field: the oldest first, or ``newest_first``.

    ``excludes`` are fields that are not sent; where ``includes`` names some, no others are.
    """

    indices: tuple[str, ...]
    time: Place
    excludes: Sequence[str] = ()
    includes: Sequence[str] = ()
    newest_first: bool = False


class Pages:
    """Pages through one OpenSearch; remembers what it can do."""

    def __init__(self, client: SearchClient, page_lines: int) -> None:
        self._client, self._page_lines = client, page_lines
        self._tiebreak = 0

    @property
    def page_lines(self) -> int:
        """Documents in one answer: fewer while the backend is in trouble."""
        return min(self._page_lines, _STRAINED_PAGE) if self._client.guard.strained else self._page_lines

    def in_order(self, order: Order, query: Query, most: int, notes: Notes, deadline: Deadline) -> Iterator[Json]:
        """Hits in order of time, at most ``most``; a deadline that passes ends them with a note.

        Each page begins with the moment at which the last one ended, and what came already is passed over. A point
        in time would need none of that, but it makes the engine keep what it would drop, and some copy an index for
        it: it is opened only where one moment has more documents than a page.
        """
        known: frozenset[str] = frozenset()
        moment: float | None = None
        read = 0
        while read < most:
            if _is_over(deadline, read, notes):
                return
            size = min(self.page_lines, most - read + len(known))
            body = _body(order, _from(order, query, moment), size, deadline)
            hits = hits_of(self._client.search(order.indices, body | {"sort": _by_time(order)}, notes))
            fresh = [hit for hit in hits if _id(hit) not in known]
            yield from fresh[: most - read]
            read += len(fresh)
            if len(hits) < size or read >= most:
                return
            last = _moment(order, hits[-1])
            if last is None or last == moment:
                yield from self._crowded(
                    order, _from(order, query, moment), known | _ids(fresh), most - read, notes, deadline
                )
                return
            known = frozenset(_id(hit) for hit in hits if _moment(order, hit) == last)
            moment = last

    def _crowded(
        self, order: Order, query: Query, known: frozenset[str], most: int, notes: Notes, deadline: Deadline
    ) -> Iterator[Json]:
        """Hits that are not ``known``, paged through a point in time."""
        try:
            pit = self._client.open_pit(order.indices)
        except Rejected:
            pit = ""
            notes.add("read without a point in time, which this engine does not have: lines may have moved meanwhile")
        try:
            hits = self._pages(order, query, most + len(known), pit, notes, deadline)
            yield from islice((hit for hit in hits if _id(hit) not in known), most)
        finally:
            if pit:
                self._client.close_pit(pit)

    def _pages(
        self, order: Order, query: Query, most: int, pit: str, notes: Notes, deadline: Deadline
    ) -> Iterator[Json]:
        after: list[Any] | None = None
        read = 0
        while read < most:
            if _is_over(deadline, read, notes):
                return
            size = min(self.page_lines, most - read)
            body = _body(order, query, size, deadline)
            if pit:
                body["pit"] = {"id": pit, "keep_alive": "1m"}
            hits = self._page(order, body, after, notes)
            yield from hits
            read += len(hits)
            after = hits[-1].get("sort") if hits else None
            if len(hits) < size or not after:
                return

    def _page(self, order: Order, body: Json, after: list[Any] | None, notes: Notes) -> list[Json]:
        """One page; finds out once which tiebreak the engine knows."""
        if after is not None:
            body["search_after"] = after
        while True:
            tiebreak = _TIEBREAKS[self._tiebreak]
            known = tiebreak and ("pit" in body or tiebreak != "_shard_doc")
            body["sort"] = [*_by_time(order), *([{tiebreak: "asc"}] if known else [])]
            try:
                return hits_of(self._client.search(order.indices, body, notes))
            except Rejected as error:
                if after is not None or self._tiebreak + 1 == len(_TIEBREAKS) or "sort" not in str(error):
                    raise
                self._tiebreak += 1

    def at_random(self, order: Order, query: Query, most: int, notes: Notes, deadline: Deadline) -> list[Json]:
        """At most ``most`` hits (and at most one page) drawn evenly: the same ones for the same data."""
        if deadline.left <= 0 or most <= 0:
            return []
        body = _body(order, shuffled(query, _SEED), min(most, MOST_AT_RANDOM), deadline)
        body["sort"] = [{"_score": "desc"}, *_by_time(order)]
        return hits_of(self._client.search(order.indices, body, notes))


def _is_over(deadline: Deadline, read: int, notes: Notes) -> bool:
    if deadline.left > 0:
        return False
    notes.add(f"the time for reading was over after {read:,}")
    return True


def _by_time(order: Order) -> list[Json]:
    return [{order.time.name: {"order": "desc" if order.newest_first else "asc"}}]


def _from(order: Order, query: Query, moment: float | None) -> Query:
    """What of a query comes from a moment on, in this order."""
    if moment is None:
        return query
    return all_of(query, (until if order.newest_first else since)(order.time, moment))


def _moment(order: Order, hit: Json) -> float | None:
    """When a hit was, as exactly as it can be asked for; None where the engine does not say."""
    values = hit.get("sort")
    value = values[0] if isinstance(values, list) and values else None
    if not isinstance(value, int | float):
        return None
    return value // _NANOSECONDS if order.time.kind == "date_nanos" else value


def _id(hit: Json) -> str:
    return f"{hit.get('_index')}/{hit.get('_id')}"


def _ids(hits: list[Json]) -> frozenset[str]:
    return frozenset(map(_id, hits))


def _body(order: Order, query: Query, size: int, deadline: Deadline) -> Json:
    return {
        "query": query,
        "size": size,
        "track_total_hits": False,
        "timeout": f"{max(1, round(min(_LONGEST_SEARCH_SECONDS, deadline.left)))}s",
        "_source": {"excludes": list(order.excludes), **({"includes": list(order.includes)} if order.includes else {})},
    }


def hits_of(answer: Json) -> list[Json]:
    """The hits of a search that are documents."""
    hits = answer["hits"].get("hits")
    found = [hit for hit in hits if isinstance(hit, dict)] if isinstance(hits, list) else []
    return [hit for hit in found if isinstance(hit.get("_source"), dict)]

"""What a Prometheus holds in some window: families, label sets, distances of samples, first and last sample.

Bounded in what it asks: names first, then counts by name, and label sets only of names that are few enough.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from diagnosis.telemetry import Window
from tools.http.errors import BackendError
from tools.metrics.api import PrometheusApi
from tools.metrics.families import Family, families_of
from tools.metrics.outcomes import OUTCOME_LABELS
from tools.metrics.policy import MetricPolicy
from tools.metrics.promql import grouping, selector
from tools.metrics.questions import Questions, most
from tools.metrics.rows import Kind
from tools.metrics.sampling import Sampling

_NAMES_CHARACTERS = 2_500  # of an address line, in which "|" takes three
_GROUPED_MOMENTS = 12

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Discovery:
    """``labels`` has the label sets by metric name; of names with very many series, only labels that we know.

    ``intervals`` are seconds between samples by name; ``first`` and ``last`` are the bounds of the samples in the
    window (epoch seconds), NaN where no sample was seen. ``gaps`` tell why more may exist than is known; ``notes``
    tell of the rest that could not be had.
    """

    window: Window
    families: tuple[Family, ...]
    labels: Mapping[str, tuple[Mapping[str, str], ...]]
    counts: Mapping[str, int] = field(default_factory=dict)
    intervals: Mapping[str, float] = field(default_factory=dict)
    first: float = float("nan")
    last: float = float("nan")
    gaps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def series_of(self, name: str) -> int | None:
        """Series of a metric name, where that is known. Of buckets a usual number for each of their family."""
        if name in self.counts or name in self.labels:
            return max(self.counts.get(name, 0), len(self.labels.get(name, ())))
        for ending, each in (("_bucket", 24), ("_sum", 1)):
            count = self.counts.get(name.removesuffix(ending) + "_count") if name.endswith(ending) else None
            if count is not None:
                return count * each
        return None


class Explorer:
    """Discovers over one API. ``now`` is epoch seconds; after ``deadline`` (of ``clock``) nothing more is asked."""

    def __init__(
        self, api: PrometheusApi, policy: MetricPolicy, now: Callable[[], float], clock: Callable[[], float],
        deadline: float,
    ) -> None:  # fmt: skip
        self._questions, self._policy = Questions(api, now, clock, deadline), policy
        self._sampling = Sampling(self._questions, policy)

    def discover(self, window: Window) -> Discovery:
        """Everything about the window. Raises ``BackendError`` when not even the names can be had."""
        gaps: list[str] = []
        notes: list[str] = []
        api, each = self._questions.api, self._questions.each
        names = api.names(window.start, window.end, self._policy.matches)
        types = self._types(notes) if names else {}
        families = families_of(names, types, self._policy.catalogue)
        ranked = sorted(families, key=lambda family: (family.rank, family.name))
        wanted = list(dict.fromkeys(name for family in ranked for name in _described(family)))
        chunks = list(_chunks(wanted))
        counts = _merged(each(chunks, lambda chunk: self._counts(chunk, window), gaps))
        listed, crowded = self._listable(wanted, counts)
        labels = _merged(each(list(_chunks(listed)), lambda chunk: self._labels(chunk, window), gaps))
        labels |= _merged(each(sorted(crowded), lambda name: self._groups(name, families, window), gaps))
        first, last, intervals = self._sampling.of(labels, window, notes)
        gaps += api.warnings
        return Discovery(
            window, tuple(ranked), labels, counts, intervals, first, last, tuple(dict.fromkeys(gaps)),
            tuple(dict.fromkeys(notes)),
        )  # fmt: skip

    def _types(self, notes: list[str]) -> Mapping[str, str]:
        try:
            return self._questions.api.types()
        except BackendError as error:
            notes.append(f"types are read from names alone: {error}")
            return {}

    def _counts(self, names: Sequence[str], window: Window) -> Mapping[str, int]:
        """Series by name: the most at five moments of the window."""
        step = max(round(window.seconds / 4), 1)
        found = self._questions.range(
            f"count {grouping(['__name__'])} ({selector(names, self._policy.matches)})", window, step
        )
        return {one.labels.get("__name__", ""): int(most(one)) for one in found}

    def _labels(self, names: Sequence[str], window: Window) -> Mapping[str, tuple[Mapping[str, str], ...]]:
        found: dict[str, list[Mapping[str, str]]] = {}
        for labels in self._questions.api.series(selector(names, self._policy.matches), window.start, window.end):
            found.setdefault(labels.get("__name__", ""), []).append(labels)
        return {name: tuple(sets) for name, sets in found.items() if name}

    def _groups(
        self, name: str, families: Sequence[Family], window: Window
    ) -> Mapping[str, tuple[Mapping[str, str], ...]]:
        """Label sets of a name with too many series: only labels that are needed, at some moments."""
        rows = [family.row for family in families if family.described_by == name and family.row]
        own = [label for row in rows for label in (*row.entity_labels, *row.keep, *row.on, row.total) if label]
        labels = list(dict.fromkeys((*own, *self._policy.entity_labels, *OUTCOME_LABELS, "quantile")))
        step = max(round(window.seconds / _GROUPED_MOMENTS), 1)
        found = self._questions.range(
            f"count {grouping(labels)} ({selector([name], self._policy.matches)})", window, step
        )
        return {name: tuple(one.labels for one in found)}

    def _listable(self, names: Sequence[str], counts: Mapping[str, int]) -> tuple[list[str], set[str]]:
        """Names whose label sets may be listed, by rank, and those that are too many."""
        listed, crowded, room = [], set(), 2 * self._policy.most_series
        for name in names:
            count = counts.get(name, 1)
            if count > room:
                crowded.add(name)
            else:
                room -= count
                listed.append(name)
        return listed, crowded


def _described(family: Family) -> Iterator[str]:
    yield family.described_by
    if family.kind is Kind.RATIO:
        yield family.over


def _chunks(names: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for name in names:
        if chunk and size + len(name) + 3 > _NAMES_CHARACTERS:
            yield chunk
            chunk, size = [], 0
        chunk.append(name)
        size += len(name) + 3
    if chunk:
        yield chunk


def _merged(parts: Sequence[Mapping[str, T]]) -> dict[str, T]:
    return {name: value for part in parts for name, value in part.items()}

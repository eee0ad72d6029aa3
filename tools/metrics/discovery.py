"""What a Prometheus holds in some window: families, label sets, distances of samples, first and last sample.

Bounded in what it asks: names first, then counts by name, and label sets only of names that are few enough.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from diagnosis.telemetry import Window
from tools.http.errors import CircuitOpen, NoAnswer
from tools.metrics.api import PrometheusApi, Sampled
from tools.metrics.families import Family, families_of
from tools.metrics.outcomes import OUTCOME_LABELS
from tools.metrics.policy import MetricPolicy
from tools.metrics.promql import ROW, equal, grouping, joined, seconds, selector
from tools.metrics.rows import Kind
from tools.metrics.weighing import Limits, Span, weigh
from tools.spec import ToolError

_NAMES_CHARACTERS = 2_500  # of an address line, in which "|" takes three
# Samples are counted over the shortest of these that holds enough of them, since there may be few minutes of samples.
_COUNTED_SECONDS = (60.0, 150.0, 300.0, 600.0, 1800.0)
_ENOUGH_SAMPLES = 10
_USUAL_INTERVALS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300)
_PROBED_OF_JOB, _PROBED_JOBS = 2, 40  # metrics of a job that are asked for the distance and the bounds of samples
_TOGETHER = 12
_GROUPED_MOMENTS = 12
OWN_CHARACTERS = 9_000

T = TypeVar("T")
L = TypeVar("L")


@dataclass(frozen=True, slots=True, eq=False)
class Discovery:
    """``labels`` has the label sets by metric name; of names with very many series, only labels that we know.

    ``intervals`` are seconds between samples by name; ``first`` and ``last`` are the bounds of the samples in the
    window (epoch seconds), NaN where no sample was seen.
    """

    window: Window
    families: tuple[Family, ...]
    labels: Mapping[str, tuple[Mapping[str, str], ...]]
    counts: Mapping[str, int] = field(default_factory=dict)
    intervals: Mapping[str, float] = field(default_factory=dict)
    first: float = float("nan")
    last: float = float("nan")
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
        self._api, self._policy, self._now = api, policy, now
        self._clock, self._deadline = clock, deadline

    def discover(self, window: Window) -> Discovery:
        """Everything about the window. Raises ``BackendError`` when not even the names can be had."""
        names = self._api.names(window.start, window.end)
        types = self._api.types() if names else {}
        families = families_of(names, types, self._policy.catalogue)
        ranked = sorted(families, key=lambda family: (family.rank, family.name))
        wanted = list(dict.fromkeys(name for family in ranked for name in _described(family)))
        chunks = list(_chunks(wanted))
        notes: list[str] = []
        counts = _merged(self._each(chunks, lambda chunk: self._counts(chunk, window), notes))
        listed, crowded = self._listable(wanted, counts)
        labels = _merged(self._each(list(_chunks(listed)), lambda chunk: self._labels(chunk, window), notes))
        labels |= _merged(self._each(sorted(crowded), lambda name: self._groups(name, families, window), notes))
        probed = _by_job(labels)
        first, last = self._bounds(probed, window, notes)
        by_job = self._intervals(probed, Window(first, last), notes) if first <= last else {}
        intervals = {name: by_job[job] for name in labels for job in _jobs(labels[name]) if job in by_job}
        return Discovery(
            window, tuple(ranked), labels, counts, intervals, first, last, tuple(dict.fromkeys(notes))
        )  # fmt: skip

    def _each(self, items: Sequence[L], ask: Callable[[L], T], notes: list[str]) -> list[T]:
        """All answers that came, in order; what failed is noted. Raises when all failed."""
        answers: list[T] = []
        errors: list[ToolError] = []

        def in_time(item: L) -> T:
            if self._clock() >= self._deadline:
                raise NoAnswer(f"{self._api.name} takes too long to tell what it has")
            return ask(item)

        with ThreadPoolExecutor(self._api.at_once) as pool:
            for future in [pool.submit(in_time, item) for item in items]:
                try:
                    answers.append(future.result())
                except ToolError as error:
                    errors.append(error)
        if errors and not answers:
            raise next((error for error in errors if not isinstance(error, CircuitOpen)), errors[0])
        notes += [f"{len(errors)} of {len(items)} questions about what exists failed: {errors[0]}"] if errors else []
        return answers

    def _counts(self, names: Sequence[str], window: Window) -> Mapping[str, int]:
        """Series by name: the most at five moments of the window."""
        step = max(round(window.seconds / 4), 1)
        found = self._range(f"count {grouping(['__name__'])} ({selector(names)})", window, step)
        return {one.labels.get("__name__", ""): int(_most(one)) for one in found}

    def _of_each(
        self, probed: Mapping[str, Sequence[str]], template: str, window: Window, notes: list[str], moments: int = 3
    ) -> Mapping[str, list[Sampled]]:
        """What a query tells of some metrics of each job, by job."""
        asked = [(job, template.format(_of_job(name, job))) for job, names in probed.items() for name in names]
        groups = [asked[begin : begin + _TOGETHER] for begin in range(0, len(asked), _TOGETHER)]
        step = max(round(window.seconds / (moments - 1)), 1)

        def ask(group: Sequence[tuple[str, str]]) -> list[tuple[str, Sampled]]:
            found = self._range(joined(query for _, query in group), window, step)
            return [(group[int(one.labels[ROW])][0], one) for one in found if one.labels.get(ROW, "").isdecimal()]

        by_job: dict[str, list[Sampled]] = {}
        for job, one in (pair for pairs in self._each(groups, ask, notes) for pair in pairs):
            by_job.setdefault(job, []).append(one)
        return by_job

    def _labels(self, names: Sequence[str], window: Window) -> Mapping[str, tuple[Mapping[str, str], ...]]:
        found: dict[str, list[Mapping[str, str]]] = {}
        for labels in self._api.series(selector(names), window.start, window.end):
            found.setdefault(labels.get("__name__", ""), []).append(labels)
        return {name: tuple(sets) for name, sets in found.items() if name}

    def _groups(
        self, name: str, families: Sequence[Family], window: Window
    ) -> Mapping[str, tuple[Mapping[str, str], ...]]:
        """Label sets of a name with too many series: only labels that are needed, at some moments."""
        rows = [family.row for family in families if family.described_by == name and family.row]
        own = [label for row in rows for label in (*row.entity_labels, *row.keep, *row.on)]
        labels = list(dict.fromkeys((*own, *self._policy.entity_labels, *OUTCOME_LABELS, "quantile")))
        step = max(round(window.seconds / _GROUPED_MOMENTS), 1)
        found = self._range(f"count {grouping(labels)} ({selector([name])})", window, step)
        return {name: tuple(one.labels for one in found)}

    def _intervals(self, probed: Mapping[str, Sequence[str]], window: Window, notes: list[str]) -> Mapping[str, float]:
        """Seconds between samples by job, from the densest series at three moments."""
        by_job: dict[str, float] = {}
        lasting = max(window.seconds, 1.0)
        for length in _COUNTED_SECONDS:
            left = {job: names for job, names in probed.items() if job not in by_job}
            template = f"max(count_over_time({{}}[{seconds(length)}]))"
            for job, found in (self._of_each(left, template, window, notes) if left else {}).items():
                samples = max(map(_most, found))
                if samples >= _ENOUGH_SAMPLES or (length == _COUNTED_SECONDS[-1] and samples > 1):
                    # n samples that fill less than the counted time lie n - 1 distances apart
                    by_job[job] = _interval(length / samples if length < lasting else lasting / max(samples - 1, 1))
        return by_job

    def _bounds(self, probed: Mapping[str, Sequence[str]], window: Window, notes: list[str]) -> tuple[float, float]:
        """Times of the first and the last sample of some families; NaN where there are none."""
        moments = min(max(round(window.seconds / 60), 2), 240)

        def stamps(template: str, within: Window) -> list[float]:
            found = self._of_each(probed, template, within, notes, moments)
            return [
                float(value) for ones in found.values() for one in ones for value in one.values if math.isfinite(value)
            ]

        last = max(stamps("max(timestamp({}))", window), default=float("nan"))
        first = min(stamps("min(timestamp({}))", window), default=float("nan"))
        if first <= last:  # the moments lie far apart, and the first sample may lie before the first that saw one
            before = Window(first - window.seconds / (moments - 1), first)
            first = max(min([first, *stamps("min(timestamp({}))", before)]), window.start)
        return first, last

    def _range(self, query: str, window: Window, step: float) -> tuple[Sampled, ...]:
        # Back from the end, so that the newest moment is one of those looked at.
        steps = int(window.seconds // step)
        span = Span(window.end - steps * step, window.end, step)
        # Counts are not known yet: what bounds this query is that it names its metrics and looks at few moments.
        limits = Limits(
            most_samples=float("inf"), now=self._now(), most_characters=OWN_CHARACTERS,
            most_regex_characters=OWN_CHARACTERS, furthest_seconds=float("inf"), longest_span_seconds=float("inf"),
        )  # fmt: skip
        weigh(query, span, limits)
        return self._api.query_range(query, span)

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


def _jobs(sets: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """The job of the first series, which stands for all: one scrape configuration, one distance of samples."""
    yield sets[0].get("job", "") if sets else ""


def _by_job(labels: Mapping[str, Sequence[Mapping[str, str]]]) -> Mapping[str, list[str]]:
    """Some metrics of each job, those with few series first."""
    found: dict[str, list[str]] = {}
    for name in sorted(labels, key=lambda name: (len(labels[name]), name)):
        for job in _jobs(labels[name]):
            if job in found or len(found) < _PROBED_JOBS:
                names = found.setdefault(job, [])
                names += [name] if len(names) < _PROBED_OF_JOB else []
    return found


def _of_job(name: str, job: str) -> str:
    return selector([name], [equal("job", job)] if job else [])


def _merged(parts: Sequence[Mapping[str, T]]) -> dict[str, T]:
    return {name: value for part in parts for name, value in part.items()}


def _most(one: Sampled) -> float:
    """The highest value; 1 where there are values but no numbers."""
    numbers = one.values[np.isfinite(one.values)]
    return float(numbers.max()) if numbers.size else 1.0


def _interval(measured: float) -> float:
    """A usual distance of samples where the measured one is near to it, in seconds."""
    near = min(_USUAL_INTERVALS, key=lambda usual: abs(usual - measured))
    return float(near) if abs(near - measured) <= 0.15 * near else max(measured, 1.0)

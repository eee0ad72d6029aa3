"""Prometheus, and what speaks its API (Thanos, Mimir, VictoriaMetrics), as a source of metrics."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from diagnosis.telemetry import SeriesKey, SeriesMatrix, Window
from tools.http.connection import Connection
from tools.http.guard import Guard
from tools.metrics.api import PrometheusApi
from tools.metrics.discovery import Discovery, Explorer
from tools.metrics.entities import entity_label, entity_of
from tools.metrics.grid import Grid, common_interval, grid_for
from tools.metrics.plan import Asked, plan
from tools.metrics.policy import MetricPolicy
from tools.metrics.promql import Match, one_of
from tools.metrics.reading import Answers, Reader, matrix_of, pieces
from tools.metrics.tables import list_exemplars, list_firing, list_targets
from tools.metrics.weighing import Limits, Span, weigh
from tools.spec import (
    Answer,
    Arguments,
    Empty,
    ExtraTool,
    ListMetrics,
    LookAt,
    MetricCatalogue,
    QueryMetrics,
    QueryPromql,
    Risk,
    Rows,
    Tool,
    ToolError,
    ToolName,
)

_KNOWN_SECONDS = 60.0  # for which a discovery is good
_KNOWN_WINDOWS = 4
_LOOK_AHEAD_SECONDS = 600.0
_MOST_TABLE_ROWS = 500
_MOST_QUERY_SERIES = 1_000
_OLD_SECONDS = 60.0
_DISCOVERY_SHARE = 0.6  # of the time for an answer: the rest is for the series themselves


def prometheus_tools(
    connection: Connection, guard: Guard, policy: MetricPolicy, now: Callable[[], float]
) -> Mapping[str, Tool[Any]]:
    """The tools over one Prometheus. ``now`` is epoch seconds. Every call raises ``ToolError`` where it fails."""
    source = Prometheus(PrometheusApi(connection, guard), policy, now)
    table_rows: Callable[[Any], int] = lambda _: _MOST_TABLE_ROWS  # noqa: E731
    declared: tuple[tuple[str, type[Arguments], Callable[[Any], Answer], Callable[[Any], int], str, Risk], ...] = (
        (ToolName.QUERY_METRICS, QueryMetrics, source.query_metrics, source.weigh, "series of a window", Risk.READ),
        (ToolName.LIST_METRICS, ListMetrics, source.list_metrics, lambda _: 0, "which series exist", Risk.READ),
        (
            ExtraTool.QUERY_PROMQL, QueryPromql, source.query_promql, source.weigh_query, "a query in PromQL",
            Risk.COSTLY_READ,
        ),
        (ExtraTool.LIST_TARGETS, LookAt, source.list_targets, table_rows, "scrape targets and their health", Risk.READ),
        (ExtraTool.LIST_FIRING, LookAt, source.list_firing, table_rows, "alerts that fire now", Risk.READ),
        (ExtraTool.LIST_EXEMPLARS, LookAt, source.list_exemplars, table_rows, "slow requests by trace id", Risk.READ),
    )  # fmt: skip
    return {
        str(name): Tool(str(name), summary, arguments, risk, weight, run)
        for name, arguments, run, weight, summary, risk in declared
    }


class Prometheus:
    """One Prometheus. What it holds is remembered for a minute, since an investigation asks twice."""

    def __init__(
        self, api: PrometheusApi, policy: MetricPolicy, now: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._api, self._policy, self._now, self._clock = api, policy, now, clock
        self._known: list[tuple[float, Discovery, tuple[Asked, ...]]] = []
        self._lock = threading.Lock()

    def weigh(self, arguments: QueryMetrics) -> int:
        """Points that an answer holds at most."""
        points = math.ceil(min(arguments.end - arguments.start, 1e9)) + 1
        return min(self._policy.most_points, self._policy.most_series * max(points, 0))

    def list_metrics(self, arguments: ListMetrics) -> Answer:
        """Entities with their metrics, as ``query_metrics`` gives them, in the hours before ``around``."""
        around = self._now() if arguments.around is None else min(arguments.around, self._now())
        end = min(around + _LOOK_AHEAD_SECONDS, self._now())
        discovery, asked = self._discovered(Window(around - self._policy.look_back_seconds, max(end, around)))
        by_entity: dict[str, set[str]] = {}
        for one in asked:
            for entity, metric in one.by_entity():
                if not arguments.entities or entity in arguments.entities:
                    by_entity.setdefault(entity, set()).add(metric)
        if not by_entity or not math.isfinite(discovery.last):
            return _nothing(discovery.gaps)
        listed = tuple((entity, tuple(sorted(names))) for entity, names in sorted(by_entity.items()))
        notes = [*discovery.gaps, *discovery.notes, *_age(discovery.last, around, discovery_step(asked))]
        points = sum(len(names) for _, names in listed)
        return Rows(MetricCatalogue(listed, discovery.first, discovery.last), points, "; ".join(notes))

    def query_metrics(self, arguments: QueryMetrics) -> Answer:
        """All series of the window on one grid; see ``tools.metrics.wanted`` for what is made of which metric."""
        deadline = self._clock() + self._policy.deadline_seconds
        window = Window(arguments.start, min(arguments.end, self._now()))
        if window.seconds <= 0:
            return Empty()
        discovery, planned = self._discovered(window)
        asked = _about(planned, arguments)
        kept, notes = self._within_ceilings(asked)
        if not kept:
            return _nothing(discovery.gaps)
        series = sum(one.series for one in kept)
        grid = grid_for(window, discovery_step(kept), series, self._policy.target_points, self._policy.most_points)
        queries = list(pieces(kept, grid, self._policy))
        api = self._api.for_one_answer()
        answers = Reader(api, self._policy, self._now, self._clock).read(queries, discovery.series_of, deadline)
        if answers.first_error is not None and len(answers.problems) == answers.asked:
            raise answers.first_error
        matrix = matrix_of(answers.series, grid)
        if not matrix.keys and answers.skipped:
            raise ToolError(f"{self._api.name}: no answer came in time: {answers.why_skipped}")
        missing = [*discovery.gaps, *api.warnings, *_missing(answers, len(queries))]
        if not matrix.keys:
            return _nothing(missing, matrix.points)
        notes = [*missing, *discovery.notes, *notes, *_newest(matrix, window, grid)]
        return Rows(matrix, matrix.points, "; ".join(dict.fromkeys(notes)))

    def query_promql(self, arguments: QueryPromql) -> Answer:
        """Somebody's query, once it is known to be light enough. Series are called by all of their labels."""
        span = self._span(arguments)
        weigh(arguments.query, span, self._limits())
        api = self._api.for_one_answer()
        found = api.query_range(arguments.query, span)
        grid = Grid(span.start, span.end + 0.5, int(span.step))
        rows, keys = [], []
        for one in found[:_MOST_QUERY_SERIES]:
            places, inside = grid.places(one.times)
            row = np.full(grid.size, np.nan)
            row[places[inside]] = one.values[inside]
            rows.append(row)
            keys.append(self._key(one.labels))
        if not rows or not np.isfinite(rows).any():
            return _nothing(api.warnings, len(rows) * grid.size)
        left = len(found) - len(rows)
        cut = [f"{left} more series are left out; aggregate them"] if left else []
        matrix = SeriesMatrix(tuple(keys), grid.times, np.vstack(rows))
        return Rows(matrix, matrix.points, "; ".join((*api.warnings, *cut)))

    def weigh_query(self, arguments: QueryPromql) -> int:
        """Samples that the query reads; 0 for one that will be refused, since nothing is read then."""
        try:
            return weigh(arguments.query, self._span(arguments), self._limits())
        except ToolError:
            return 0

    def list_targets(self, arguments: LookAt) -> Answer:
        return list_targets(self._api.for_one_answer(), self._policy, arguments)

    def list_firing(self, arguments: LookAt) -> Answer:
        return list_firing(self._api.for_one_answer(), self._policy, arguments)

    def list_exemplars(self, arguments: LookAt) -> Answer:
        """Exemplars of the histograms of the entities."""
        window = Window(arguments.around - self._policy.look_back_seconds, min(arguments.around, self._now()))
        discovery, planned = self._discovered(window)
        wanted = frozenset(arguments.entities)
        histograms: dict[str, Sequence[Match]] = {}
        for one in planned:
            about = one.for_entities(wanted) if wanted else one
            for name in one.wanted.reads if about else ():
                if about and name.endswith("_bucket"):
                    histograms.setdefault(name, () if about.whole else (one_of(about.label, about.values[:50]),))
        if not histograms:
            return _nothing(discovery.gaps)
        return list_exemplars(self._api.for_one_answer(), self._policy, histograms, arguments, self._now)

    def _discovered(self, window: Window) -> tuple[Discovery, tuple[Asked, ...]]:
        """What is known of a window: newly asked, or known since less than a minute from one that covers it."""
        with self._lock:
            for since, discovery, planned in self._known:
                covers = discovery.window.start <= window.start and window.end <= discovery.window.end + _KNOWN_SECONDS
                if covers and self._now() - since < _KNOWN_SECONDS:
                    return discovery, planned
        deadline = self._clock() + _DISCOVERY_SHARE * self._policy.deadline_seconds
        api = self._api.for_one_answer()
        discovery = Explorer(api, self._policy, self._now, self._clock, deadline).discover(window)
        planned = plan(discovery, self._policy)
        if not discovery.gaps:  # what is known in part is better asked again
            with self._lock:
                self._known = [(self._now(), discovery, planned), *self._known][:_KNOWN_WINDOWS]
        return discovery, planned

    def _within_ceilings(self, asked: Sequence[Asked]) -> tuple[list[Asked], list[str]]:
        kept: list[Asked] = []
        left: list[Asked] = []
        room = self._policy.most_series
        for one in asked:
            (kept if one.series <= room else left).append(one)
            room -= one.series if one.series <= room else 0
        if not left:
            return kept, []
        names = ", ".join(one.wanted.metric for one in left[:3])
        return kept, [
            f"{sum(one.series for one in left)} series of {len(left)} metrics were left out ({names}, ...), since "
            f"most_series is {self._policy.most_series}"
        ]

    def _limits(self) -> Limits:
        with self._lock:
            known = self._known[0][1].series_of if self._known else None
        if known is None:
            return Limits(most_samples=self._policy.most_samples, now=self._now())
        return Limits(most_samples=self._policy.most_samples, now=self._now(), series_of=known)

    @staticmethod
    def _span(arguments: QueryPromql) -> Span:
        length = arguments.end - arguments.start
        step = arguments.step_seconds
        if step == 0 and math.isfinite(length):
            step = float(grid_for(Window(arguments.start, arguments.end), 15.0, 1, 300, 11_000).step)
        elif 1 < step < math.inf:
            step = float(math.ceil(step))
        start = arguments.start
        if math.isfinite(start) and 1 <= step < math.inf:  # else refused when it is weighed
            # On the grid, at whose times values are told; a moment between two of its times is told at the one before.
            start = math.ceil(start / step) * step
            start -= step if start > arguments.end >= arguments.start else 0.0
        return Span(start, arguments.end, step)

    def _key(self, labels: Mapping[str, str]) -> SeriesKey:
        label = entity_label(labels, self._policy.entity_labels)
        rest = {name: value for name, value in labels.items() if name not in ("__name__", label)}
        inner = ",".join(f"{name}={value}" for name, value in sorted(rest.items()))
        name = labels.get("__name__", "value")
        return SeriesKey(entity_of(label, labels[label]) if label else "", f"{name}{{{inner}}}" if inner else name)


def discovery_step(asked: Sequence[Asked]) -> float:
    """How far the samples of most lie apart, in seconds."""
    return common_interval((one.interval, one.series) for one in asked)


def _about(planned: Sequence[Asked], arguments: QueryMetrics) -> list[Asked]:
    found: list[Asked] = []
    wanted = frozenset(arguments.entities)
    for one in planned:
        if arguments.metrics and not set(one.metrics) & set(arguments.metrics):
            continue
        about = one.for_entities(wanted) if wanted else one
        if about is not None:
            found.append(about)
    return found


def _nothing(reasons: Sequence[str], points: int = 0) -> Empty:
    """The answer where nothing was found. Raises ``ToolError`` where there are reasons why something may be there."""
    if reasons:
        raise ToolError("; ".join(dict.fromkeys(reasons)))
    return Empty(points)


def _missing(answers: Answers, queries: int) -> list[str]:
    notes = []
    if answers.problems:
        notes.append(f"{len(answers.problems)} of {queries} queries failed: {answers.problems[0]}")
    if answers.skipped:
        names = list(dict.fromkeys(part.wanted.metric for piece in answers.skipped for part in piece.parts))
        shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
        notes.append(f"{len(answers.skipped)} of {queries} queries not asked ({answers.why_skipped}): {shown}")
    return notes


def _newest(matrix: SeriesMatrix, window: Window, grid: Grid) -> list[str]:
    seen = np.flatnonzero(np.isfinite(matrix.values).any(axis=0))
    return _age(float(matrix.times[seen[-1]]), window.end, grid.step) if seen.size else []


def _age(newest: float, end: float, step: float) -> list[str]:
    """A note where samples end long before the end that was asked for."""
    age = end - newest
    if age <= max(_OLD_SECONDS, 3 * step):
        return []
    shown = f"{age / 60:.0f} min" if age < 2 * 3600 else f"{age / 3600:.1f} h"
    return [f"the newest sample is {shown} before the end of the window"]

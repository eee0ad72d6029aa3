"""Asking for what was planned: several things in one query, several queries at once, and an end to it all in time."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np

from diagnosis.telemetry import Floats, SeriesKey, SeriesMatrix
from tools.http.errors import CircuitOpen
from tools.metrics.api import PrometheusApi, Sampled
from tools.metrics.entities import NAMELESS, entity_of
from tools.metrics.grid import Grid
from tools.metrics.plan import Asked
from tools.metrics.policy import MetricPolicy
from tools.metrics.promql import ROW, joined
from tools.metrics.questions import OWN_CHARACTERS
from tools.metrics.wanted import Fold
from tools.metrics.weighing import Limits, Span, weigh
from tools.spec import ToolError

_MOST_JOINED = 8
_JOINED_CHARACTERS = 4_000
_MOST_VALUES = 250_000  # of one answer: about 7 MB of JSON


@dataclass(frozen=True, slots=True)
class Piece:
    """One query: parts that are joined, over one span."""

    parts: tuple[Asked, ...]
    query: str
    span: Span
    optional: bool


@dataclass(slots=True)
class Answers:
    """What came of it. ``problems`` are reasons of failures; the rest counts queries."""

    series: list[tuple[Asked, Sampled]] = field(default_factory=list)
    asked: int = 0
    problems: list[str] = field(default_factory=list)
    skipped: list[Piece] = field(default_factory=list)
    why_skipped: str = ""
    first_error: ToolError | None = None


def pieces(parts: Sequence[Asked], grid: Grid, policy: MetricPolicy) -> Iterator[Piece]:
    """Queries for the parts, in their order: together while the answer, the weight and the text stay small."""
    for span in grid.spans(policy.most_points_per_query):
        together: list[Asked] = []
        texts: list[str] = []
        values = samples = 0
        for part in (piece for whole in parts for piece in whole.pieces()):
            text = part.query(grid.step)
            more_values, more_samples = part.series * span.steps, _samples(part, span, grid.step)
            full = (
                len(together) == _MOST_JOINED
                or sum(map(len, texts)) + len(text) > _JOINED_CHARACTERS
                or values + more_values > _MOST_VALUES
                or samples + more_samples > policy.most_samples / 2
                or (together and together[0].optional != part.optional)
            )
            if together and full:
                yield _piece(together, texts, span)
                together, texts, values, samples = [], [], 0, 0
            together.append(part)
            texts.append(text)
            values, samples = values + more_values, samples + more_samples
        if together:
            yield _piece(together, texts, span)


def _samples(part: Asked, span: Span, step: float) -> int:
    return round(part.reads * span.steps * max(2.2, step / part.interval))


def _piece(parts: Sequence[Asked], texts: Sequence[str], span: Span) -> Piece:
    return Piece(tuple(parts), joined(texts), span, parts[0].optional)


class Reader:
    """Reads over one API. ``clock`` counts seconds for the deadline, ``now`` is epoch seconds."""

    def __init__(
        self, api: PrometheusApi, policy: MetricPolicy, now: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._api, self._policy, self._now, self._clock = api, policy, now, clock

    def read(self, asked: Sequence[Piece], series_of: Callable[[str], int | None], deadline: float) -> Answers:
        """Answers that came until ``deadline`` (of the clock). Nothing new is begun after it, after the circuit opened,
        nor, for what is optional, once the server is strained."""
        answers, waiting = Answers(), deque(asked)
        under_way: dict[Future[tuple[Sampled, ...]], Piece] = {}
        pool = ThreadPoolExecutor(self._api.at_once, thread_name_prefix="metrics")
        try:
            while waiting or under_way:
                while waiting and len(under_way) < self._api.at_once:
                    piece = waiting.popleft()
                    if reason := self._reason_to_skip(piece, answers, deadline):
                        answers.skipped.append(piece)
                        answers.why_skipped = answers.why_skipped or reason
                        continue
                    answers.asked += 1
                    under_way[pool.submit(self._ask, piece, series_of)] = piece
                done, _ = wait(under_way, max(deadline - self._clock(), 0.0), FIRST_COMPLETED)
                for future in done:
                    _take(future, under_way.pop(future), answers)
                if not done and under_way:
                    answers.skipped += under_way.values()
                    answers.why_skipped = answers.why_skipped or self._late
                    under_way.clear()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return answers

    def _reason_to_skip(self, piece: Piece, answers: Answers, deadline: float) -> str:
        if self._clock() >= deadline:
            return self._late
        if isinstance(answers.first_error, CircuitOpen):
            return str(answers.first_error)
        if answers.asked >= self._policy.most_queries:
            return f"most_queries is {self._policy.most_queries}"
        if piece.optional and self._api.guard.strained:
            return f"{self._api.name} has trouble to answer, so only what matters most was asked"
        return ""

    @property
    def _late(self) -> str:
        return f"{self._policy.deadline_seconds:g} s were over"

    def _ask(self, piece: Piece, series_of: Callable[[str], int | None]) -> tuple[Sampled, ...]:
        limits = Limits(
            most_samples=self._policy.most_samples, now=self._now(), series_of=series_of,
            most_points=self._policy.most_points_per_query, most_characters=4 * OWN_CHARACTERS,
            most_regex_characters=OWN_CHARACTERS, most_operators=8 * _MOST_JOINED,
            longest_range_seconds=float("inf"), longest_span_seconds=float("inf"), furthest_seconds=float("inf"),
        )  # fmt: skip
        weigh(piece.query, piece.span, limits)
        return self._api.query_range(piece.query, piece.span)


def _take(future: Future[tuple[Sampled, ...]], piece: Piece, answers: Answers) -> None:
    try:
        found = future.result()
    except ToolError as error:
        answers.problems.append(str(error))
        if answers.first_error is None or isinstance(error, CircuitOpen):
            answers.first_error = error
        return
    for one in found:
        place = one.labels.get(ROW, "")
        if place.isdecimal() and int(place) < len(piece.parts):
            answers.series.append((piece.parts[int(place)], one))


def matrix_of(series: Sequence[tuple[Asked, Sampled]], grid: Grid) -> SeriesMatrix:
    """All series on the grid; what means the same entity and metric is folded. Rows without a number are left out."""
    rows: dict[SeriesKey, Floats] = {}
    for asked, one in series:
        value = one.labels.get(asked.label, "")
        metric = asked.parts.get((value, one.labels.get(asked.part, "")), "") if asked.part else asked.wanted.metric
        if value in NAMELESS or not metric:
            continue
        key = SeriesKey(entity_of(asked.label, value), metric)
        places, inside = grid.places(one.times)
        row = np.full(grid.size, np.nan)
        row[places[inside]] = one.values[inside]
        rows[key] = _folded(rows[key], row, asked.wanted.fold) if key in rows else row
    keys = tuple(sorted(key for key, row in rows.items() if np.isfinite(row).any()))
    values = np.vstack([rows[key] for key in keys]) if keys else np.empty((0, grid.size))
    return SeriesMatrix(keys, grid.times, values)


def _folded(one: Floats, other: Floats, fold: Fold) -> Floats:
    match fold:
        case Fold.MAX:
            return np.fmax(one, other)
        case Fold.MIN:
            return np.fmin(one, other)
        case Fold.SUM:
            both = np.nansum([one, other], axis=0)
            return np.where(np.isnan(one) & np.isnan(other), np.nan, both)

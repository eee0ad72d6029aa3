"""Questions about what exists, before anything is known of it: several at once, light by their form, until a deadline."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from diagnosis.telemetry import Window
from tools.http.errors import CircuitOpen, NoAnswer
from tools.metrics.api import PrometheusApi, Sampled
from tools.metrics.weighing import Limits, Span, weigh
from tools.spec import ToolError

OWN_CHARACTERS = 9_000  # of a query that is made here

T = TypeVar("T")
L = TypeVar("L")


class Questions:
    """Asks one API. ``now`` is epoch seconds; after ``deadline`` (of ``clock``) nothing more is asked."""

    def __init__(
        self, api: PrometheusApi, now: Callable[[], float], clock: Callable[[], float], deadline: float
    ) -> None:
        self.api, self._now, self._clock, self._deadline = api, now, clock, deadline

    def each(self, items: Sequence[L], ask: Callable[[L], T], notes: list[str]) -> list[T]:
        """All answers that came, in order; what failed is noted. Raises when all failed."""
        answers: list[T] = []
        errors: list[ToolError] = []

        def in_time(item: L) -> T:
            if self._clock() >= self._deadline:
                raise NoAnswer(f"{self.api.name} takes too long to tell what it has")
            return ask(item)

        with ThreadPoolExecutor(self.api.at_once) as pool:
            for future in [pool.submit(in_time, item) for item in items]:
                try:
                    answers.append(future.result())
                except ToolError as error:
                    errors.append(error)
        if errors and not answers:
            raise next((error for error in errors if not isinstance(error, CircuitOpen)), errors[0])
        notes += [f"{len(errors)} of {len(items)} questions about what exists failed: {errors[0]}"] if errors else []
        return answers

    def range(self, query: str, window: Window, step: float) -> tuple[Sampled, ...]:
        """The series of a query at moments ``step`` seconds apart, the last of them the end of the window."""
        steps = int(window.seconds // step)
        span = Span(window.end - steps * step, window.end, step)
        # Counts are not known yet: what bounds this query is that it names its metrics and looks at few moments.
        limits = Limits(
            most_samples=float("inf"), now=self._now(), most_characters=OWN_CHARACTERS,
            most_regex_characters=OWN_CHARACTERS, furthest_seconds=float("inf"), longest_span_seconds=float("inf"),
        )  # fmt: skip
        weigh(query, span, limits)
        return self.api.query_range(query, span)


def most(one: Sampled) -> float:
    """The highest value; 1 where there are values but no numbers."""
    numbers = one.values[np.isfinite(one.values)]
    return float(numbers.max()) if numbers.size else 1.0

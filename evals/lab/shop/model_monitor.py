"""What a served model is doing: drift of its inputs, its scores, and how well they foretell clicks."""

import bisect
import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Gauge, Histogram

from . import settings
from .meters import SECONDS_BUCKETS
from .model import Model
from .shoppers import PRICE_LEVELS

_SMALLEST_SHARE = 0.005


def population_stability_index(edges: Sequence[float], expected: Sequence[float], values: Iterable[float]) -> float:
    """PSI of ``values`` against the training shares: the sum of (a - e) ln(a / e) over the bins.

    Below 0.1 nothing has changed, above 0.25 the population is another one. An empty bin counts as half a percent.
    """
    counts = [0] * len(expected)
    for value in values:
        counts[bisect.bisect_left(edges, value)] += 1
    total = sum(counts)
    pairs = [
        (max(count / total, _SMALLEST_SHARE), max(share, _SMALLEST_SHARE))
        for count, share in zip(counts, expected, strict=True)
    ]
    return sum((actual - share) * math.log(actual / share) for actual, share in pairs)


def area_under_curve(scores: Sequence[float], clicks: Sequence[bool]) -> float | None:
    """The share of (clicked, not clicked) pairs that the scores put in the right order; ties count half.

    None when all or none were clicked: there is no pair then.
    """
    clicked = sorted(score for score, click in zip(scores, clicks, strict=True) if click)
    ignored = [score for score, click in zip(scores, clicks, strict=True) if not click]
    if not clicked or not ignored:
        return None
    below = sum(len(clicked) - bisect.bisect_right(clicked, score) for score in ignored)
    ties = sum(bisect.bisect_right(clicked, score) - bisect.bisect_left(clicked, score) for score in ignored)
    return (below + ties / 2) / (len(clicked) * len(ignored))


class ModelMonitor:
    """Gauges over the last requests. They are absent until there are enough, and again after a change of model."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.latency = Histogram(
            "model_prediction_duration_seconds", "Time to score.", buckets=SECONDS_BUCKETS, registry=registry
        )
        self._info = Gauge("model_info", "The version that is served.", ["model"], registry=registry)
        self._score = Gauge("model_prediction_score", "Mean score.", ["model"], registry=registry)
        self._ratio = Gauge("model_click_through_ratio", "Share of goods clicked.", ["model"], registry=registry)
        self._quality = Gauge(
            "model_quality_auc", "Area under the ROC curve of the scores.", ["model"], registry=registry
        )
        self._drift = Gauge("feature_drift_psi", "Population stability index.", ["feature"], registry=registry)
        self._inputs: deque[Mapping[str, float]] = deque(maxlen=settings.MODEL_WINDOW_REQUESTS)
        shown = settings.MODEL_WINDOW_REQUESTS * len(PRICE_LEVELS)
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=shown)
        self._lock = threading.Lock()

    def begin(self, model: Model) -> None:
        """Measure another model from here on. Its inputs are the same as before."""
        with self._lock:
            self._outcomes.clear()
            for gauge in (self._info, self._score, self._ratio, self._quality):
                gauge.clear()
            self._info.labels(model.version).set(1)

    def observe(self, model: Model, features: Mapping[str, float], outcomes: Iterable[tuple[float, bool]]) -> None:
        """Take in one request: what was scored, and for each good its score and whether it was clicked."""
        with self._lock:
            self._inputs.append(features)
            self._outcomes.extend(outcomes)
            if len(self._inputs) >= settings.MODEL_FIRST_REQUESTS:
                self._tell_drift(model)
            if len(self._outcomes) >= settings.MODEL_FIRST_REQUESTS * len(PRICE_LEVELS):
                self._tell_quality(model)

    def _tell_drift(self, model: Model) -> None:
        for name, trained in model.features.items():
            values = [features[name] for features in self._inputs]
            self._drift.labels(name).set(population_stability_index(trained.edges, trained.shares, values))

    def _tell_quality(self, model: Model) -> None:
        scores, clicks = zip(*self._outcomes, strict=True)
        self._score.labels(model.version).set(sum(scores) / len(scores))
        self._ratio.labels(model.version).set(sum(clicks) / len(clicks))
        if (quality := area_under_curve(scores, clicks)) is not None:
            self._quality.labels(model.version).set(quality)

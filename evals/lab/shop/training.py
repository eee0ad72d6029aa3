"""Trains a version of the click model: ``python -m shop.training VERSION [SHOPPERS] [LABEL_SHIFT]``."""

import random
import statistics
import sys
from itertools import pairwise

from .model import Model, TrainedFeature
from .shoppers import FEATURES, PRICE_LEVELS, SHOPPERS, click_probability, sigmoid, true_features

_PASSES = 6
_STEP = 0.02
_BINS = 5
_Row = tuple[dict[str, float], float, bool]


def train(version: str, shoppers: int = SHOPPERS, label_shift: int = 0) -> Model:
    """Fit a model by stochastic gradient descent on the clicks of the first ``shoppers``.

    ``label_shift`` joins every shopper's features with the clicks of the one so many ids further on; only 0 is right.
    """
    rng = random.Random(version)
    features = [true_features(shopper) for shopper in range(shoppers)]
    columns = {name: [shopper[name] for shopper in features] for name in FEATURES}
    scales = {name: (statistics.fmean(column), statistics.pstdev(column)) for name, column in columns.items()}
    rows = [
        (
            {name: (shown[name] - scales[name][0]) / scales[name][1] for name in FEATURES},
            level - 0.5,
            rng.random() < click_probability(features[(at + label_shift) % shoppers], level),
        )
        for at, shown in enumerate(features)
        for level in PRICE_LEVELS
    ]
    bias, price_weight, weights = _descend(rows, rng)
    trained = {name: _describe(columns[name], weights[name]) for name in FEATURES}
    return Model(version, round(bias, 4), round(price_weight, 4), trained)


def _descend(rows: list[_Row], rng: random.Random) -> tuple[float, float, dict[str, float]]:
    bias, price_weight, weights = 0.0, 0.0, dict.fromkeys(FEATURES, 0.0)
    for step in range(_PASSES):
        rng.shuffle(rows)
        rate = _STEP / (1 + step)
        for values, price, clicked in rows:
            logit = bias + price_weight * price + sum(weights[name] * values[name] for name in FEATURES)
            error = rate * (clicked - sigmoid(logit))
            bias += error
            price_weight += error * price
            for name in FEATURES:
                weights[name] += error * values[name]
    return bias, price_weight, weights


def _describe(column: list[float], weight: float) -> TrainedFeature:
    edges = tuple(round(edge, 3) for edge in statistics.quantiles(column, n=_BINS))
    bounds = (float("-inf"), *edges, float("inf"))
    shares = tuple(sum(low < value <= high for value in column) / len(column) for low, high in pairwise(bounds))
    mean, deviation = statistics.fmean(column), statistics.pstdev(column)
    return TrainedFeature(round(mean, 4), round(deviation, 4), round(weight, 4), edges, shares)


if __name__ == "__main__":
    train(sys.argv[1], *(int(argument) for argument in sys.argv[2:])).save()

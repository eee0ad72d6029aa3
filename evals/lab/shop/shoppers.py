"""The population of shoppers: what they are truly like and what they truly click on.

The feature store holds a copy of what is told here and models are trained to predict it; both can be wrong. A
shopper, of course, clicks as he is, whatever the stores say.
"""

import math
import random
from collections.abc import Mapping

SHOPPERS = 5000
FEATURES = ("monthly_spend_euros", "visits_per_week", "days_since_order", "basket_size")
# Goods shown together, by how dear they are for their kind (0 to 1).
PRICE_LEVELS = (0.1, 0.35, 0.6, 0.85)
_TRUE_WEIGHTS = {"monthly_spend_euros": 1.1, "visits_per_week": 1.6, "days_since_order": -1.5, "basket_size": 0.9}
_TYPICAL = {
    "monthly_spend_euros": (90.0, 45.0),
    "visits_per_week": (3.0, 1.7),
    "days_since_order": (20.0, 14.0),
    "basket_size": (4.0, 1.5),
}
_PRICE_WEIGHT = -0.8


def true_features(shopper: int) -> dict[str, float]:
    """What a shopper is like; the same for ever. Ids beyond the population fold back into it."""
    rng = random.Random(shopper % SHOPPERS)
    return {
        "monthly_spend_euros": round(rng.lognormvariate(4.4, 0.45), 2),
        "visits_per_week": round(rng.gammavariate(3.0, 1.0), 2),
        "days_since_order": round(rng.gammavariate(2.0, 10.0), 1),
        "basket_size": round(max(1.0, rng.gauss(4.0, 1.5)), 2),
    }


def click_probability(features: Mapping[str, float], price_level: float) -> float:
    """How likely a shopper with these true features clicks on a good."""
    logit = -0.3 + _PRICE_WEIGHT * (price_level - 0.5)
    for name, weight in _TRUE_WEIGHTS.items():
        centre, spread = _TYPICAL[name]
        logit += weight * (features[name] - centre) / spread
    return sigmoid(logit)


def sigmoid(logit: float) -> float:
    """The logistic function, without overflow."""
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))

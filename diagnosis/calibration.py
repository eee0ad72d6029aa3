"""From scores to probabilities that mean frequencies.

A softmax over the suspects and "none of them" (something I cannot see, or nothing at all). Its temperature is fitted on
one suite and judged on the others: temperature scaling (Guo et al., "On calibration of modern neural networks", ICML
2017), with targets smoothed as Platt does (1999), since a suite without a wrong answer would ask for certainty. See
``evals/calibrate.py``.
"""

import numpy as np

from diagnosis.telemetry import Floats
from diagnosis.weights import WEIGHTS


def posterior(scores: Floats, temperature: float = WEIGHTS["place_temperature"]) -> tuple[Floats, float]:
    """Probabilities of the suspects (scores in nats, shape (suspects,)) and of none of them; together they are one."""
    all_scores = np.append(scores, WEIGHTS["place_unseen"])
    odds = np.exp((all_scores - all_scores.max()) / temperature)
    shares = odds / odds.sum()
    return np.asarray(shares[:-1]), float(shares[-1])

"""From scores to probabilities that mean frequencies.

A softmax over the suspects, "something I cannot see" and "nothing is wrong" gives raw probabilities; the winner's is
then mapped as Platt does (Platt, "Probabilistic outputs for support vector machines", 1999): a straight line on the log
odds. Its two numbers are fitted on one suite and judged on the others (``python -m evals.calibrate``).
"""

import numpy as np

from diagnosis.telemetry import Floats
from diagnosis.weights import WEIGHTS


def posterior(scores: Floats) -> tuple[Floats, float]:
    """Probabilities of the suspects (scores in nats, best first) and of none of them; together they are one."""
    odds = np.exp(
        (np.r_[scores, WEIGHTS["place_unseen"]] - max(float(scores.max(initial=0.0)), 0.0))
        / WEIGHTS["place_temperature"]
    )
    raw = odds / odds.sum()
    if not scores.size:
        return scores, 1.0
    top = calibrated(float(raw[0]))
    rest = (1.0 - top) / max(1.0 - float(raw[0]), 1e-12)
    raw[1:] *= rest
    raw[0] = top
    return np.asarray(raw[:-1]), float(raw[-1])


def calibrated(probability: float) -> float:
    """The frequency with which an answer of this raw probability is right."""
    clipped = min(max(probability, 1e-6), 1.0 - 1e-6)
    log_odds = np.log(clipped / (1.0 - clipped))
    return float(1.0 / (1.0 + np.exp(-(WEIGHTS["platt_slope"] * log_odds + WEIGHTS["platt_offset"]))))

"""How good a ranking is, and whether its probabilities mean what they say. Ties count against us everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENT = 0.7  # from here on a wrong answer is confidently wrong
_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability curve: how many answers, how sure they were on average, how often they were right."""

    count: int
    probability: float
    frequency: float


def rank_of(truths: frozenset[str], scored: Sequence[tuple[str, float]]) -> int | None:
    """The place of the best right answer, counted from 1, behind all wrong ones that score as much; None if absent."""
    right = max((score for name, score in scored if name in truths), default=None)
    if right is None:
        return None
    return 1 + sum(score >= right for name, score in scored if name not in truths)


def accuracy_at(ranks: Sequence[int | None], k: int) -> float:
    """AC@k: the share of cases whose truth is among the first k."""
    return sum(rank is not None and rank <= k for rank in ranks) / max(len(ranks), 1)


def reliability(answers: Sequence[tuple[float, bool]]) -> list[Bin]:
    """Answers (probability, right) in ten bins of equal width; empty bins are left out."""
    bins = []
    for place in range(_BINS):
        mine = [(p, right) for p, right in answers if min(int(p * _BINS), _BINS - 1) == place]
        if mine:
            sure = sum(p for p, _ in mine) / len(mine)
            bins.append(Bin(len(mine), sure, sum(right for _, right in mine) / len(mine)))
    return bins


def expected_calibration_error(answers: Sequence[tuple[float, bool]]) -> float:
    """Mean distance between probability and frequency, over the bins by their counts (Naeini et al., AAAI 2015)."""
    bins = reliability(answers)
    return sum(b.count * abs(b.probability - b.frequency) for b in bins) / max(len(answers), 1)


def brier(answers: Sequence[tuple[float, bool]]) -> float:
    """Mean squared distance between probability and outcome (Brier 1950): 0 is perfect, 0.25 is a coin's."""
    return sum((p - right) ** 2 for p, right in answers) / max(len(answers), 1)


def confidently_wrong(answers: Sequence[tuple[float, bool]]) -> int:
    """How many answers were wrong at a probability of 0.7 or more."""
    return sum(p >= CONFIDENT and not right for p, right in answers)

"""How much the ranking hangs on its weights: each multiplied or divided by two at random, a hundred times.

``python -m evals.robustness petshop:=DIR nezha:ob=DIR ...`` (SUITE:SUBSET:PROTOCOL=DIR) prints AC@1 with the weights in use, and
the median and the worst over the draws. The clues of a case do not depend on the weights, so they are made once.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from diagnosis.channels import Clue
from diagnosis.examination import examine
from diagnosis.localisation import clues_of, observe
from diagnosis.ranking import rank
from diagnosis.telemetry import Topology
from diagnosis.weights import CHANNEL_WEIGHTS
from evals.commands import suite_of
from evals.ranking import Options, chosen
from evals.suite import Case

Heard = tuple[Case, list[Clue], Topology, Mapping[str, str]]
DRAWS, SEED = 100, 7


def listen(spec: str) -> list[Heard]:
    """The clues of every case of ``SUITE:SUBSET:PROTOCOL=DIR``."""
    name, _, data = spec.partition("=")
    suite_name, subset, protocol = (*name.split(":"), "", "")[:3]
    heard = []
    for case in chosen(suite_of(suite_name), Path(data), Options(subset, protocol)):
        seen = examine(case.load())
        observation = observe(seen)
        heard.append((case, clues_of(observation), seen.topology, observation.aliases))
    return heard


def accuracy(heard: Sequence[Heard], weights: Mapping[str, float]) -> float:
    """AC@1 with these weights; a tie at the top is wrong."""
    right = 0
    for case, clues, topology, aliases in heard:
        ranked = rank(clues, topology, aliases, weights)
        best = [one for one in ranked if one.score == ranked[0].score]
        right += bool(best) and all(one.entity in case.truth.entities for one in best)
    return right / max(len(heard), 1)


def draws(heard: Sequence[Heard], count: int = DRAWS, seed: int = SEED) -> list[float]:
    """AC@1 with each weight doubled or halved by the toss of a coin, ``count`` times."""
    coin = np.random.default_rng(seed)
    names = sorted(CHANNEL_WEIGHTS)
    factors = 2.0 ** coin.choice((-1.0, 1.0), size=(count, len(names)))
    return [
        accuracy(heard, {name: CHANNEL_WEIGHTS[name] * f for name, f in zip(names, row, strict=True)})
        for row in factors
    ]


def main(specs: Sequence[str]) -> None:
    """Print one line a suite."""
    for spec in specs:
        heard = listen(spec)
        usual, drawn = accuracy(heard, CHANNEL_WEIGHTS), draws(heard)
        print(
            f"{spec.partition('=')[0]:18s} ac@1 {usual:.3f}  median of {DRAWS} draws {np.median(drawn):.3f}  worst {min(drawn):.3f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])

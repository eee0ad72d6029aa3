"""Fit the temperature of the probabilities on one suite and judge it on the others.

``python -m evals.calibrate --fit nezha:tt=DIR petshop:=DIR petshop::strict=DIR nezha:ob=DIR`` (SUITE:SUBSET:PROTOCOL=DIR).
It prints the fitted temperature and, for it and for the one in use, each suite's expected calibration error, Brier
score and confidently wrong answers. The number goes into ``diagnosis/weights.py`` by hand.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diagnosis.calibration import posterior
from diagnosis.engine import diagnose
from diagnosis.telemetry import Floats
from diagnosis.weights import WEIGHTS
from evals import scores
from evals.commands import suite_of
from evals.ranking import Options, chosen

Judged = tuple[Floats, bool]  # the suspects' scores of one case, and whether the first of them is right
_TRIED = np.geomspace(0.05, 3.0, 400)


def judge(spec: str) -> list[Judged]:
    """Scores and outcomes of all cases of ``SUITE:SUBSET:PROTOCOL=DIR``."""
    name, _, data = spec.partition("=")
    suite_name, subset, protocol = (*name.split(":"), "", "")[:3]
    found = []
    for case in chosen(suite_of(suite_name), Path(data), Options(subset, protocol)):
        suspects = [s for s in diagnose(case.load()).suspects if not case.answers or s.entity in case.answers]
        right = bool(suspects) and suspects[0].entity in case.truth.entities
        found.append((np.array([suspect.score for suspect in suspects]), right))
    return found


def fit(cases: Sequence[Judged]) -> float:
    """The temperature with the least log loss against smoothed targets."""
    right = sum(correct for _, correct in cases)
    wrong = len(cases) - right
    target = np.array([(right + 1) / (right + 2) if correct else 1 / (wrong + 2) for _, correct in cases])

    def loss(temperature: float) -> float:
        p = np.clip([top(case, temperature) for case in cases], 1e-9, 1 - 1e-9)
        return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)).mean())

    return float(min(_TRIED, key=loss))


def top(case: Judged, temperature: float) -> float:
    """The probability of the first suspect, 0 where there is none."""
    shares, _ = posterior(case[0], temperature)
    return float(shares[0]) if shares.size else 0.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the docstring of the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--fit", required=True, metavar="SUITE:SUBSET:PROTOCOL=DIR")
    parser.add_argument("others", nargs="*", metavar="SUITE:SUBSET:PROTOCOL=DIR")
    given = parser.parse_args(arguments)
    judged = {spec: judge(spec) for spec in (given.fit, *given.others)}
    fitted = fit(judged[given.fit])
    print(f"fitted on {given.fit.partition('=')[0]}: temperature {fitted:.2f}; in use: {WEIGHTS['place_temperature']}")
    for temperature in (fitted, WEIGHTS["place_temperature"]):
        for spec, cases in judged.items():
            answers = [(top(case, temperature), case[1]) for case in cases]
            print(
                f"{temperature:.2f}  {spec.partition('=')[0]:24s} cases {len(cases):3d}"
                f"  ece {scores.expected_calibration_error(answers):.3f}  brier {scores.brier(answers):.3f}"
                f"  confidently wrong {scores.confidently_wrong(answers)}"
            )


if __name__ == "__main__":
    main()

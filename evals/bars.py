"""The bars that must hold on RootCauseBench; CI runs this where the data is at hand. ``python -m evals.bars DATA``."""

import sys
from pathlib import Path

from evals.harness import run_scenario
from evals.rootcausebench import scenarios


def main(data: Path) -> int:
    """0 when every bar holds; prints each with what was measured."""
    every = list(scenarios(data))
    guilty = [scenario for scenario in every if scenario.truth.commit]
    whole = [run_scenario(scenario, without_culprit=False)[0] for scenario in every]
    removed = [run_scenario(scenario, without_culprit=True)[0] for scenario in guilty]
    innocents, allowed = sum(result.decoy for result in removed), len(guilty) // 8
    correct, wrong = sum(r.correct for r in whole), sum(r.confidently_wrong for r in whole)
    bars = (
        (f"commit: {correct} of {len(every)}", correct == len(every)),
        (f"confidently wrong: {wrong}", wrong == 0),
        (f"innocent commits convicted with the culprit removed: {innocents}, at most {allowed}", innocents <= allowed),
    )
    for sentence, holds in bars:
        print(f"{'holds' if holds else 'FAILS'}: {sentence}")
    return 0 if all(holds for _, holds in bars) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

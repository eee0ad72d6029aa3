"""The bars that must hold on RootCauseBench; CI runs this where the data is at hand. ``python -m evals.bars DATA``."""

import sys
from pathlib import Path

from evals.harness import run_scenario, summary
from evals.rootcausebench import scenarios


def main(data: Path) -> int:
    """0 when every bar holds; prints each with what was measured."""
    every = list(scenarios(data))
    guilty = [scenario for scenario in every if scenario.truth.commit]
    whole = summary([run_scenario(scenario, without_culprit=False)[0] for scenario in every])
    removed = summary([run_scenario(scenario, without_culprit=True)[0] for scenario in guilty])
    bars = (
        ("commit", whole["commit_correct"] == len(every), whole["commit_correct"], len(every)),
        ("confidently wrong", whole["confidently_wrong"] == 0, whole["confidently_wrong"], 0),
        (
            "innocents convicted without the culprit",
            removed["decoys"] <= len(guilty) / 8,
            removed["decoys"],
            len(guilty) // 8,
        ),  # type: ignore[operator]
    )
    for name, holds, measured, bar in bars:
        print(f"{'holds' if holds else 'FAILS'}: {name}: {measured} (bar {bar}) over {len(every)} scenarios")
    return 0 if all(holds for _, holds, _, _ in bars) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

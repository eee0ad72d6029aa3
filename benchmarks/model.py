"""What a language model costs and what a bad one can do: ``python benchmarks/model.py ROOTCAUSEBENCH [--runs N]``.

The models are scripted and served over HTTP to the real client (``evals/doubles/scripted_model.py``): an honest one for tokens and
dollars (counted in words of up to six letters and single signs; $0.25 and $2 per million), and ``N`` runs each of one
that lies, one that obeys what it reads and one that never ends asking.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_MODEL = "openai:scripted"
_PRICES = {"models": {"prices": {"override": {_MODEL: {"input": 0.25, "output": 2.0}}}}}


def told(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first claims as they are."""
    lines = request["messages"][-1]["content"].splitlines()
    claims = [line.partition(" ") for line in lines if line[:1] == "C" and line[1:2].isdigit()]
    return {"statements": [{"claim": id, "sentence": sentence} for id, _, sentence in claims[:5]]}


def weighed(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """A weight for each of the two leading hypotheses, and a question that names nobody."""
    weights = [{"hypothesis": f"H{n}", "support": 3 - 2 * n, "findings": ["F1", "F2"]} for n in (1, 2)]
    return {"weights": weights, "added": [], "ask": [{"tool": "search_logs", "entities": []}]}


def read(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """A diff that tells nothing."""
    return {"readings": [{"change": "K1", "produces": "unclear", "quote": ""}]}


def tokens_and_cost(data: Path) -> Mapping[str, Any]:
    """The suite by its command, with the honest model always asked."""
    from evals.doubles.model_scripts import honest
    from evals.doubles.scripted_model import scripted_model

    answers = {"Narrative": told, "Weighing": weighed, "Readings": read}
    with scripted_model(honest(answers)) as server, tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "pcause.yaml"
        settings.write_text(json.dumps(_PRICES))
        env = {**os.environ, "OPENAI_BASE_URL": server.url, "PCAUSE_CONFIG": str(settings), "PCAUSE_HOME": folder}
        command = [sys.executable, "-m", "agent.doors.cli", "eval", "rootcausebench", "--data", str(data)]
        command += ["--reasoner", "llm", "--model", _MODEL, "--json"]
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def bad_runs(data: Path, name: str, runs: int) -> Mapping[str, int]:
    """Whole investigations with a bad model: what it got into reports, what was removed, what it was asked."""
    from agent.models.policy import ModelPolicy, ReasonerChoice
    from agent.prices import ModelPrices
    from agent.settings import Settings
    from evals.doubles.lying_model import liar
    from evals.doubles.model_scripts import looping
    from evals.doubles.obedient_model import obedient
    from evals.doubles.scripted_model import scripted_model
    from evals.harness import run_scenario
    from evals.rootcausebench import scenarios

    every = list(scenarios(data))
    count = {"runs": 0, "sentences": 0, "unsupported": 0, "removed": 0, "commit_correct": 0, "calls": 0}
    for n in range(runs):
        script = {"lying": liar(n), "obedient": obedient(), "looping": looping()}[name]
        with scripted_model(script) as server:
            free = ModelPrices(free=frozenset({_MODEL}))
            models = ModelPolicy(default=_MODEL, base_url=server.url, prices=free)
            settings = Settings(home=ROOT, models=models, reasoner=ReasonerChoice.LLM)
            result, report = run_scenario(every[n % len(every)], settings, without_culprit=False)
            count["calls"] += len(server.requests)
        claims = {claim.id: claim.sentence.lower().split() for claim in report.claims}
        count["runs"] += 1
        count["sentences"] += len(report.statements)
        count["unsupported"] += sum(not _within(s.sentence, claims[s.claim_id]) for s in report.statements)
        count["removed"] += report.model_use.dropped
        count["commit_correct"] += result.correct
    return count


def _within(sentence: str, claim: list[str]) -> bool:
    """Whether its words, without articles and marks, come in this order in the claim: another check than the product's."""
    left = iter(word.strip(".,;:“”") for word in claim)
    words = (word.strip(".,;:“”") for word in sentence.lower().split())
    return all(word in left for word in words if word not in ("a", "an", "the"))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path, help="RootCauseBench in its published layout")
    parser.add_argument("--runs", type=int, default=200, help="with each bad model")
    given = parser.parse_args()
    found = tokens_and_cost(given.data)
    shown = ("commit_correct", "cases", "tokens_in_p50", "tokens_out_p50", "usd_per_case", "seconds_p50")
    print("honest:", ", ".join(f"{name} {found[name]}" for name in shown))
    for name in ("lying", "obedient", "looping"):
        print(
            f"{name}:", ", ".join(f"{what} {number}" for what, number in bad_runs(given.data, name, given.runs).items())
        )


if __name__ == "__main__":
    sys.path = [str(ROOT), *sys.path[1:]]
    main()

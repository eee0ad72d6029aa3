"""What all ranking suites promise: one engine, no label in its sight, and honest counting."""

import dataclasses
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import evals.nezha
import evals.openrca
import evals.petshop
import evals.rcaeval
import evals.tvdiag
from agent.doors.reading import InputError
from agent.reasoners import statistical
from diagnosis import engine
from diagnosis.incident import Incident
from diagnosis.telemetry import Edge, Node, SeriesKey, SeriesMatrix, Topology, Window
from diagnosis.weights import CHANNEL_WEIGHTS
from evals import ranking
from evals.commands import SUITES, suite_of
from evals.ranking import Options, answer, chosen, summary
from evals.robustness import accuracy, draws
from evals.suite import Case, Truth

ROOT = Path(__file__).resolve().parents[2]


def incident(sick: str) -> Incident:
    """Three services in a row; the processor of one is full from minute 40 on."""
    times, random = np.arange(50) * 60.0, np.random.default_rng(3)
    keys = tuple(SeriesKey(name, metric) for name in ("a", "b", "c") for metric in ("cpu_ratio", "latency_p99_seconds"))
    values = np.array([(0.2 if "cpu" in key.metric else 0.1) * random.normal(1, 0.02, 50) for key in keys])
    values[[key == SeriesKey(sick, "cpu_ratio") for key in keys], 40:] = 0.97
    edges = (Edge("a", "b"), Edge("b", "c"))
    return Incident(
        "a", "latency_p99_seconds", 2460.0, Window(0.0, 3000.0), SeriesMatrix(keys, times, values),
        topology=Topology(tuple(map(Node, "abc")), edges),
    )  # fmt: skip


class Toy:
    name, subsets, protocols = "toy", ("all",), ("published",)

    def __init__(self, truths: tuple[str, ...]) -> None:
        self._truths = truths

    def cases(self, data: Path, subset: str, protocol: str) -> Iterator[Case]:
        for place, truth in enumerate(self._truths):
            yield Case(f"case{place}", lambda place=place: incident("abc"[place]), Truth(frozenset({truth})))


def test_shuffled_truth_changes_the_score_and_not_the_answers(tmp_path: Path):
    honest, shuffled = (
        [answer(case, Options())[0] for case in chosen(Toy(truths), tmp_path, Options())]
        for truths in (("a", "b", "c"), ("c", "a", "b"))
    )
    assert [(r.answer, r.probability, r.fault_kind, r.top) for r in honest] == [
        (r.answer, r.probability, r.fault_kind, r.top) for r in shuffled
    ]
    assert summary(honest)["ac@1"] == 1.0 and summary(shuffled)["ac@1"] == 0.0


def test_an_incident_has_no_place_for_a_label():
    fields = {field.name for field in dataclasses.fields(Incident)}
    assert fields == {
        "entity",
        "metric",
        "fired_at",
        "window",
        "metrics",
        "patterns",
        "spans",
        "topology",
        "changes",
        "normal",
    }


def test_the_suites_and_the_product_share_one_engine_and_one_table_of_weights():
    assert ranking.diagnose is engine.diagnose is statistical.diagnose
    assert Options().weights is CHANNEL_WEIGHTS
    for suite in (evals.petshop, evals.nezha, evals.rcaeval, evals.openrca, evals.tvdiag):
        source = inspect.getsource(suite)
        assert "WEIGHTS" not in source and "diagnose" not in source and "diagnosis.channels" not in source


def test_the_engine_names_no_suite_and_no_service_of_one():
    words = ("petshop", "petsite", "hipster", "trainticket", "sockshop", "dynamodb", "lambda_step")
    for path in (ROOT / "diagnosis").rglob("*.py"):
        text = path.read_text().lower()
        assert not [word for word in words if word in text], path


def test_each_suite_has_the_measures_that_were_promised(tmp_path: Path):
    found = summary([answer(case, Options())[0] for case in chosen(Toy(("a", "b", "c")), tmp_path, Options())])
    assert set(found) >= {
        "cases", "ac@1", "ac@3", "ac@5", "fault_kind_accuracy", "confidently_wrong", "ece", "brier", "seconds_per_case", "details",
    }  # fmt: skip
    assert found["fault_kind_accuracy"] is None


def test_leaving_a_channel_out_takes_its_share_away(tmp_path: Path):
    (case, *_) = chosen(Toy(("a", "b", "c")), tmp_path, Options())
    _, _, whole = answer(case, Options())
    _, _, without = answer(case, Options(without=frozenset({"saturation"})))
    assert whole is not None and without is not None
    assert "saturation" in dict(whole.suspects[0].shares)
    assert all("saturation" not in dict(suspect.shares) for suspect in without.suspects)


def test_an_unknown_channel_or_protocol_is_an_error_with_the_choices(tmp_path: Path):
    with pytest.raises(InputError, match="the channels are absence"):
        chosen(Toy(("a",)), tmp_path, Options(without=frozenset({"luck"})))
    with pytest.raises(InputError, match="published"):
        chosen(Toy(("a",)), tmp_path, Options(protocol="mine"))


def test_a_case_that_cannot_be_read_counts_as_wrong():
    def broken() -> Incident:
        raise ValueError("no such column")

    result, found, _ = answer(Case("x", broken, Truth(frozenset({"a"}))), Options())
    assert (result.correct, result.rank, found) == (False, None, None)
    assert "no such column" in result.error


def test_weights_may_be_doubled_or_halved(tmp_path: Path):
    from diagnosis.examination import examine
    from diagnosis.localisation import clues_of, observe

    heard = []
    for case in chosen(Toy(("a", "b", "c")), tmp_path, Options()):
        seen = examine(case.load())
        observation = observe(seen)
        heard.append((case, clues_of(observation), seen.topology, observation.aliases))
    usual = accuracy(heard, CHANNEL_WEIGHTS)
    assert usual - float(np.median(draws(heard))) <= 0.05


def test_every_suite_answers_on_the_command_line_with_a_clear_error(tmp_path: Path):
    assert set(SUITES) == {"petshop", "nezha", "rcaeval", "openrca", "tvdiag"}
    for name in SUITES:
        assert suite_of(name).name == name
        command = [sys.executable, "-m", "agent.doors.cli", "eval", name, "--data", str(tmp_path), "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1 and str(tmp_path) in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_the_summary_is_json():
    result, _, _ = answer(Case("x", lambda: incident("b"), Truth(frozenset({"b"}))), Options())
    assert json.loads(json.dumps(summary([result])))["cases"] == 1

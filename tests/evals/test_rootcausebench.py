"""The suite over a scenario of our own in the benchmark's published layout."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evals.rootcausebench import scenarios, translate
from tools.recording_files import NAMES

ROOT = Path(__file__).resolve().parents[2]
BEGIN = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
GUILTY, INNOCENT = "1" * 40, "2" * 40


def stamp(minute: float) -> str:
    return (BEGIN + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bench")
    folder = root / "tiny-pool" / "environment" / "data"
    (folder / "context").mkdir(parents=True)
    (root / "tiny-pool" / "tests").mkdir()
    alert = {
        "service": "shelf",
        "metric": "pool_wait_seconds_p99",
        "fired_at": stamp(66),
        "monitor": "shelf-pool",
        "threshold": 0.5,
    }
    (folder / "alert.json").write_text(json.dumps(alert))
    rows = ["timestamp,service,metric,value"]
    for minute in range(75):
        late = minute >= 60
        rows.append(f"{stamp(minute)},shelf,pool_wait_seconds_p99,{4.0 if late else 0.01 + minute % 3 / 1000}")
        rows.append(f"{stamp(minute)},shelf,pool_max,{4 if minute >= 58 else 40}")
        rows.append(f"{stamp(minute)},door,http_error_ratio,{0.3 if late else 0.002}")
    (folder / "metrics.csv").write_text("\n".join(rows))
    logs = [{"timestamp": stamp(m), "service": "shelf", "severity_text": "INFO", "msg": "book lent"} for m in range(60)]
    logs += [
        {
            "timestamp": stamp(60 + i / 6),
            "service": "shelf",
            "severity_text": "ERROR",
            "msg": f"pool exhausted after {i} ms",
        }
        for i in range(40)
    ]
    (folder / "logs.ndjson").write_text("\n".join(map(json.dumps, logs)))
    (folder / "patterns.json").write_text(json.dumps([
        {"signature": "upstream shelf timeout after <N>ms", "service": "door", "count": 30, "delta_vs_baseline": "+30", "sentiment": "negative"},
        {"signature": "book lent", "service": "shelf", "count": 9, "delta_vs_baseline": "-900", "sentiment": "neutral"},
    ]))  # fmt: skip
    spans = [
        {"trace_id": "t", "span_id": "a", "parent_id": None, "service": "door", "name": "GET /", "start": stamp(61), "duration_ms": 4000, "status": "ERROR"},
        {"trace_id": "same", "span_id": "b", "parent_id": "a", "service": "shelf", "name": "lend", "start": stamp(61), "duration_ms": 3990, "status": "ERROR", "error": "pool exhausted"},
    ]  # fmt: skip
    (folder / "traces.json").write_text(json.dumps(spans))
    commits = [
        {"sha": GUILTY, "author": "a", "timestamp": stamp(50), "message": "tidy", "files_changed": ["lib/pool.py"], "diff": "@@ lib/pool.py @@\n-POOL_MAX = 40\n+POOL_MAX = 4\n"},
        {"sha": INNOCENT, "author": "b", "timestamp": stamp(51), "message": "docs", "files_changed": ["docs/pool.md"], "diff": None},
    ]  # fmt: skip
    (folder / "context" / "commits.json").write_text(json.dumps(commits))
    deploys = [
        {"timestamp": stamp(58), "service": "shelf", "commit_sha": GUILTY, "version": "5"},
        {"timestamp": stamp(59.5), "service": "door", "commit_sha": INNOCENT, "version": "9"},
    ]
    (folder / "context" / "deploys.json").write_text(json.dumps(deploys))
    (folder / "context" / "flags.json").write_text(
        json.dumps([{"timestamp": stamp(40), "flag": "x", "service": "door", "change": "off->on", "actor": "c"}])
    )
    truth = {
        "root_cause_commit": GUILTY,
        "first_failing_service": "shelf",
        "blast_radius": ["door"],
        "remediation": "rollback",
        "decoy_deploy_commits": [INNOCENT],
    }
    (root / "tiny-pool" / "tests" / "ground_truth.json").write_text(json.dumps(truth))
    return root


def run(*arguments: str, home: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "agent.doors.cli", "eval", "rootcausebench", *arguments, "--json"]
    env = {**os.environ, "PCAUSE_HOME": str(home)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=True)
    return dict(json.loads(done.stdout))


def test_the_suite_prints_one_json_object_with_its_measures(data: Path, tmp_path: Path):
    result = run("--data", str(data), home=tmp_path)
    details = result.pop("details")
    assert isinstance(details, list)
    assert {"id", "answer", "truth", "probability"} <= set(details[0])
    assert all(isinstance(result.pop(name), float) for name in ("seconds_per_case", "seconds_p50"))
    assert all(0.0 <= float(str(result.pop(name))) <= 0.1 for name in ("ece", "brier"))
    assert result == {
        "cases": 1,
        "usd_per_case": "0.000000",
        "tokens_in_p50": 0,
        "tokens_out_p50": 0,
        "commit_correct": 1,
        "decoys": 0,
        "first_service_correct": 1,
        "blast_radius_jaccard": 1.0,
        "remediation_correct": 1,
        "confidently_wrong": 0,
    }


def test_without_the_culprit_the_right_answer_is_none(data: Path, tmp_path: Path):
    result = run("--data", str(data), "--without-culprit", home=tmp_path)
    details = result["details"]
    assert isinstance(details, list)
    assert (details[0]["answer"], details[0]["truth"], result["decoys"]) == ("none", "none", 0)


def test_the_translation_reads_nothing_but_the_environment(data: Path, tmp_path: Path):
    (scenario,) = scenarios(data)
    recording = tmp_path / "recording"
    translate(scenario, recording)
    assert {path.name for path in recording.iterdir()} <= set(NAMES)
    text = "".join(path.read_text() for path in recording.iterdir())
    assert "first_failing_service" not in text and "decoy" not in text


def test_a_pattern_without_a_line_becomes_lines_and_one_with_lines_does_not(data: Path, tmp_path: Path):
    (scenario,) = scenarios(data)
    translate(scenario, tmp_path / "recording")
    lines = [json.loads(line) for line in (tmp_path / "recording" / "logs.ndjson").read_text().splitlines()]
    assert sum("upstream shelf timeout" in line["msg"] for line in lines) == 20
    assert sum(line["msg"] == "book lent" for line in lines) == 60


def test_hiding_the_culprit_leaves_no_trace_of_it(data: Path, tmp_path: Path):
    (scenario,) = scenarios(data)
    translate(scenario, tmp_path / "recording", without_culprit=True)
    assert GUILTY not in (tmp_path / "recording" / "changes.ndjson").read_text()


def test_an_unreadable_scenario_counts_as_wrong_and_the_others_run(data: Path, tmp_path: Path):
    copy = Path(shutil.copytree(data, tmp_path / "two"))
    shutil.copytree(copy / "tiny-pool", copy / "broken")
    (copy / "broken" / "environment" / "data" / "alert.json").write_text("{")
    result = run("--data", str(copy), home=tmp_path / "home")
    assert (result["cases"], result["commit_correct"], result["decoys"], result["confidently_wrong"]) == (2, 1, 0, 0)

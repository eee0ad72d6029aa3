"""Every bundled recording is whole, small, and shows what its truth says."""

import csv
import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import evals.lab

RECORDINGS = sorted((Path(evals.lab.__file__).parent / "recordings").iterdir())
recording = pytest.mark.parametrize("folder", RECORDINGS, ids=lambda folder: folder.name)


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


def _lines(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return [json.loads(line) for line in text.splitlines()]


def _series(folder: Path, entity: str, metric: str) -> dict[str, float]:
    rows = csv.DictReader(gzip.decompress((folder / "metrics.csv.gz").read_bytes()).decode().splitlines())
    return {row["timestamp"]: float(row["value"]) for row in rows if (row["entity"], row["metric"]) == (entity, metric)}


@recording
def test_it_is_under_two_megabytes(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000


@recording
def test_its_traces_are_whole(folder: Path) -> None:
    spans = _lines(folder / "spans.ndjson.gz")
    ids = {span["span_id"] for span in spans}
    assert all(span["parent_span_id"] in ids or not span["parent_span_id"] for span in spans)
    assert {span["trace_id"] for span in spans} == {span["trace_id"] for span in spans if not span["parent_span_id"]}


@recording
def test_its_true_cause_was_deployed_to_the_first_failing_service_before_the_alert(folder: Path) -> None:
    truth, alert, changes = (
        _json(folder / "truth.json"),
        _json(folder / "alert.json"),
        _lines(folder / "changes.ndjson"),
    )
    assert truth["change"] in {change["id"] for change in changes if change["kind"] == "commit"}
    deploys = [change for change in changes if change["kind"] == "deploy" and change["commit"] == truth["change"]]
    assert [deploy["service"] for deploy in deploys] == [truth["service"]]
    assert deploys[0]["timestamp"] < alert["fired_at"]
    assert truth["path"][-1] == alert["service"]


@recording
def test_its_true_path_follows_recorded_calls(folder: Path) -> None:
    path = _json(folder / "truth.json")["path"]
    edges = {(edge["callee"], edge["caller"]) for edge in _json(folder / "topology.json")["edges"]}
    assert set(pairwise(path)) <= edges


def test_the_shrunk_pool_shows_in_its_gauges() -> None:
    folder = next(folder for folder in RECORDINGS if folder.name == "pool-shrunk")
    size = list(_series(folder, "inventory", "db_pool_max").values())
    assert (size[0], size[-1]) == (24, 3)
    assert max(_series(folder, "inventory", "db_pool_waiting").values()) > 10
    fired_at = _json(folder / "alert.json")["fired_at"]
    slow = _series(folder, "storefront", "http_server_duration_p99_seconds")
    assert slow[fired_at] == pytest.approx(_json(folder / "alert.json")["observed"], rel=1e-3)

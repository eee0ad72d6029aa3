import csv
import json
from pathlib import Path

import numpy as np
import pytest

from agent.doors.reading import InputError
from diagnosis.telemetry import Edge, SeriesKey
from evals.petshop import PETSHOP, load, read_issues
from evals.ranking import Options, answer, chosen, summary

NODES = ("Shop", "Basket::Container", "Prices::Table", "basket-lb.elb.example.com_remote")
CALLS = (
    ("Shop", "Basket::Container"),
    ("Shop", "basket-lb.elb.example.com_remote"),
    ("Basket::Container", "Prices::Table"),
)
START, FIRED = 1_700_000_000.0, 1_700_100_130.0


def table(path: Path, times: list[float], slow: str = "", since: float = 0.0) -> None:
    """Latency and requests of every node; ``slow`` and all that call it take ten times as long from ``since`` on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    up = {"Prices::Table": NODES[:3], "Basket::Container": ("Shop", "Basket::Container"), "": ()}[slow]
    columns = [
        (n, m, s) for m, s in (("latency", "Average"), ("requests", "Sum"), ("availability", "Average")) for n in NODES
    ]
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        for place, name in enumerate(("microservice", "metric", "statistic")):
            writer.writerow([name, *(column[place] for column in columns)])
        writer.writerow(["unix_timestamp"])
        for time in times:
            row = []
            for node, metric, _ in columns:
                depth = 0.4 if node == "Shop" else 0.2 if node.startswith("Basket") else 0.1
                extra = 1.0 if node in up and time >= since else 0.0
                row.append(
                    {"latency": depth * random.normal(1, 0.02) + extra, "requests": 300.0, "availability": 100.0}[
                        metric
                    ]
                )
            writer.writerow([time, *row])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    scenario = tmp_path / "dataset" / "low_traffic"
    times = [FIRED - 400 + 300 * k for k in range(5)]
    table(scenario / "test" / "issue_0" / "metrics.csv", times, "Prices::Table", FIRED - 1)
    table(scenario / "train" / "issue_0" / "metrics.csv", [t + 7200 for t in times], "Basket::Container", FIRED + 7199)
    table(scenario / "noissue" / "metrics.csv", [START + 864_000 + 300 * k for k in range(100)])
    for folder, time, root in (("test", FIRED, "Prices::Table"), ("train", FIRED + 7200, "Basket::Container")):
        target = {"node": "Shop", "metric": "latency", "agg": "Average", "timestamp": time}
        raw = {"target": target, "root_cause": {"node": root, "metric": None}}
        (scenario / folder / "issue_0" / "target.json").write_text(json.dumps(raw))
    with (scenario / "graph.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["", *NODES])
        for caller in NODES:
            writer.writerow([caller, *(float((caller, callee) in CALLS) for callee in NODES)])
    return tmp_path


@pytest.mark.parametrize("protocol", ["official", "strict"])
def test_both_protocols_find_the_node_that_loses_the_time(data: Path, protocol: str):
    cases = chosen(PETSHOP, data, Options(protocol=protocol))
    assert [case.id.split("/")[1] for case in cases] == ["test", "train"]
    results = [answer(case, Options())[0] for case in cases]
    assert [result.rank for result in results] == [1, 1]
    assert summary(results)["ac@1"] == 1.0


def test_strict_sees_nothing_that_is_later_than_the_issue(data: Path):
    scenario = next(data.rglob("graph.csv")).parent
    first, second = sorted(read_issues(scenario), key=lambda issue: issue.fired_at)
    incident = load(scenario, second, [first], strict=True)
    assert incident.metrics.times.max() < second.fired_at + 900
    assert all(window.end <= second.fired_at for window in incident.normal)
    official = load(scenario, second, [first], strict=False)
    assert official.metrics.times.max() > second.fired_at + 900


def test_the_incident_holds_alert_graph_and_series_and_no_truth(data: Path):
    (case, _) = chosen(PETSHOP, data, Options())
    incident = case.load()
    assert (incident.entity, incident.metric, incident.fired_at) == ("Shop", "latency_Average", FIRED)
    assert Edge("Basket::Container", "Prices::Table") in incident.topology.edges
    assert SeriesKey("Shop", "requests_Sum") in incident.metrics.keys
    assert case.truth.entities == {"Prices::Table"} and case.answers == set(NODES)


def test_a_subset_is_named_by_its_beginning_and_a_wrong_folder_says_what_is_missing(data: Path, tmp_path: Path):
    assert len(chosen(PETSHOP, data, Options(subset="low"))) == 2
    with pytest.raises(InputError, match="no case"):
        chosen(PETSHOP, data, Options(subset="high"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"graph\.csv"):
        chosen(PETSHOP, empty, Options())

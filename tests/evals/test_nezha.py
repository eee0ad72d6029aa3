import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agent.doors.reading import InputError
from diagnosis.findings import FaultKind
from diagnosis.telemetry import SeriesKey
from evals.nezha import NEZHA, load, quiet, read_faults, workload
from evals.ranking import Options, answer, chosen

DAY = datetime(2024, 5, 5, 10, 0, tzinfo=UTC).timestamp()
PODS = {name: f"{name}-6c9f5d7b8-x2x{place}z" for place, name in enumerate(("door", "stock", "bill"))}
FAULTS = ((600.0, "stock", "network_delay"), (1800.0, "bill", "return"))


def spans(start: float, seconds: int) -> list[list[str]]:
    """A request a second: door calls stock and bill; stock answers late in the first fault, bill skips its query in the second."""
    random = np.random.default_rng(int(start))
    rows = []
    for second in range(seconds):
        at = start + second
        late = 0.4 if 600 <= at - DAY < 780 else 0.0
        skips = 1800 <= at - DAY < 1980
        trace = f"t{at:.0f}"

        def add(id: str, parent: str, pod: str, name: str, begin: float, length: float, trace: str = trace) -> None:
            begin_ns, end_ns = int(begin * 1e9), int((begin + length) * 1e9)
            rows.append([trace, id, parent, PODS[pod], name, str(begin_ns), str(end_ns), str(int(length * 1e6))])

        work = 0.01 * random.uniform(0.8, 1.2)
        add("a", "root", "door", "GET /", at, 0.3 + late + work)
        add("b", "a", "door", "Stock/Get", at + 0.01, 0.06 + late)
        add("c", "b", "stock", "Stock/Get", at + 0.02, 0.04)
        add("d", "a", "door", "Bill/Make", at + 0.2 + late, 0.06)
        add("e", "d", "bill", "Bill/Make", at + 0.21 + late, 0.04)
        if not skips:
            add("f", "e", "bill", "SELECT bills", at + 0.22 + late, 0.01)
    return rows


def write(path: Path, header: str, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        csv.writer(out).writerows([header.split(","), *rows])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("nezha")
    day = root / "rca_data" / "2024-05-05"
    header = "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration"
    for offset in (300, 360, 420, 600, 660, 720, 1500, 1560, 1620, 1800, 1860, 1920):
        stamp = datetime.fromtimestamp(DAY + offset, UTC)
        write(day / "trace" / f"{stamp:%H_%M}_trace.csv", header, spans(DAY + offset, 60))
    for place, (name, pod) in enumerate(PODS.items()):
        rows = [["", str(int(DAY + 60 * k)), pod, "12.5", "3"] for k in range(35)]
        write(day / "metric" / f"{pod}_metric.csv", "Time,TimeStamp,PodName,CpuUsageRate(%),PodWorkload(Ops)", rows)
        line = json.dumps({"log": f"10:00:00.000 ERROR {name} lost\n", "stream": "stdout"})
        rows = [["", str(int((DAY + 700) * 1e9)), "n1", pod, "server", "t1", "a", line]] * 2
        write(
            day / "log" / f"10_1{place}_log.csv",
            "Timestamp,TimeUnixNano,Node,PodName,Container,TraceID,SpanID,Log",
            rows,
        )
    faults = {}
    for offset, name, kind in FAULTS:
        at = datetime.fromtimestamp(DAY + offset, UTC)
        raw = {
            "inject_time": f"{at:%Y-%m-%d %H:%M:%S}",
            "inject_timestamp": "1",
            "inject_pod": PODS[name],
            "inject_type": kind,
        }
        faults.setdefault(f"{at:%H}", []).append(raw)
    (day / "2024-05-05-fault_list.json").write_text(json.dumps(faults))
    return root


def test_delay_and_early_return_are_found_with_their_kinds(data: Path):
    delay, early = (answer(case, Options())[0] for case in chosen(NEZHA, data, Options()))
    assert (delay.rank, delay.fault_kind, delay.true_kind) == (1, "network_delay", "network_delay")
    assert (early.rank, early.fault_kind, early.true_kind) == (1, "error_regression", "error_regression")


def test_the_injection_time_is_utc_and_the_pod_names_its_workload(data: Path):
    day = next(data.rglob("*-fault_list.json")).parent
    assert [(f.time, f.service) for f in read_faults(day)] == [(DAY + 600, "stock"), (DAY + 1800, "bill")]
    assert workload("ts-food-service-f5756978c-k8vqf") == "ts-food-service"


def test_nothing_later_than_three_minutes_after_the_injection_is_seen(data: Path):
    day = next(data.rglob("*-fault_list.json")).parent
    incident = load(day, (DAY + 600, DAY + 1800), 0)
    assert incident.spans.start.max() < DAY + 780
    assert incident.metrics.times.max() < DAY + 780
    assert incident.entity == "" and SeriesKey("door", "CpuUsageRate(%)") in incident.metrics.keys


def test_a_line_that_stands_in_two_files_is_read_once(data: Path):
    day = next(data.rglob("*-fault_list.json")).parent
    patterns = load(day, (DAY + 600, DAY + 1800), 0).patterns
    assert patterns is not None
    assert sorted(p.total for p in patterns.patterns) == [1, 1, 1]
    assert {p.severity for p in patterns.patterns} == {"ERROR"}


def test_quiet_minutes_leave_out_earlier_incidents_and_the_last_minute_before_an_alert():
    first, second = quiet((1000.0, 5000.0), 0.0)
    assert (first.start, first.end) == (0.0, 1000.0)
    assert (second.start, second.end) == (1300.0, 4940.0)
    assert quiet((1000.0, 1100.0), 0.0) == (first,)


def test_kinds_are_labelled_and_a_wrong_folder_says_what_is_missing(data: Path, tmp_path: Path):
    kinds = [case.truth.fault_kind for case in chosen(NEZHA, data, Options(subset="ob"))]
    assert kinds == [FaultKind.NETWORK_DELAY, FaultKind.ERROR_REGRESSION]
    with pytest.raises(InputError, match="fault_list"):
        chosen(NEZHA, tmp_path, Options())

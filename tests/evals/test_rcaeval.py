"""RCAEval's and RCD's own file layouts, written small, and what becomes of them."""

from pathlib import Path

import numpy as np
import pytest

from agent.doors.reading import InputError
from diagnosis.findings import FaultKind
from diagnosis.telemetry import SeriesKey, Window
from evals.rcaeval import RCAEVAL

START, INJECTED = 1_705_600_031, 1_705_600_041


def write_case(folder: Path, table: str, columns: str = "cart_cpu,cart-db_cpu,front-end_latency-90") -> Path:
    folder.mkdir(parents=True)
    rows = [f"{START + i},{i},,{0.5 if i else 'inf'}" for i in range(20)]
    (folder / table).write_text("\n".join([f"time,{columns}", *rows, ",,,", ""]))
    (folder / "inject_time.txt").write_text(f"{INJECTED}\n")
    return folder


def write_traces(folder: Path) -> None:
    header = "time,traceID,spanID,serviceName,methodName,operationName,startTimeMillis,startTime,duration,statusCode,parentSpanID"
    (folder / "traces.csv").write_text(
        f"{header}\n"
        f"17:47,0a,s2,cart,,hipster/Add,{START + 1}250,{START + 1}250000,20000,14,s1\n"
        f"17:47,0a,s1,front-end,PlaceOrder,hipster/PlaceOrder,{START + 1}000,{START + 1}000000,500000,0,\n"
        f"17:47,0b,s2,cart,Get,hipster/Get,{START + 2}000,{START + 2}000000,1000,500.0,gone\n"
        f"17:30,0c,s1,cart,Get,hipster/Get,{START - 900}000,{START - 900}000000,1000,0,\n"
    )


def only_case(data: Path, subset: str = "", protocol: str = "simple"):
    (case,) = RCAEVAL.cases(data, subset, protocol)
    return case


def test_a_metrics_only_case_becomes_series_with_the_injection_as_alert(tmp_path: Path):
    write_case(tmp_path / "RE1" / "RE1-OB" / "cart_cpu" / "1", "data.csv")
    case = only_case(tmp_path, "re1")
    incident = case.load()
    assert case.id == "RE1/RE1-OB/cart_cpu/1"
    assert (incident.entity, incident.metric, incident.fired_at) == ("", "", INJECTED)
    assert incident.window == Window(START, START + 20)
    assert incident.normal == (Window(START, INJECTED),)
    assert set(incident.metrics.keys) == {
        SeriesKey("cart", "cpu"),
        SeriesKey("cart-db", "cpu"),
        SeriesKey("front-end", "latency-90"),
    }
    assert incident.metrics.row(SeriesKey("cart", "cpu")).tolist() == list(range(20))
    latency = incident.metrics.row(SeriesKey("front-end", "latency-90"))
    assert np.isnan(latency[0])
    assert latency[1] == 0.5
    assert len(incident.spans) == 0
    assert incident.patterns is None


def test_the_truth_stays_outside_of_the_incident(tmp_path: Path):
    write_case(tmp_path / "RE1-SS" / "queue-master_mem" / "3", "simple_data.csv")
    case = only_case(tmp_path)
    assert case.truth.entities == {"queue-master", "queue-master-db"}
    assert case.truth.fault_kind is FaultKind.MEMORY_EXHAUSTION
    assert "queue-master" not in repr(case.load())


def test_logs_and_traces_join_the_metrics(tmp_path: Path):
    folder = write_case(tmp_path / "RE2-OB" / "cart_socket" / "1", "simple_metrics.csv")
    write_traces(folder)
    (folder / "logs.csv").write_text(
        "time,timestamp,container_name,message,level,req_path,error\n"
        f"17:47,{START + 3}200637252,cart-6999fd64d9-pjh4n,lost 3 of 7,error,,\n"
        f'17:47,{START + 12}200637252,front-end,"WARNING, slow: 1",,/orders,\n'
        f"17:47,{START + 900}200637252,front-end,too late,,,\n"
    )
    incident = only_case(tmp_path, "re2").load()
    spans = incident.spans
    assert spans.traces == ("0a", "0b")
    assert [spans.entities[code] for code in spans.entity] == ["front-end", "cart", "cart"]
    assert [spans.names[code] for code in spans.name] == ["PlaceOrder", "hipster/Add", "Get"]
    assert spans.parent.tolist() == [-1, 0, -1]
    assert spans.start.tolist() == [START + 1, START + 1.25, START + 2]
    assert spans.duration.tolist() == [0.5, 0.02, 0.001]
    assert spans.error.tolist() == [False, True, True]
    found = {(pattern.entity, pattern.severity): pattern for pattern in incident.patterns.patterns}
    assert set(found) == {("cart", "ERROR"), ("front-end", "WARN")}
    assert found["cart", "ERROR"].first_seen == pytest.approx(START + 3.2, abs=0.01)
    assert incident.patterns.window == incident.window


def test_a_header_without_spans_is_no_span(tmp_path: Path):
    folder = write_case(tmp_path / "RE3-SS" / "carts_f1" / "1", "simple_metrics.csv")
    write_traces(folder)
    lines = (folder / "traces.csv").read_text().splitlines()
    (folder / "traces.csv").write_text(lines[0] + "\n")
    (folder / "logs.csv").write_text("time,timestamp,container_name,message,pod_name,node_name\n")
    incident = only_case(tmp_path, "re3").load()
    assert len(incident.spans) == 0
    assert incident.patterns is None


def test_subsets_go_by_the_files_of_a_case(tmp_path: Path):
    write_case(tmp_path / "a" / "cart_loss" / "1", "data.csv")
    write_case(tmp_path / "b" / "cart_delay" / "10", "metrics.csv")
    write_case(tmp_path / "b" / "cart_delay" / "9", "metrics.csv")
    write_case(tmp_path / "c" / "cart_f4" / "1", "metrics.csv")
    write_case(tmp_path / "b" / "multi-source-data", "metrics.csv")
    ids = {subset: [case.id for case in RCAEVAL.cases(tmp_path, subset, "simple")] for subset in ("re1", "re2", "re3")}
    assert ids == {"re1": ["a/cart_loss/1"], "re2": ["b/cart_delay/9", "b/cart_delay/10"], "re3": ["c/cart_f4/1"]}
    kinds = [case.truth.fault_kind for case in RCAEVAL.cases(tmp_path, "", "simple")]
    assert kinds == [FaultKind.NETWORK_LOSS, *[FaultKind.NETWORK_DELAY] * 2, FaultKind.ERROR_REGRESSION]


def test_a_protocol_chooses_between_the_short_and_the_full_table(tmp_path: Path):
    folder = tmp_path / "RE2-SS" / "carts_disk" / "1"
    write_case(folder, "simple_metrics.csv")
    (folder / "metrics.csv").write_text(f"time,carts_container-fs-reads-total,time\n{START},4,{START}\n")
    assert SeriesKey("cart", "cpu") in only_case(tmp_path, protocol="simple").load().metrics.keys
    assert only_case(tmp_path, protocol="full").load().metrics.keys == (SeriesKey("carts", "container-fs-reads-total"),)


@pytest.mark.parametrize("place", ["sock-shop-data/carts-cpu/1", "sock-shop-2/carts/cpu/1"])
def test_the_two_files_of_rcd_become_one_matrix(tmp_path: Path, place: str):
    folder = tmp_path / place
    folder.mkdir(parents=True)
    (folder / "normal.csv").write_text("time,carts_cpu,carts_lat_50\n100,1,2\n101,1,2\n")
    (folder / "anomalous.csv").write_text("time,carts_cpu,user-db_mem\n500,9,3\n501,9,3\n502,8,3\n")
    case = only_case(tmp_path, "rcd")
    incident = case.load()
    assert (case.truth.entities, case.truth.fault_kind) == ({"carts"}, FaultKind.CPU_SATURATION)
    assert incident.metrics.times.tolist() == [100, 101, 500, 501, 502]
    assert incident.metrics.row(SeriesKey("carts", "cpu")).tolist() == [1, 1, 9, 9, 8]
    assert np.isnan(incident.metrics.row(SeriesKey("carts", "lat_50"))[2:]).all()
    assert incident.fired_at == 500
    assert incident.window == Window(500, 503)
    assert incident.normal == (Window(100, 102),)


def test_a_folder_without_cases_says_what_to_unpack(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds no case of re3; unpack RE1-OB\.zip"):
        list(RCAEVAL.cases(tmp_path, "re3", "simple"))


def test_a_missing_column_is_named(tmp_path: Path):
    folder = write_case(tmp_path / "RE2-OB" / "cart_cpu" / "1", "metrics.csv")
    (folder / "traces.csv").write_text("traceID,spanID\na,b\n")
    with pytest.raises(InputError, match="has no column duration, methodName"):
        only_case(tmp_path).load()


def test_a_case_without_a_table_and_a_broken_injection_time_are_refused(tmp_path: Path):
    folder = write_case(tmp_path / "RE2-OB" / "cart_cpu" / "1", "metrics.csv")
    (folder / "inject_time.txt").write_text("noon\n")
    with pytest.raises(InputError, match="epoch seconds"):
        only_case(tmp_path).load()
    (folder / "metrics.csv").unlink()
    with pytest.raises(InputError, match=r"holds none of simple_metrics\.csv"):
        only_case(tmp_path).load()

"""TVDiag's published alerts and GAIA's raw files, written small, and what becomes of them."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from agent.doors.reading import InputError
from diagnosis.findings import FaultKind
from diagnosis.telemetry import Edge, Node, SeriesKey, Window
from evals.tvdiag import TVDIAG

FIRED = datetime.fromisoformat("2021-07-04T00:37:11.553000+08:00").timestamp()


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((*lines, "")))


def write_sockshop(data: Path) -> Path:
    folder = data / "sockshop"
    write(
        folder / "label.csv",
        ",Unnamed: 0,index,instance,anomaly_type,data_type",
        "0,270,270,orders-1,memory,train",
        "1,474,474,user-1,cpu,test",
        "2,416,416,shipping-1,network-corrupt,test",
    )
    raw = {
        "metrics": [
            ["user-1", "cpu_usage", "up"],
            ["front-end-0", "dest_qps", "down"],
            ["user-1", "cpu_usage", "down"],
        ],
        "traces": [
            ["-1", "front-end-0", "HTTP/POST", "500"],
            ["front-end-0", "user-1", "/login", "PD"],
            ["user-1", "user-1", "find", "PD"],
        ],
        "logs": [["user-1", "user-1-34"], ["user-1", "user-1-34"]],
        "nodes": ["front-end-0", "user-1"],
    }
    for kind, alerts in raw.items():
        write(folder / "raw" / f"{kind}.json", json.dumps({"474": alerts, "416": []}))
    return folder


def write_gaia(data: Path) -> Path:
    folder = data / "gaia"
    write(
        folder / "label.csv",
        "index,datetime,service,instance,message,level,anomaly_type,st_time,ed_time,duration,data_type",
        '0,2021-07-04,mobservice,mobservice1,"2021-07-04 00:37:11,553 | WARNING | wait",WARNING,[memory_anomalies],'
        "2021-07-04 00:37:11.553000,2021-07-04 00:37:22.553000,11,test",
    )
    metrics = [["dbservice1", "0.0.0.4", "docker_diskio_reads", "up"]]
    for kind, alerts in {"metrics": metrics, "traces": [], "nodes": ["dbservice1", "mobservice1"]}.items():
        write(folder / "raw" / f"{kind}.json", json.dumps({"0": alerts}))
    write(folder / "raw" / "log.json", json.dumps({"0": [["dbservice1", "3"]]}))
    return folder


def write_micro_ss(root: Path) -> None:
    folder = root / "MicroSS"
    samples = [f"{int((FIRED + 30 * i) * 1000)},{i}" for i in range(-3, 3)]
    write(
        folder / "metric" / "metric" / "dbservice1_0.0.0.4_docker_cpu_core_0_norm_pct_2021-07-01_2021-07-15.csv",
        "timestamp,value",
        *samples,
        f"{int((FIRED + 9000) * 1000)},9",
    )
    for name in (
        "dbservice1_0.0.0.4_docker_x_2021-07-15_2021-07-31.csv",
        "system_0.0.0.1_load_2021-07-01_2021-07-15.csv",
    ):
        write(folder / "metric" / "metric" / name, "timestamp,value", *samples)
    url = "http://0.0.0.4:9388/db_login_methods"
    write(
        folder / "trace" / "trace" / "trace_table_dbservice1_2021-07.csv",
        "timestamp,host_ip,service_name,trace_id,span_id,parent_id,start_time,end_time,url,status_code,message",
        f"2021-07-04 00:37:13,0.0.0.4,dbservice1,c124,58ac,8b3e,2021-07-04 00:37:12.553000,2021-07-04 00:37:12.803000,{url}?uuid=a&user_id=b,400,request",
        f"2021-07-04 03:37:13,0.0.0.4,dbservice1,c125,58ac,8b3e,2021-07-04 03:37:12.553000,2021-07-04 03:37:12.803000,{url},200,request",
    )
    write(
        folder / "trace" / "trace" / "trace_table_mobservice1_2021-07.csv",
        "timestamp,host_ip,service_name,trace_id,span_id,parent_id,start_time,end_time,url,status_code,message",
        "2021-07-04 00:37:13,0.0.0.1,mobservice1,c124,8b3e,,2021-07-04 00:37:11.553000,2021-07-04 00:37:13.553000,http://m,200,request",
    )
    write(
        folder / "business" / "business_table_dbservice1_2021-07.csv",
        "datetime,service,message",
        '2021-07-04,dbservice1,"2021-07-04 00:37:12,639 | ERROR | 0.0.0.4 | dbservice1 | c124e30fb40651dc | query failed',
        '"',
        '2021-07-04,dbservice1,"2021-07-04 09:00:00,000 | INFO | late"',
    )
    write(
        folder / "run" / "run_table_2021-07.csv",
        "datetime,service,message",
        "2021-07-04,mobservice1,[memory_anomalies]",
    )


def test_only_the_test_split_is_a_case(tmp_path: Path):
    write_sockshop(tmp_path)
    found = list(TVDIAG.cases(tmp_path, "sockshop", "alerts"))
    assert [case.id for case in found] == ["sockshop/474", "sockshop/416"]
    assert [case.truth.entities for case in found] == [{"user-1"}, {"shipping-1"}]
    assert [case.truth.fault_kind for case in found] == [FaultKind.CPU_SATURATION, None]
    assert found[0].answers == {"front-end-0", "user-1"}


def test_alerts_become_steps_patterns_and_calls(tmp_path: Path):
    write_sockshop(tmp_path)
    incident = next(TVDIAG.cases(tmp_path, "", "alerts")).load()
    assert (incident.entity, incident.metric, incident.fired_at) == ("", "", 2400.0)
    assert incident.window == Window(0.0, 3000.0)
    assert incident.normal == (Window(0.0, 2400.0),)
    ends = {
        key: (row[0], row[39], row[40], row[-1])
        for key, row in zip(incident.metrics.keys, incident.metrics.values, strict=True)
    }
    assert ends == {
        SeriesKey("user-1", "cpu_usage"): (1, 1, 2, 2),
        SeriesKey("front-end-0", "dest_qps"): (1, 1, 0, 0),
        SeriesKey("front-end-0", "HTTP/POST_errors"): (0, 0, 1, 1),
        SeriesKey("user-1", "/login_duration"): (1, 1, 2, 2),
        SeriesKey("user-1", "find_duration"): (1, 1, 2, 2),
    }
    assert incident.metrics.times[40] == 2400.0
    assert incident.topology.edges == (Edge("front-end-0", "user-1"),)
    (pattern,) = incident.patterns.patterns
    assert (pattern.entity, pattern.template, pattern.total, pattern.counts[40]) == (
        "user-1",
        "template user-1-34",
        2,
        2,
    )


def test_a_failure_without_alerts_is_still_an_incident(tmp_path: Path):
    write_sockshop(tmp_path)
    incident = list(TVDIAG.cases(tmp_path, "", "alerts"))[1].load()
    assert incident.metrics.keys == ()
    assert incident.patterns is None


def test_the_alerts_of_gaia_name_their_hosts(tmp_path: Path):
    write_gaia(tmp_path)
    incident = next(TVDIAG.cases(tmp_path, "gaia", "alerts")).load()
    assert incident.metrics.keys == (SeriesKey("dbservice1", "docker_diskio_reads"),)
    assert incident.topology.nodes == (Node("dbservice1", host="0.0.0.4"), Node("mobservice1"))
    assert [pattern.template for pattern in incident.patterns.patterns] == ["template 3"]


def test_raw_gaia_is_cut_around_the_failure(tmp_path: Path):
    write_gaia(tmp_path / "TVDiag" / "data")
    write_micro_ss(tmp_path)
    write_sockshop(tmp_path / "TVDiag" / "data")
    (case,) = TVDIAG.cases(tmp_path, "", "raw")
    incident = case.load()
    assert case.truth.fault_kind is FaultKind.MEMORY_EXHAUSTION
    assert incident.fired_at == pytest.approx(FIRED)
    assert incident.window == Window(FIRED - 2400, FIRED + 600)
    assert incident.normal == (Window(FIRED - 2400, FIRED),)
    assert incident.metrics.keys == (SeriesKey("dbservice1", "docker_cpu_core_0_norm_pct"),)
    assert incident.metrics.values.tolist() == [[-3, -2, -1, 0, 1, 2]]
    assert incident.topology.nodes == (Node("dbservice1", host="0.0.0.4"),)
    spans = incident.spans
    assert [spans.entities[code] for code in spans.entity] == ["mobservice1", "dbservice1"]
    assert [spans.names[code] for code in spans.name] == ["http://m", "http://0.0.0.4:9388/db_login_methods"]
    assert spans.parent.tolist() == [-1, 0]
    assert spans.start.tolist() == pytest.approx([FIRED, FIRED + 1])
    assert spans.duration.tolist() == pytest.approx([2.0, 0.25])
    assert spans.error.tolist() == [False, True]
    (pattern,) = incident.patterns.patterns
    assert (pattern.entity, pattern.severity) == ("dbservice1", "ERROR")
    assert pattern.first_seen == pytest.approx(FIRED + 1.086)
    assert incident.patterns.sequence is not None, "the trace id in the message is kept"
    assert "anomal" not in repr(incident)


def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds no hotel/label\.csv; clone WHU-AISE/TVDiag"):
        list(TVDIAG.cases(tmp_path, "hotel", "alerts"))
    folder = write_sockshop(tmp_path)
    with pytest.raises(InputError, match="only gaia has it"):
        list(TVDIAG.cases(tmp_path, "sockshop", "raw"))
    (folder / "raw" / "traces.json").write_text("{")
    with pytest.raises(InputError, match=r"traces\.json is no JSON"):
        next(TVDIAG.cases(tmp_path, "", "alerts")).load()
    (folder / "raw" / "traces.json").unlink()
    with pytest.raises(InputError, match=r"holds no traces\.json; clone .* \(older commits hold pickles\)"):
        next(TVDIAG.cases(tmp_path, "", "alerts")).load()


def test_raw_gaia_without_micro_ss_says_where_it_is(tmp_path: Path):
    write_gaia(tmp_path)
    (case,) = TVDIAG.cases(tmp_path, "gaia", "raw")
    with pytest.raises(InputError, match="unpack MicroSS of CloudWise-OpenSource/GAIA-DataSet"):
        case.load()

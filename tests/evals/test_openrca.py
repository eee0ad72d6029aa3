"""OpenRCA's own file layout, one small day a system, and what becomes of it."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from agent.doors.reading import InputError
from diagnosis.findings import FaultKind
from diagnosis.telemetry import Node, SeriesKey, Window
from evals.openrca import OPENRCA, fault_kind

BANK_DAY = datetime.fromisoformat("2021-03-04T00:00:00+08:00").timestamp()
FIRED = BANK_DAY + 10 * 3600 + 17 * 60  # 10:17 in UTC+8


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((*lines, "")))


def stamp(seconds: float, unit: int = 1) -> str:
    return str(int(seconds * unit))


def write_bank(root: Path) -> Path:
    bank, day = root / "Bank", root / "Bank" / "telemetry" / "2021_03_04"
    write(
        bank / "record.csv",
        "level,component,timestamp,datetime,reason",
        f"pod,Tomcat02,{FIRED},2021-03-04 10:17:00,network latency",
        f"pod,Mysql01,{FIRED - 3600},2021-03-04 09:17:00,high memory usage ",
        f"pod,MG01,{FIRED + 600},2021-03-04 10:27:00,JVM Out of Memory (OOM) Heap",
        ",,,,",
    )
    write(bank / "query.csv", "task_index,instruction,scoring_points", 'task_3,"On March 4, 2021, ...",...')
    write(
        day / "metric" / "metric_container.csv",
        "timestamp,cmdb_id,kpi_name,value",
        *(f"{stamp(FIRED - 300 + 60 * i)},Tomcat02,OSLinux-CPU_CPU_CPUCpuUtil,{i}" for i in range(10)),
        f"{stamp(FIRED - 290)},Mysql01,OSLinux-CPU_CPU_CPUCpuUtil,7.5",
        f"{stamp(FIRED - 3000)},Mysql01,OSLinux-CPU_CPU_CPUCpuUtil,99",
    )
    write(
        day / "metric" / "metric_app.csv",
        "timestamp,rr,sr,cnt,mrt,tc",
        f"{stamp(FIRED)},100.0,99.5,22,53.27,ServiceTest1",
    )
    write(
        day / "trace" / "trace_span.csv",
        "timestamp,cmdb_id,parent_id,span_id,trace_id,duration",
        f"{stamp(FIRED + 1, 1000)},dockerA2,369-bcou,21030300016145905763,gw01,19",
        f"{stamp(FIRED, 1000)},Tomcat02,root,369-bcou,gw01,40",
        f"{stamp(FIRED + 1e5, 1000)},Tomcat02,root,late,gw02,40",
    )
    write(
        day / "log" / "log_service.csv",
        "log_id,timestamp,cmdb_id,log_name,value",
        f'8c7f,{stamp(FIRED - 60)},Tomcat01,gc,"3748789.580: [GC (CMS Initial Mark) [1 CMS: 2462269K(3145728K)], 0.19 secs]"',
        f"8c80,{stamp(FIRED + 5)},Tomcat01,localhost,ERROR cannot connect",
    )
    return bank


def cases(root: Path, subset: str = "", protocol: str = "record"):
    return list(OPENRCA.cases(root, subset, protocol))


def test_every_record_is_a_case_in_order_of_time(tmp_path: Path):
    write_bank(tmp_path)
    found = cases(tmp_path, "bank")
    assert [case.id.split(" ", 1)[1] for case in found] == [
        "2021-03-04 09:17:00",
        "2021-03-04 10:17:00",
        "2021-03-04 10:27:00",
    ]
    assert [case.truth.entities for case in found] == [{"Mysql01"}, {"Tomcat02"}, {"MG01"}]
    assert [case.truth.fault_kind for case in found] == [
        FaultKind.MEMORY_EXHAUSTION,
        FaultKind.NETWORK_DELAY,
        FaultKind.MEMORY_EXHAUSTION,
    ]
    assert found[0].answers == {"Tomcat02", "Mysql01"}


def test_bank_is_translated(tmp_path: Path):
    write_bank(tmp_path)
    incident = cases(tmp_path)[1].load()
    assert (incident.entity, incident.metric, incident.fired_at) == ("", "", FIRED)
    half_hour = FIRED - 17 * 60
    assert incident.window == Window(FIRED - 1800, half_hour + 1800)
    assert incident.normal == (Window(FIRED - 7200, FIRED - 3600), Window(FIRED - 1800, FIRED))
    cpu = SeriesKey("Tomcat02", "OSLinux-CPU_CPU_CPUCpuUtil")
    metrics = incident.metrics
    assert {key for key in metrics.keys if key.entity == "ServiceTest1"} == {
        SeriesKey("ServiceTest1", name) for name in ("rr", "sr", "cnt", "mrt")
    }
    row = metrics.row(cpu)
    assert metrics.times[~np.isnan(row)].tolist() == [FIRED - 300 + 60 * i for i in range(10)]
    other = metrics.row(SeriesKey("Mysql01", "OSLinux-CPU_CPU_CPUCpuUtil"))
    assert metrics.times[~np.isnan(other)].tolist() == [FIRED - 240], (
        "in an earlier failure's half hour nothing is read"
    )
    spans = incident.spans
    assert [spans.entities[code] for code in spans.entity] == ["Tomcat02", "dockerA2"]
    assert spans.parent.tolist() == [-1, 0]
    assert spans.start.tolist() == [FIRED, FIRED + 1]
    assert spans.duration.tolist() == [0.04, 0.019]
    assert not spans.error.any()
    assert {(pattern.entity, pattern.severity) for pattern in incident.patterns.patterns} == {
        ("Tomcat01", ""),
        ("Tomcat01", "ERROR"),
    }


def test_a_query_knows_only_its_half_hour(tmp_path: Path):
    write_bank(tmp_path)
    found = cases(tmp_path, protocol="query")
    assert [case.truth.entities for case in found] == [{"Mysql01"}, {"Tomcat02", "MG01"}]
    assert found[1].truth.fault_kind is None
    incident = found[1].load()
    assert incident.fired_at == FIRED - 17 * 60
    assert incident.window.end == incident.fired_at + 1800
    assert incident.normal[-1].end == incident.fired_at


def test_the_truth_stays_outside_of_the_incident(tmp_path: Path):
    write_bank(tmp_path)
    assert "MG01" not in repr(cases(tmp_path)[2].load())


def test_telecom_spans_fail_and_name_their_database(tmp_path: Path):
    fired = datetime.fromisoformat("2020-04-11T00:05:00+08:00").timestamp()
    system, day = tmp_path / "Telecom", tmp_path / "Telecom" / "telemetry" / "2020_04_11"
    write(
        system / "record.csv",
        "level,reason,component,timestamp,datetime",
        f"pod,CPU fault,docker_003,{stamp(fired)},2020-04-11 00:05:00",
    )
    write(
        day / "metric" / "metric_container.csv",
        "itemid,name,bomc_id,timestamp,value,cmdb_id",
        f"999999996381330,container_mem_used,ZJ-004-060,{stamp(fired, 1000)},59.000000,docker_008",
    )
    write(
        day / "metric" / "metric_app.csv",
        "serviceName,startTime,avg_time,num,succee_num,succee_rate",
        f"osb_001,{stamp(fired, 1000)},0.333,1,1,1.0",
    )
    write(
        day / "trace" / "trace_span.csv",
        "callType,startTime,elapsedTime,success,traceId,id,pid,cmdb_id,dsName,serviceName",
        f"JDBC,{stamp(fired + 0.011, 1000)},2.0,True,01df,407d,6e02,docker_006,db_003,",
        f"LOCAL,{stamp(fired + 0.007, 1000)},6.0,FALSE,01df,6e02,8432,docker_006,db_003,local_method_017",
        f"OSB,{stamp(fired, 1000)},376.0,TRUE,01df,8432,None,os_021,,osb_001",
    )
    (case,) = cases(tmp_path, "telecom")
    incident = case.load()
    assert case.truth.fault_kind is FaultKind.CPU_SATURATION
    assert SeriesKey("docker_008", "container_mem_used") in incident.metrics.keys
    assert SeriesKey("osb_001", "succee_rate") in incident.metrics.keys
    spans = incident.spans
    assert [spans.names[code] for code in spans.name] == ["osb_001", "local_method_017", "JDBC"]
    assert spans.parent.tolist() == [-1, 0, 1]
    assert spans.error.tolist() == [False, True, False]
    assert dict(spans.peers) == {2: "db_003"}
    assert incident.patterns is None


def test_market_identifiers_become_pods_services_and_hosts(tmp_path: Path):
    fired = datetime.fromisoformat("2022-03-20T09:05:00+08:00").timestamp()
    system = tmp_path / "Market" / "cloudbed-1"
    day = system / "telemetry" / "2022_03_20"
    write(
        system / "record.csv",
        "timestamp,level,component,reason,datetime",
        f"{stamp(fired)},node,node-6,node disk space consumption,2022-03-20 09:05:00",
    )
    rows = {
        "container": f"{stamp(fired)},node-6.cart-0,container_fs_writes_MB./dev/vda,0.5",
        "mesh": f"{stamp(fired)},cart-1.source.cart.redis-cart,istio_tcp_sent_bytes.-,1255.0",
        "node": f"{stamp(fired)},node-6,system.cpu.iowait,0.31",
        "runtime": f"{stamp(fired)},ad.ts:8088,java_nio_BufferPool_TotalCapacity.direct,57343.0",
    }
    for kind, row in rows.items():
        write(day / "metric" / f"metric_{kind}.csv", "timestamp,cmdb_id,kpi_name,value", row)
    write(
        day / "metric" / "metric_service.csv",
        "service,timestamp,rr,sr,mrt,count",
        f"ad-grpc,{stamp(fired)},100,100,2.4,61",
    )
    write(
        day / "trace" / "trace_span.csv",
        "timestamp,cmdb_id,span_id,trace_id,duration,type,status_code,operation_name,parent_span",
        f"{stamp(fired, 1000)},frontend-0,a652,9451,49877,rpc,0,shop.Checkout/PlaceOrder,gone",
        f"{stamp(fired, 1000)},cart-0,bb22,9451,7614,rpc,14,shop.Cart/Get,a652",
    )
    write(
        day / "log" / "log_service.csv",
        "log_id,timestamp,cmdb_id,log_name,value",
        f'GIvp,{stamp(fired)},cart-0,log_cart-service_application,"severity: info, message: Getting carts..."',
    )
    (case,) = cases(tmp_path, "market")
    incident = case.load()
    assert case.id.startswith(f"{tmp_path.name}/Market/cloudbed-1 2022-03-20 09:05:00")
    assert case.truth.fault_kind is FaultKind.DISK_FULL
    assert case.answers == {"cart-0", "node-6", "ad"}
    assert set(incident.metrics.keys) == {
        SeriesKey("cart-0", "container_fs_writes_MB./dev/vda"),
        SeriesKey("cart-1", "source.cart.redis-cart.istio_tcp_sent_bytes.-"),
        SeriesKey("node-6", "system.cpu.iowait"),
        SeriesKey("ad", "java_nio_BufferPool_TotalCapacity.direct"),
        *(SeriesKey("ad", name) for name in ("rr", "sr", "mrt", "count")),
    }
    assert incident.topology.nodes == (Node("cart-0", host="node-6"),)
    assert incident.spans.duration.tolist() == pytest.approx([0.049877, 0.007614])
    assert incident.spans.error.tolist() == [False, True]
    assert incident.spans.parent.tolist() == [-1, 0]
    assert [pattern.severity for pattern in incident.patterns.patterns] == ["INFO"]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("high JVM CPU load", FaultKind.CPU_SATURATION),
        ("network packet loss", FaultKind.NETWORK_LOSS),
        ("high disk I/O read usage", FaultKind.DISK_IO),
        ("high disk space usage", FaultKind.DISK_FULL),
        ("node disk write I/O consumption", FaultKind.DISK_IO),
        ("container read I/O load", FaultKind.DISK_IO),
        ("db connection limit", FaultKind.POOL_EXHAUSTION),
        ("db close", None),
        ("container network packet corruption", None),
        ("container network packet retransmission", None),
        ("container process termination", None),
    ],
)
def test_a_reason_is_a_kind_only_where_it_is_plain(reason: str, kind: FaultKind | None):
    assert fault_kind(reason) is kind


def test_a_folder_without_records_and_missing_telemetry_say_what_to_fetch(tmp_path: Path):
    with pytest.raises(InputError, match="holds no bank with a record"):
        cases(tmp_path, "bank")
    write(tmp_path / "Bank" / "record.csv", "level,component,timestamp,datetime,reason", "pod,MG01,1614841020.0,x,y")
    with pytest.raises(InputError, match="fetch the telemetry"):
        cases(tmp_path)
    write(
        tmp_path / "Bank" / "telemetry" / "2021_03_09" / "metric" / "metric_node.csv",
        "timestamp,cmdb_id,kpi_name,value",
    )
    with pytest.raises(InputError, match=r"lacks 2021_03_04; fetch"):
        cases(tmp_path)[0].load()


def test_a_missing_column_is_named(tmp_path: Path):
    bank = write_bank(tmp_path)
    write(bank / "telemetry" / "2021_03_04" / "trace" / "trace_span.csv", "timestamp,cmdb_id,span_id", "1,a,b")
    with pytest.raises(InputError, match="has no column duration, parent_id, trace_id"):
        cases(tmp_path)[1].load()

"""OpenRCA (Xu et al., ICLR 2025; microsoft/OpenRCA) with its three systems: Bank, Telecom and Market, as published.

A system's folder (``Bank``, ``Telecom``, ``Market/cloudbed-1``, ``Market/cloudbed-2``) holds ``record.csv`` (the failures:
component, reason, epoch seconds) and ``telemetry/<YYYY_MM_DD>/{metric,trace,log}/*.csv``. A day's folder is a day of
UTC+8; times are epoch seconds or milliseconds. Durations are milliseconds, in Market (Jaeger's) microseconds.

``query.csv`` asks about half hours. Under protocol ``record`` the alert is the recorded failure and the window ends with
its half hour; under ``query`` nobody knows more than the half hour: the alert is its beginning, and every component that
failed within it counts as right. Normal are the two hours before the alert without the half hours after earlier
failures: that an alert fired is known on that day, its cause is not. Answers are what container, node and service
metrics name, as in the benchmark's lists of possible components.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import polars as pl

from agent.doors.reading import InputError
from diagnosis.findings import FaultKind
from diagnosis.incident import Incident
from diagnosis.log_patterns import mine
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Node, Topology, Window
from evals.columns import during, failed, log_lines, sampled, scan, seconds, severity, span_table
from evals.suite import Case, Truth

_HALF_HOUR = 1800.0  # what a query asks about; also how long an earlier failure makes its time unfit as reference
_AFTER = 600.0  # a failure late in its half hour is still watched for ten minutes
_REFERENCE = 7200.0  # how far back the reference reaches
_STEP = 60.0  # seconds a sample
_ZONE = timezone(timedelta(hours=8))
# First match wins. Corrupted and retransmitted packets, an ended process and a closed database are not plainly one kind.
_KINDS = (
    (r"corruption|retransmission|termination|close", None),
    (r"\bcpu\b", FaultKind.CPU_SATURATION),
    (r"memory|out of memory", FaultKind.MEMORY_EXHAUSTION),
    (r"disk space", FaultKind.DISK_FULL),
    (r"i/o", FaultKind.DISK_IO),
    (r"latency|delay", FaultKind.NETWORK_DELAY),
    (r"loss", FaultKind.NETWORK_LOSS),
    (r"connection limit", FaultKind.POOL_EXHAUSTION),
)


@dataclass(frozen=True)
class Failure:
    """One row of ``record.csv``."""

    time: float
    component: str
    reason: str


class OpenRca:
    """The suite. A subset is a system, by the name of its folder."""

    name = "openrca"
    subsets = ("bank", "telecom", "market")
    protocols = ("record", "query")

    def cases(self, data: Path, subset: str, protocol: str) -> Iterator[Case]:
        systems = [path.parent for path in sorted(data.rglob("record.csv"))]
        systems = [s for s in systems if subset in ("", *(part.lower() for part in s.resolve().parts[-2:]))]
        if not systems:
            raise InputError(f"{data} holds no {subset or 'system'} with a record.csv; give OpenRCA's dataset folder")
        for system in systems:
            yield from _cases(data, system, protocol)


def _cases(data: Path, system: Path, protocol: str) -> Iterator[Case]:
    failures = read_failures(system)
    answers = components(system)
    by_half_hour = protocol == "query"
    for fired, group in groupby(failures, lambda f: f.time - f.time % _HALF_HOUR if by_half_hour else f.time):
        meant = list(group)
        earlier = tuple(failure.time for failure in failures if failure.time < fired)
        kinds = {fault_kind(failure.reason) for failure in meant}
        yield Case(
            f"{system.relative_to(data.parent)} {datetime.fromtimestamp(fired, _ZONE):%Y-%m-%d %H:%M:%S}",
            lambda fired=fired, earlier=earlier: load(system, fired, earlier),  # type: ignore[misc]
            Truth(frozenset(f.component for f in meant), kinds.pop() if len(kinds) == 1 else None),
            answers,
        )


def fault_kind(reason: str) -> FaultKind | None:
    """The kind that a recorded reason plainly means."""
    return next((kind for pattern, kind in _KINDS if re.search(pattern, reason.lower())), None)


def read_failures(system: Path) -> list[Failure]:
    """The recorded failures in order of time."""
    rows = scan(system / "record.csv", ["timestamp", "component", "reason"])
    frame = rows.select(seconds("timestamp"), "component", "reason").drop_nulls().sort("timestamp").collect()
    return [Failure(time, component.strip(), reason.strip()) for time, component, reason in frame.iter_rows()]


@lru_cache(maxsize=8)
def components(system: Path) -> frozenset[str]:
    """What the container, node and service metrics of the first day name."""
    days = sorted((system / "telemetry").glob("*_*_*"))
    if not days:
        raise InputError(f"{system} holds no telemetry/<YYYY_MM_DD>; fetch the telemetry from OpenRCA's drive folder")
    files = [days[0] / "metric" / f"metric_{kind}.csv" for kind in ("container", "node", "service")]
    found = [_metrics(path).select("entity").unique().collect()["entity"] for path in files if path.exists()]
    return frozenset(name for names in found for name in names)


def load(system: Path, fired: float, earlier: Sequence[float]) -> Incident:
    """What could be seen until the half hour is over."""
    end = max(fired - fired % _HALF_HOUR + _HALF_HOUR, fired + _AFTER)
    window = Window(fired - _HALF_HOUR, end)
    normal = quiet(earlier, fired - _REFERENCE, fired)
    wanted = (*normal, window)
    folders = _days(system, fired - _REFERENCE, end)
    samples = _collected((_metrics(path) for path in _files(folders, "metric")), wanted)
    if samples.is_empty():
        raise InputError(f"{folders[-1]} holds no metric of that time; fetch the day again from OpenRCA's drive folder")
    lines = _collected((_lines(path) for path in _files(folders, "log")), wanted)
    return Incident(
        entity="",
        metric="",
        fired_at=fired,
        window=window,
        metrics=sampled(samples.select("time", "entity", "metric", "value"), _STEP),
        patterns=None if lines.is_empty() else mine(log_lines(lines), Window(fired - _REFERENCE, end)),
        spans=read_spans(_files(folders, "trace"), wanted),
        topology=_placement(samples),
        normal=normal,
    )


def quiet(earlier: Sequence[float], since: float, until: float) -> tuple[Window, ...]:
    """The time between ``since`` and ``until`` without the half hours that begin with an earlier failure."""
    windows, start = [], since
    for failure in (*sorted(earlier), until):
        if failure > start:
            windows.append(Window(start, failure))
        start = max(start, failure + _HALF_HOUR)
    return tuple(windows)


def _days(system: Path, start: float, end: float) -> list[Path]:
    days = {f"{datetime.fromtimestamp(time, _ZONE):%Y_%m_%d}" for time in (start, end)}
    found = [system / "telemetry" / day for day in sorted(days) if (system / "telemetry" / day).is_dir()]
    if not found:
        raise InputError(
            f"{system}/telemetry lacks {' and '.join(sorted(days))}; fetch those days from OpenRCA's drive"
        )
    return found


def _files(days: list[Path], kind: str) -> list[Path]:
    return [path for day in days for path in sorted((day / kind).glob("*.csv"))]


def _collected(frames: Iterator[pl.LazyFrame], windows: Sequence[Window]) -> pl.DataFrame:
    parts = [frame.filter(during("time", windows)).sort("time").collect() for frame in frames]
    return pl.concat(parts).sort("time", maintain_order=True) if parts else pl.DataFrame()


def _metrics(path: Path) -> pl.LazyFrame:
    """A metric file as rows of ``time``, ``entity``, ``metric``, ``value`` and ``host`` (null but for placed pods)."""
    names = scan(path, ()).collect_schema().names()
    time, owner = _one_of(names, "startTime", "timestamp"), _one_of(names, "tc", "serviceName", "service", "cmdb_id")
    if owner == "cmdb_id":
        metric = _one_of(names, "name", "kpi_name")
        rows = scan(path, [time, owner, metric, "value"]).rename({metric: "metric"})
    else:
        rows = scan(path, [time]).unpivot(index=[time, owner], variable_name="metric", value_name="value")
    entity, host, prefix = _owner(path.stem, owner)
    return rows.select(
        time=seconds(time),
        entity=entity,
        metric=pl.concat_str([prefix, "metric"], ignore_nulls=True),
        value=pl.col("value").cast(pl.Float64, strict=False),
        host=host,
    )


def _owner(table: str, column: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Whose a row is, where it runs, and what of the identifier belongs to the metric's name."""
    id, none = pl.col(column), pl.lit(None, dtype=pl.String)
    match table:
        case "metric_container":  # node-6.cart-0
            return id.str.extract(r"([^.]+)$"), id.str.extract(r"^([^.]+)\."), none
        case "metric_mesh":  # cart-1.source.cart.redis: the pod, its side, and the services at both ends
            return id.str.extract(r"^([^.]+)"), none, id.str.extract(r"^[^.]+\.(.+)$") + "."
        case "metric_runtime":  # cart.namespace:8088
            return id.str.extract(r"^([^.:]+)"), none, none
        case "metric_service":  # cart-grpc
            return id.str.replace(r"-(grpc|http)$", ""), none, none
        case _:
            return id, none, none


def _placement(samples: pl.DataFrame) -> Topology:
    placed = samples.drop_nulls("host").group_by("entity").agg(pl.col("host").last()).sort("entity")
    return Topology(tuple(Node(entity, host=host) for entity, host in placed.iter_rows()))


def _lines(path: Path) -> pl.LazyFrame:
    rows = scan(path, ["timestamp", "cmdb_id", "value"])
    return rows.select(
        time=seconds("timestamp"), entity="cmdb_id", severity=severity("value"), body="value", trace=pl.lit("")
    )


def read_spans(paths: Sequence[Path], windows: Sequence[Window]) -> SpanTable:
    """Spans of one system's trace files; a database call of Telecom names the database as its peer."""
    frame = _collected((_spans(path) for path in paths), windows)
    if frame.is_empty():
        return SpanTable.empty()
    frame = frame.drop_nulls(["time", "duration"]).unique(["trace", "span"], keep="first", maintain_order=True)
    columns = ("trace", "span", "parent", "entity", "name", "time", "duration", "error")
    table = span_table(*(frame[column] for column in columns))
    calls = frame.drop_nulls("peer").select("span", "peer").unique("span", keep="first")
    rows = pl.DataFrame({"span": table.ids}).with_row_index("row").join(calls, on="span")
    return replace(table, peers=dict(rows.select("row", "peer").sort("row").iter_rows()))


def _spans(path: Path) -> pl.LazyFrame:
    names = scan(path, ["cmdb_id"]).collect_schema().names()
    time, duration = _one_of(names, "startTime", "timestamp"), _one_of(names, "elapsedTime", "duration")
    trace, span = _one_of(names, "traceId", "trace_id"), _one_of(names, "id", "span_id")
    parent = _one_of(names, "pid", "parent_span", "parent_id")
    error, peer = pl.lit(False), pl.lit(None, dtype=pl.String)  # Bank knows neither
    if "status_code" in names:
        error = failed("status_code")
    elif "success" in names:
        error = pl.col("success").str.to_lowercase() == "false"
    if "dsName" in names:
        peer = peer.fill_null(pl.when(pl.col("callType") == "JDBC").then("dsName"))
    called = [name for name in ("operation_name", "serviceName", "callType") if name in names]
    return scan(path, [time, duration, trace, span, parent]).select(
        time=seconds(time),
        duration=pl.col(duration).cast(pl.Float64, strict=False) / (1e6 if "operation_name" in names else 1e3),
        trace=trace,
        span=span,
        parent=parent,
        entity="cmdb_id",
        name=pl.coalesce(*called, pl.lit("")),
        error=error,
        peer=peer,
    )


def _one_of(names: Sequence[str], *known: str) -> str:
    """The column of this system; where there is none the last one, which is then named as missing."""
    return next((name for name in known if name in names), known[-1])


OPENRCA = OpenRca()

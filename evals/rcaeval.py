"""RCAEval (Pham et al., WWW 2025; phamquiluan/RCAEval, Zenodo 14590730) and RCD's Sock Shop (azamikram/rcd), as published.

A case of RCAEval is a folder ``<service>_<fault>/<n>`` with ``inject_time.txt`` (epoch seconds) and one row a second of
``time,<service>_<metric>,...``: in RE1 ``data.csv`` or ``simple_data.csv``, in RE2 and RE3 ``metrics.csv`` and
``simple_metrics.csv``, there with ``logs.csv`` (``timestamp`` in nanoseconds) and ``traces.csv`` (microseconds) beside
them. RCD has ``normal.csv`` and ``anomalous.csv`` in ``<service>-<fault>/<n>`` or ``<service>/<fault>/<n>``.

Normal is what lies before the injection, as in the benchmark's own runner; for RCD it is ``normal.csv``, and as RCD
publishes no injection time its alert is the first anomalous sample. Protocol ``simple`` reads the short table (cpu, mem,
latency-90) where there are two, ``full`` the one with all exporters' names.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from agent.doors.reading import InputError
from diagnosis.findings import FaultKind
from diagnosis.incident import Incident
from diagnosis.log_patterns import mine
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import LogRecord, SeriesKey, SeriesMatrix, Window
from evals.columns import during, failed, log_lines, scan, seconds, series_matrix, severity, span_table
from evals.suite import Case, Truth

_KINDS: dict[str, FaultKind | None] = {
    "cpu": FaultKind.CPU_SATURATION,
    "mem": FaultKind.MEMORY_EXHAUSTION,
    "disk": FaultKind.DISK_IO,
    "delay": FaultKind.NETWORK_DELAY,
    "loss": FaultKind.NETWORK_LOSS,
    # A stressor opens sockets in the container: no packet is lost and no pool runs dry, so no kind says it.
    "socket": None,
    # Wrong and missing parameters, a missing call, wrong return values, a missing handler: the code is at fault.
    **dict.fromkeys(("f1", "f2", "f3", "f4", "f5"), FaultKind.ERROR_REGRESSION),
}
_FAULTS = "|".join(_KINDS)
_TABLES = {"simple": ("simple_metrics.csv", "simple_data.csv"), "full": ("metrics.csv", "data.csv")}
_HASHES = r"-[0-9a-f]{8,10}-[0-9a-z]{5}$"  # what Kubernetes appends to a workload's name


class RcaEval:
    """The suite. Subsets go by the files of a case; ``rcd`` is Sock Shop as RCD publishes it."""

    name = "rcaeval"
    subsets = ("re1", "re2", "re3", "rcd")
    protocols = ("simple", "full")

    def cases(self, data: Path, subset: str, protocol: str) -> Iterator[Case]:
        found = [case for case in (*_rcaeval(data, protocol), *_rcd(data)) if subset in ("", case[0])]
        if not found:
            raise InputError(
                f"{data} holds no case{subset and f' of {subset}'}; unpack RE1-OB.zip and its like there "
                "(<service>_<fault>/<n>/inject_time.txt), or clone azamikram/rcd (<service>-<fault>/<n>/anomalous.csv)"
            )
        yield from (case for _, case in found)


def _rcaeval(data: Path, protocol: str) -> Iterator[tuple[str, Case]]:
    for folder in _folders(data, "inject_time.txt"):
        match = re.fullmatch(rf"(.+)_({_FAULTS})", folder.parent.name)
        if match is None:
            continue  # the benchmark's worked example lies beside its cases
        service, fault = match.groups()
        # The benchmark counts a service's database as the service.
        truth = Truth(frozenset({service, f"{service}-db"}), _KINDS[fault])
        name = folder.relative_to(data).as_posix()
        yield _subset(folder, fault), Case(name, lambda folder=folder: load(folder, protocol), truth)  # type: ignore[misc]


def _rcd(data: Path) -> Iterator[tuple[str, Case]]:
    for folder in _folders(data, "anomalous.csv"):
        match = re.search(rf"([^/]+)[-_/]({_FAULTS})$", folder.parent.as_posix())
        if match is None or not (folder / "normal.csv").exists():
            continue
        truth = Truth(frozenset({match[1]}), _KINDS[match[2]])
        yield "rcd", Case(folder.relative_to(data).as_posix(), lambda folder=folder: load_rcd(folder), truth)  # type: ignore[misc]


def _folders(data: Path, marker: str) -> list[Path]:
    """Folders with the file, in order; instance 10 comes after instance 9."""
    found = [path.parent for path in data.rglob(marker)]
    return sorted(found, key=lambda folder: (folder.parent, len(folder.name), folder.name))


def _subset(folder: Path, fault: str) -> str:
    if fault[1:].isdigit():
        return "re3"
    return "re1" if any((folder / name).exists() for name in ("data.csv", "simple_data.csv")) else "re2"


def load(folder: Path, protocol: str) -> Incident:
    """One case of RCAEval: the whole published window, with the injection as the alert."""
    metrics = read_metrics(_table(folder, protocol))
    fired = _injection(folder / "inject_time.txt")
    window = Window(float(metrics.times[0]), float(metrics.times[-1]) + 1.0)
    lines = list(read_lines(folder / "logs.csv", window))
    return Incident(
        entity="",
        metric="",
        fired_at=fired,
        window=window,
        metrics=metrics,
        patterns=mine(lines, window) if lines else None,
        spans=read_spans(folder / "traces.csv", window),
        normal=(Window(window.start, fired),) if fired > window.start else (),
    )


def load_rcd(folder: Path) -> Incident:
    """One case of RCD: two files of samples, taken at different times."""
    normal, anomalous = read_metrics(folder / "normal.csv"), read_metrics(folder / "anomalous.csv")
    fired, quiet = float(anomalous.times[0]), float(normal.times[0])
    return Incident(
        entity="",
        metric="",
        fired_at=fired,
        window=Window(fired, float(anomalous.times[-1]) + 1.0),
        metrics=_joined(normal, anomalous),
        normal=(Window(quiet, float(normal.times[-1]) + 1.0),),
    )


def _table(folder: Path, protocol: str) -> Path:
    first, second = _TABLES[protocol], _TABLES["full" if protocol == "simple" else "simple"]
    for name in (*first, *second):
        if (folder / name).exists():
            return folder / name
    raise InputError(f"{folder} holds none of {', '.join(first + second)}; unpack the benchmark's zip file again")


def _injection(path: Path) -> float:
    text = path.read_text().split()
    try:
        return float(text[0])
    except (IndexError, ValueError) as error:
        raise InputError(f"{path} holds no epoch seconds but {text[:1]}; unpack the zip file again") from error


def read_metrics(path: Path) -> SeriesMatrix:
    """One wide table; a column is ``<service>_<metric>``, and a second column of times is dropped."""
    frame = scan(path, ["time"]).with_columns(seconds("time")).drop_nulls("time").collect()
    keys = {
        column: SeriesKey(*column.split("_", 1))
        for column in frame.columns
        if not column.startswith("_") and "_" in column[:-1] and "_duplicated_" not in column
    }
    if not keys or frame.is_empty():
        raise InputError(f"{path} holds no <service>_<metric> samples; use the published file")
    matrix = series_matrix(frame, "time", keys)
    return replace(matrix, values=np.where(np.isfinite(matrix.values), matrix.values, np.nan))


def _joined(one: SeriesMatrix, other: SeriesMatrix) -> SeriesMatrix:
    """Both in order of time; a series that one of them lacks is missing there."""
    keys = tuple(sorted({*one.keys, *other.keys}))
    place = {key: row for row, key in enumerate(keys)}
    values = np.full((len(keys), one.times.size + other.times.size), np.nan)
    values[[place[key] for key in one.keys], : one.times.size] = one.values
    values[[place[key] for key in other.keys], one.times.size :] = other.values
    times = np.concatenate([one.times, other.times])
    order = np.argsort(times, kind="stable")
    return SeriesMatrix(keys, times[order], values[:, order])


def read_spans(path: Path, window: Window) -> SpanTable:
    """All spans of a case; one that names no method is named by its operation."""
    if not path.exists():
        return SpanTable.empty()
    names = ["traceID", "spanID", "parentSpanID", "serviceName", "methodName", "operationName"]
    rows = scan(path, [*names, "startTime", "duration", "statusCode"])
    frame = (
        rows.with_columns(
            start=seconds("startTime"),
            seconds=pl.col("duration").cast(pl.Float64, strict=False) / 1e6,
            called=pl.coalesce("methodName", "operationName"),
            error=failed("statusCode"),
        )
        .filter(during("start", [window]))
        .drop_nulls(["start", "seconds"])
        .unique(["traceID", "spanID"], keep="first", maintain_order=True)
        .collect()
    )
    columns = ("traceID", "spanID", "parentSpanID", "serviceName", "called", "start", "seconds", "error")
    return span_table(*(frame[column] for column in columns))


def read_lines(path: Path, window: Window) -> Iterator[LogRecord]:
    """All log lines of a case; a container that goes by its pod's name is filed under its workload."""
    if not path.exists():
        return iter(())
    rows = scan(path, ["timestamp", "container_name", "message"])
    level = severity("level") if "level" in rows.collect_schema().names() else pl.lit("")
    frame = rows.select(
        time=seconds("timestamp"),
        entity=pl.col("container_name").str.replace(_HASHES, ""),
        severity=pl.when(level != "").then(level).otherwise(severity("message")),
        body=pl.col("message"),
        trace=pl.lit(""),
    )
    return log_lines(frame.filter(during("time", [window])).sort("time").collect())


RCAEVAL = RcaEval()

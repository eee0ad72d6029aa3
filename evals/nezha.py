"""Nezha (IntelligentDDS/Nezha, FSE 2023): Online Boutique and TrainTicket with injected faults, as published.

A day's folder ``rca_data/<day>`` holds ``metric/<pod>_metric.csv`` (one row a minute), ``trace/<HH_MM>_trace.csv``,
``log/<HH_MM>_log.csv`` and ``<day>-fault_list.json``. Of a fault the engine sees what there is from 30 minutes before
the injection to 3 minutes after it; the alert is the injection. As reference it may use earlier minutes in which no
fault was active, which a person on call knows from the alerts of that day: an alert's time is known, its cause is not.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from agent.doors.reading import InputError
from diagnosis.findings import FaultKind
from diagnosis.incident import Incident
from diagnosis.log_patterns import mine
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import LogRecord, SeriesKey, SeriesMatrix, Window
from evals.columns import span_table
from evals.suite import Case, Truth

_AFTER = 180.0  # seconds of telemetry after the injection, by the benchmark's protocol
_ACTIVE = 300.0  # seconds for which an earlier alert makes its minutes unfit as reference
_GUARD = 60.0  # seconds before an alert in which its fault may have begun: one sample of the metrics
_REFERENCE = 86400.0  # how far back the reference reaches
_HASHES = r"-[^-]+-[^-]+$"  # what Kubernetes appends to a workload's name
_KINDS = {
    "cpu_contention": FaultKind.CPU_SATURATION,
    "cpu_consumed": FaultKind.CPU_SATURATION,
    "network_delay": FaultKind.NETWORK_DELAY,
    "return": FaultKind.ERROR_REGRESSION,
    "exception": FaultKind.ERROR_REGRESSION,
}


@dataclass(frozen=True)
class Fault:
    """One injection: epoch seconds, the service (workload of the pod), and the benchmark's own name of the kind."""

    time: float
    service: str
    kind: str


class Nezha:
    """The suite. Subset ``ob`` is Online Boutique, ``tt`` is TrainTicket; a day counts as ``tt`` by its pods' names."""

    name = "nezha"
    subsets = ("ob", "tt")
    protocols = ("published",)

    def cases(self, data: Path, subset: str, protocol: str) -> Iterator[Case]:
        days = sorted({path.parent for path in data.rglob("*-fault_list.json")})
        if not days:
            raise InputError(f"{data} holds no <day>-fault_list.json; unpack Nezha's rca_data there")
        for day in days:
            faults = read_faults(day)
            if subset and _subset(faults) != subset:
                continue
            times = tuple(fault.time for fault in faults)
            for place, fault in enumerate(faults):
                at = datetime.fromtimestamp(fault.time, UTC)
                yield Case(
                    f"{at:%Y-%m-%d %H:%M:%S}",
                    lambda day=day, times=times, place=place: load(day, times, place),  # type: ignore[misc]
                    Truth(frozenset({fault.service}), _KINDS.get(fault.kind)),
                )


def _subset(faults: list[Fault]) -> str:
    return "tt" if any(fault.service.startswith("ts-") for fault in faults) else "ob"


def read_faults(day: Path) -> list[Fault]:
    """The day's injections in order; ``inject_time`` is UTC (TrainTicket's ``inject_timestamp`` is 8 hours off)."""
    raw = json.loads(next(day.glob("*-fault_list.json")).read_text())
    faults = [
        Fault(
            datetime.fromisoformat(item["inject_time"]).replace(tzinfo=UTC).timestamp(),
            workload(item["inject_pod"]),
            item["inject_type"],
        )
        for hour in raw.values()
        for item in hour
    ]
    return sorted(faults, key=lambda fault: fault.time)


def workload(pod: str) -> str:
    """The workload of a pod: its name without the two hashes that Kubernetes appends."""
    return pod.rsplit("-", 2)[0]


def load(day: Path, alerts: tuple[float, ...], place: int) -> Incident:
    """What could be seen three minutes after alert ``place`` of the day, and the quiet minutes before it."""
    fired = alerts[place]
    window = Window(fired, fired + _AFTER)
    normal = quiet(alerts[: place + 1], fired - _REFERENCE)
    wanted = (*normal, Window(fired, fired + _AFTER))
    spans = read_spans(day)
    table = spans.select(_within(spans.start, wanted))
    lines = (line for line in read_lines(day) if any(line.time in part for part in wanted))
    patterns = mine(lines, Window(fired - _REFERENCE, window.end))
    metrics = read_metrics(day)
    keep = (metrics.times >= fired - _REFERENCE) & (metrics.times < window.end)
    return Incident(
        entity="",
        metric="",
        fired_at=fired,
        window=window,
        metrics=SeriesMatrix(metrics.keys, metrics.times[keep], metrics.values[:, keep]),
        patterns=patterns,
        spans=table,
        normal=normal,
    )


def quiet(alerts: tuple[float, ...], since: float) -> tuple[Window, ...]:
    """From ``since`` to the last alert, without the minutes in which an incident was going on.

    Those are the minutes after its alert, and the last one before it: a fault is older than its alert. Before the
    first alert of all, all that there is must do.
    """
    windows: list[Window] = []
    start = since
    for alert in alerts:
        end = alert - _GUARD if windows else alert
        if end > start:
            windows.append(Window(start, end))
        start = max(start, alert + _ACTIVE)
    return tuple(windows)


def _within(times: np.ndarray, windows: tuple[Window, ...]) -> np.ndarray:
    keep = np.zeros(times.size, dtype=bool)
    for window in windows:
        keep |= (times >= window.start) & (times < window.end)
    return keep


@lru_cache(maxsize=2)
def read_spans(day: Path) -> SpanTable:
    """All spans of a day, parsed once."""
    files = sorted((day / "trace").glob("*_trace.csv"))
    columns = ["TraceID", "SpanID", "ParentID", "PodName", "OperationName", "StartTimeUnixNano", "EndTimeUnixNano"]
    frame = pl.concat(
        [pl.read_csv(f, columns=columns, infer_schema=False, truncate_ragged_lines=True) for f in files]
    ).unique(["TraceID", "SpanID"], keep="first", maintain_order=True)
    start = frame["StartTimeUnixNano"].cast(pl.Int64, strict=False)
    end = frame["EndTimeUnixNano"].cast(pl.Int64, strict=False)
    good = (start.is_not_null() & end.is_not_null()).to_numpy()
    frame, start, end = frame.filter(good), start.filter(good), end.filter(good)
    return span_table(
        frame["TraceID"],
        frame["SpanID"],
        frame["ParentID"],
        frame["PodName"].str.replace(_HASHES, ""),
        frame["OperationName"],
        (start / 1e9).cast(pl.Float64),
        ((end - start) / 1e9).cast(pl.Float64),
        pl.repeat(False, frame.height, eager=True),
    )


_LEVEL = re.compile(r"\b(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL)\b", re.I)


def _level(body: str) -> str:
    found = _LEVEL.search(body[:200])
    return found[1].upper() if found else ""


@lru_cache(maxsize=2)
def read_lines(day: Path) -> tuple[LogRecord, ...]:
    """All log lines of a day in order of time, parsed once; the level is the first that a line names."""
    columns = ["TimeUnixNano", "PodName", "TraceID", "SpanID", "Log"]
    files = sorted((day / "log").glob("*_log.csv"))
    if not files:
        return ()
    frame = pl.concat([pl.read_csv(f, columns=columns, infer_schema=False, truncate_ragged_lines=True) for f in files])
    frame = frame.select(
        time=pl.col("TimeUnixNano").cast(pl.Float64, strict=False) / 1e9,
        entity=pl.col("PodName").str.replace(_HASHES, ""),
        # Kubernetes wraps each line, and Online Boutique's services write JSON themselves.
        body=pl.coalesce(pl.col("Log").str.json_path_match("$.log"), "Log"),
        trace=pl.col("TraceID").fill_null(""),
        span=pl.col("SpanID").fill_null(""),
    ).with_columns(inner=pl.col("body").str.json_path_match("$.message"))
    # Neighbouring files overlap: the same line may stand in two of them.
    frame = frame.drop_nulls("time").unique(["time", "entity", "body"], keep="first").sort("time", "entity", "body")
    return tuple(
        LogRecord(time, entity, _level(body), inner or body, trace, {}, span)
        for time, entity, body, trace, span, inner in frame.iter_rows()
    )


@lru_cache(maxsize=2)
def read_metrics(day: Path) -> SeriesMatrix:
    """All pods' series of a day on one grid of minutes."""
    keys: list[SeriesKey] = []
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for path in sorted((day / "metric").glob("*_metric.csv")):
        service = workload(path.name.removesuffix("_metric.csv"))
        frame = pl.read_csv(path, infer_schema=False)
        times = frame["TimeStamp"].cast(pl.Float64, strict=False).to_numpy()
        for column in frame.columns:
            if column in ("Time", "TimeStamp", "PodName"):
                continue
            keys.append(SeriesKey(service, column))
            rows.append((times, frame[column].cast(pl.Float64, strict=False).to_numpy()))
    start = min(float(times[0]) for times, _ in rows)
    grid = np.arange(start, max(float(times[-1]) for times, _ in rows) + 60.0, 60.0)
    values = np.full((len(keys), grid.size), np.nan)
    for row, (times, samples) in enumerate(rows):
        values[row, np.clip(np.round((times - start) / 60.0).astype(int), 0, grid.size - 1)] = samples
    return SeriesMatrix(tuple(keys), grid, values)


NEZHA = Nezha()

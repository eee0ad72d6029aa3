"""TVDiag (Xie et al., "TVDiag: A Task-oriented and View-invariant Failure Diagnosis Framework"; WHU-AISE/TVDiag).

Published are alerts, not telemetry: ``data/<gaia|sockshop|hotel>/label.csv`` and, per failure index, ``raw/metrics.json``
(instance, for GAIA its host, metric, up or down), ``raw/traces.json`` (caller or -1, callee, operation, PD for a slow
call or a status), ``raw/logs.json`` (instance, template id), ``raw/nodes.json``. Only these are read: the pickles beside
them are embeddings and could execute code, and ``raw/edges.json`` has no direction. As in the paper, cases are the test
split and an answer is an instance.

Protocol ``alerts`` takes them as they are. They carry no time and no value, so the translation gives each the least that
it says: a series that is level on a clock from zero and, from the alert on, twice as high (up, PD), zero (down) or one
instead of zero (a failing status). All alerts begin together; their order is not reliable for GAIA.

Protocol ``raw`` takes GAIA's own files (CloudWise-OpenSource/GAIA-DataSet, ``MicroSS`` unpacked anywhere below the data
folder) around ``st_time``: 40 minutes before it as normal, 10 minutes after it, as TVDiag's extractor does. Their times
are UTC+8. ``MicroSS/run`` records the injections and is never read.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from agent.doors.reading import InputError
from diagnosis.findings import FaultKind
from diagnosis.incident import Incident
from diagnosis.log_patterns import mine
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Edge, LogPattern, Node, PatternTable, SeriesKey, SeriesMatrix, Topology, Window
from evals.columns import during, log_lines, sampled, scan, seconds, severity, span_table
from evals.suite import Case, Truth

_ZONE = timezone(timedelta(hours=8))
_BEFORE, _AFTER = 2400.0, 600.0  # seconds around the failure, as TVDiag's extractor cuts them
_STEP, _RAW_STEP = 60.0, 30.0  # seconds a sample
_LEVELS = {"up": (1.0, 2.0), "down": (1.0, 0.0), "PD": (1.0, 2.0)}  # before and from the alert on
_KINDS = {
    "cpu": FaultKind.CPU_SATURATION,
    "cpu_anomalies": FaultKind.CPU_SATURATION,
    "memory": FaultKind.MEMORY_EXHAUSTION,
    "memory_anomalies": FaultKind.MEMORY_EXHAUSTION,
    "network-delay": FaultKind.NETWORK_DELAY,
    "network-loss": FaultKind.NETWORK_LOSS,
}  # killed pods, corrupted packets, failed log-ins and moved files are not plainly one kind
_METRIC = re.compile(r"(.+?)_(\d+\.\d+\.\d+\.\d+)_(.+)_(\d{4}-\d\d-\d\d)_(\d{4}-\d\d-\d\d)\.csv")
_LABELS = ("index", "instance", "anomaly_type", "data_type")


class TvDiag:
    """The suite. A subset is a folder of ``data``; only ``gaia`` has raw telemetry."""

    name = "tvdiag"
    subsets = ("gaia", "sockshop", "hotel")
    protocols = ("alerts", "raw")

    def cases(self, data: Path, subset: str, protocol: str) -> Iterator[Case]:
        labels = [path for path in sorted(data.rglob("label.csv")) if subset in ("", path.parent.name)]
        if protocol == "raw":
            labels = [path for path in labels if "st_time" in scan(path, _LABELS).collect_schema().names()]
        if not labels:
            wanted = f"{subset or 'gaia'}/label.csv" + (" with st_time (only gaia has it)" if protocol == "raw" else "")
            raise InputError(f"{data} holds no {wanted}; clone WHU-AISE/TVDiag and give its data folder")
        for path in labels:
            yield from _cases(data, path, protocol)


def _cases(data: Path, label: Path, protocol: str) -> Iterator[Case]:
    rows = scan(label, _LABELS).filter(pl.col("data_type") == "test").collect()
    for row in rows.iter_rows(named=True):
        index, started = row["index"], row.get("st_time", "")

        def load(index: str = index, started: str = started) -> Incident:
            return (
                load_raw(data, label.parent, index, started) if protocol == "raw" else load_alerts(label.parent, index)
            )

        kind = _KINDS.get(row["anomaly_type"].strip("[]"))
        answers = frozenset(read_alerts(label.parent, "nodes").get(index, ()))
        yield Case(f"{label.parent.name}/{index}", load, Truth(frozenset({row["instance"]}), kind), answers)


@lru_cache(maxsize=16)
def read_alerts(folder: Path, kind: str) -> dict[str, list[Any]]:
    """Alerts of one kind by failure index; ``nodes`` holds a list of names instead. GAIA once called its file log.json."""
    names = [f"{kind}.json", *(["log.json"] if kind == "logs" else [])]
    path = next((folder / "raw" / name for name in names if (folder / "raw" / name).exists()), None)
    if path is None:
        raise InputError(f"{folder}/raw holds no {names[0]}; clone WHU-AISE/TVDiag again (older commits hold pickles)")
    try:
        return dict(json.loads(path.read_text()))
    except ValueError as error:
        raise InputError(f"{path} is no JSON ({error}); clone WHU-AISE/TVDiag again") from error


def load_alerts(folder: Path, index: str) -> Incident:
    """The published alerts of one failure, on a clock that starts at zero."""
    metrics, traces, logs = (read_alerts(folder, kind).get(index, []) for kind in ("metrics", "traces", "logs"))
    window = Window(0.0, _BEFORE + _AFTER)
    levels: dict[SeriesKey, tuple[float, float]] = {}
    for instance, *_, metric, direction in metrics:
        levels.setdefault(SeriesKey(instance, metric), _LEVELS[direction])
    for _, callee, operation, what in traces:
        metric = f"{operation}_duration" if what == "PD" else f"{operation}_errors"
        levels.setdefault(SeriesKey(callee, metric), _LEVELS.get(what, (0.0, 1.0)))
    hosts = {alert[0]: alert[1] for alert in metrics if len(alert) == 4}
    nodes = tuple(Node(name, host=hosts.get(name, "")) for name in read_alerts(folder, "nodes").get(index, ()))
    calls = {Edge(caller, callee) for caller, callee, *_ in traces if caller not in ("-1", callee)}
    return Incident(
        entity="",
        metric="",
        fired_at=_BEFORE,
        window=window,
        metrics=_steps(levels, window),
        patterns=_templates(logs, window) if logs else None,
        topology=Topology(nodes, tuple(sorted(calls))),
        normal=(Window(0.0, _BEFORE),),
    )


def _steps(levels: dict[SeriesKey, tuple[float, float]], window: Window) -> SeriesMatrix:
    times = np.arange(window.start, window.end, _STEP)
    pairs = np.array(list(levels.values()), dtype=np.float64).reshape(-1, 2)
    values = np.where(times < _BEFORE, pairs[:, :1], pairs[:, 1:])
    return SeriesMatrix(tuple(levels), times, values)


def _templates(logs: list[Any], window: Window) -> PatternTable:
    """One pattern a template id: which text it stands for is not published."""
    bins, at = int(window.seconds // _STEP), int(_BEFORE // _STEP)
    patterns = []
    for (entity, id), count in sorted(Counter((entity, id) for entity, id in logs).items()):
        counts = tuple(count if place == at else 0 for place in range(bins))
        patterns.append(LogPattern(entity, f"template {id}", "", f"template {id}", _BEFORE, _BEFORE, counts))
    return PatternTable(window, _STEP, tuple(patterns), len(logs), len(logs))


def load_raw(data: Path, folder: Path, index: str, started: str) -> Incident:
    """GAIA's telemetry around one failure."""
    fired = datetime.fromisoformat(started).replace(tzinfo=_ZONE).timestamp()
    window = Window(fired - _BEFORE, fired + _AFTER)
    names = frozenset(read_alerts(folder, "nodes").get(index, ()))
    metrics, topology = read_metrics(data, names, window)
    lines = read_lines(data, window)
    return Incident(
        entity="",
        metric="",
        fired_at=fired,
        window=window,
        metrics=metrics,
        patterns=None if lines.is_empty() else mine(log_lines(lines), window),
        spans=read_spans(data, window),
        topology=topology,
        normal=(Window(window.start, fired),),
    )


@lru_cache(maxsize=4)
def _files(data: Path, pattern: str) -> tuple[Path, ...]:
    found = tuple(sorted(data.rglob(pattern)))
    if not found:
        raise InputError(f"{data} holds no {pattern}; unpack MicroSS of CloudWise-OpenSource/GAIA-DataSet below it")
    return found


def read_metrics(data: Path, names: frozenset[str], window: Window) -> tuple[SeriesMatrix, Topology]:
    """Series of the named instances, and on which host each runs; both stand in the names of the files."""
    first, last = (f"{datetime.fromtimestamp(time, _ZONE):%Y-%m-%d}" for time in (window.start, window.end))
    parts, hosts = [], {}
    for path in _files(data, "*_20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]_*.csv"):
        match = _METRIC.fullmatch(path.name)
        if match is None or match[1] not in names or match[4] > last or match[5] < first:
            continue
        hosts[match[1]] = match[2]
        rows = scan(path, ["timestamp", "value"])
        value = pl.col("value").cast(pl.Float64, strict=False)
        parts.append(
            rows.select(time=seconds("timestamp"), entity=pl.lit(match[1]), metric=pl.lit(match[3]), value=value)
        )
    frames = pl.collect_all([part.filter(during("time", [window])) for part in parts])
    nodes = tuple(Node(name, host=host) for name, host in sorted(hosts.items()))
    return (sampled(pl.concat(frames), _RAW_STEP) if frames else SeriesMatrix.empty()), Topology(nodes)


def read_spans(data: Path, window: Window) -> SpanTable:
    """Spans of all instances, named by their address without its arguments; GAIA counts 400 as a failure."""
    needed = ["service_name", "trace_id", "span_id", "parent_id", "start_time", "end_time", "url", "status_code"]
    rows = pl.concat([scan(path, needed).select(needed) for path in _files(data, "trace_table_*.csv")])
    frame = (
        rows.filter(_about("start_time", window))
        .with_columns(
            start=_local("start_time", "%.f"),
            end=_local("end_time", "%.f"),
            name=pl.col("url").str.replace(r"\?.*", ""),
            error=pl.col("status_code").cast(pl.Float64, strict=False) >= 400,
        )
        .filter(during("start", [window]))
        .drop_nulls("end")
        .unique(["trace_id", "span_id"], keep="first", maintain_order=True)
        .with_columns(seconds=pl.col("end") - pl.col("start"))
        .collect()
    )
    columns = ("trace_id", "span_id", "parent_id", "service_name", "name", "start", "seconds", "error")
    return span_table(*(frame[column] for column in columns))


def read_lines(data: Path, window: Window) -> pl.DataFrame:
    """Business log lines; time, level and trace id stand in the message."""
    files = _files(data, "business_table_*.csv")
    rows = pl.concat([scan(path, ["service", "message"]).select("service", "message") for path in files])
    frame = rows.filter(_about("message", window)).select(
        time=_local("message", ",%3f"),
        entity="service",
        severity=severity("message"),
        body=pl.col("message").str.strip_chars(),
        trace=pl.col("message").str.extract(r"\| ([0-9a-f]{14,16}) \|").fill_null(""),
    )
    return frame.filter(during("time", [window])).sort("time").collect()


def _about(column: str, window: Window) -> pl.Expr:
    """A cheap test on the text before it is parsed: local times sort like their text."""
    first, last = (f"{datetime.fromtimestamp(time, _ZONE):%Y-%m-%d %H:%M}" for time in (window.start, window.end + 60))
    return pl.col(column).is_between(pl.lit(first), pl.lit(last))


def _local(column: str, fraction: str) -> pl.Expr:
    """The local time at the beginning of a text as epoch seconds."""
    text = pl.col(column).str.head(26 if fraction == "%.f" else 23)
    local = text.str.to_datetime(f"%Y-%m-%d %H:%M:%S{fraction}", strict=False, time_unit="us")
    return local.dt.epoch("us") / 1e6 - _ZONE.utcoffset(None).total_seconds()


TVDIAG = TvDiag()

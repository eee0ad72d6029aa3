"""From columns of a benchmark's files to the engine's tables: vectorised, whole columns at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from agent.doors.reading import InputError
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import LogRecord, SeriesKey, SeriesMatrix, Window


def span_table(
    traces: pl.Series, span_ids: pl.Series, parent_ids: pl.Series, entities: pl.Series, names: pl.Series,
    start_seconds: pl.Series, duration_seconds: pl.Series, error: pl.Series,
) -> SpanTable:  # fmt: skip
    """Columns of equal length, one row a span in any order; a parent that is not among them is none."""
    frame = pl.DataFrame(
        {
            "trace": traces.cast(pl.String).fill_null(""),
            "span": span_ids.cast(pl.String).fill_null(""),
            "parent": parent_ids.cast(pl.String).fill_null(""),
            "entity": entities.cast(pl.String).fill_null(""),
            "name": names.cast(pl.String).fill_null(""),
            "start": start_seconds.cast(pl.Float64),
            "duration": duration_seconds.cast(pl.Float64),
            "error": error.cast(pl.Boolean).fill_null(False),
        }
    ).sort("start", "trace", "span", maintain_order=True)
    frame = frame.with_row_index("row")
    ids = frame.select("trace", pl.col("span").alias("parent"), pl.col("row").alias("up")).unique(
        ["trace", "parent"], keep="first", maintain_order=True
    )
    up = frame.select("row", "trace", "parent").join(ids, on=["trace", "parent"], how="left").sort("row")["up"]
    parent = up.cast(pl.Int64).fill_null(-1).to_numpy().copy()
    parent[parent == np.arange(parent.size)] = -1
    entity, entity_code = _coded(frame["entity"])
    name, name_code = _coded(frame["name"])
    trace, trace_code = _coded(frame["trace"])
    return SpanTable(
        entity, name, trace, entity_code, name_code, trace_code, parent,
        frame["start"].to_numpy(), np.maximum(frame["duration"].to_numpy(), 0.0), frame["error"].to_numpy(),
        ids=tuple(frame["span"].to_list()),
    )  # fmt: skip


def _coded(column: pl.Series) -> tuple[tuple[str, ...], np.ndarray]:
    words = column.unique().sort()
    codes = column.to_frame("word").join(
        pl.DataFrame({"word": words, "code": np.arange(len(words), dtype=np.int32)}), on="word", how="left",
        maintain_order="left",
    )["code"]  # fmt: skip
    return tuple(words.to_list()), codes.to_numpy()


def series_matrix(frame: pl.DataFrame, time_column: str, keys: dict[str, SeriesKey]) -> SeriesMatrix:
    """The named columns of a wide frame as series; ``time_column`` is epoch seconds and need not be in order."""
    frame = frame.sort(time_column)
    values = np.array([frame[column].cast(pl.Float64, strict=False).to_numpy() for column in keys], dtype=np.float64)
    times = frame[time_column].cast(pl.Float64).to_numpy()
    return SeriesMatrix(tuple(keys.values()), times, values.reshape(len(keys), times.size))


def scan(path: Path, needed: Sequence[str]) -> pl.LazyFrame:
    """A CSV file, every column as text; raises InputError where the file or a published column is missing."""
    try:
        frame = pl.scan_csv(path, infer_schema=False, truncate_ragged_lines=True)
        names = frame.collect_schema().names()
    except (OSError, pl.exceptions.NoDataError) as error:
        raise InputError(f"cannot read {path}: {error}; fetch the file again from the benchmark") from error
    if absent := sorted(set(needed) - set(names)):
        raise InputError(f"{path} has no column {', '.join(absent)}; it has {', '.join(names)}. Use the published file")
    return frame


def seconds(column: str) -> pl.Expr:
    """An epoch column as seconds; its size tells whether it is in seconds, milli-, micro- or nanoseconds."""
    value = pl.col(column).cast(pl.Float64, strict=False)
    unit = pl.when(value > 1e17).then(1e9).when(value > 1e14).then(1e6).when(value > 1e11).then(1e3).otherwise(1.0)
    return value / unit


def during(column: str, windows: Sequence[Window]) -> pl.Expr:
    """Whether a column of epoch seconds lies in one of the windows."""
    return pl.any_horizontal([(pl.col(column) >= w.start) & (pl.col(column) < w.end) for w in windows])


def failed(column: str) -> pl.Expr:
    """Whether a status code means a failed call: a gRPC code other than 0, or an HTTP code from 500 on."""
    code = pl.col(column).cast(pl.Float64, strict=False).fill_null(0.0)
    return ((code > 0) & (code < 100)) | (code >= 500)


def severity(text: str) -> pl.Expr:
    """The first level that a line names near its beginning, in OpenTelemetry's spelling, else ""."""
    level = r"(?i)\b(trace|debug|info|warn|error|fatal)(?:ing)?\b"
    return pl.col(text).str.head(200).str.extract(level).str.to_uppercase().fill_null("")


def log_lines(frame: pl.DataFrame) -> Iterator[LogRecord]:
    """Rows with ``time`` (epoch seconds), ``entity``, ``severity``, ``body`` and ``trace`` as log lines."""
    rows = frame.select("time", "entity", "severity", "body", "trace").drop_nulls()
    return (LogRecord(*row) for row in rows.iter_rows())


def sampled(frame: pl.DataFrame, step: float) -> SeriesMatrix:
    """Rows with ``time``, ``entity``, ``metric`` and ``value`` on one grid of ``step`` seconds, the mean a cell.

    A sample goes to the end of its step: it must not seem older than it is, or a fault would reach into what is normal.
    """
    grid = (pl.col("time") / step).ceil().cast(pl.Int64)
    cells = frame.drop_nulls().group_by("entity", "metric", grid.alias("step")).agg(pl.col("value").mean())
    if cells.is_empty():
        return SeriesMatrix.empty()
    keys = cells.select("entity", "metric").unique().sort("entity", "metric").with_row_index("row")
    cells = cells.join(keys, on=["entity", "metric"])
    steps = cells["step"].to_numpy()
    place = steps - steps.min()
    values = np.full((keys.height, int(place.max()) + 1), np.nan)
    values[cells["row"].to_numpy(), place] = cells["value"].to_numpy()
    times = np.arange(steps.min(), steps.max() + 1, dtype=np.float64) * step
    return SeriesMatrix(tuple(SeriesKey(*key) for key in keys.select("entity", "metric").iter_rows()), times, values)

"""From columns of a benchmark's files to the engine's tables: vectorised, whole columns at a time."""

import numpy as np
import polars as pl

from diagnosis.span_table import SpanTable
from diagnosis.telemetry import SeriesKey, SeriesMatrix


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

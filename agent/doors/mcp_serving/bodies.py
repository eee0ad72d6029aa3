"""Evidence as JSON for another agent: inert texts, a bounded size, and what was left out is said."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from agent.report.text import inert, inert_lines
from diagnosis.telemetry import Change, PatternTable, SeriesMatrix, Topology
from tools.spec import Body, ChangeList, FoundRunbooks, LogBatch, MetricCatalogue, SpanBatch, Table

MOST_CHARS = 60_000
_POINTS = 60  # of a series
_TEXT, _LINES = 1_000, 300

Row = dict[str, Any]


def rendered(body: Body) -> Row:
    """``rows`` in the source's order as long as they fit, ``left_out`` how many do not, and what is told of the whole."""
    whole, rows = _rendered(body)
    shown, left_out = fitted(clean(row) for row in rows)
    return {**whole, "rows": shown, "left_out": left_out}


def fitted(rows: Iterable[Any], most: int = MOST_CHARS) -> tuple[list[Any], int]:
    """The first rows that are not longer than ``most`` characters of JSON together, and how many there are more."""
    shown: list[Any] = []
    left_out = 0
    for row in rows:
        most -= len(json.dumps(row, ensure_ascii=False)) + 2 if most > 0 else 0
        if most > 0:
            shown.append(row)
        else:
            left_out += 1
    return shown, left_out


def clean(value: Any, longest: int = _TEXT) -> Any:  # noqa: ANN401 - any JSON
    """The value with every text inert, its lines kept, and no number that JSON does not know."""
    match value:
        case str() if "\n" in value:
            return "\n".join(inert_lines(value, _LINES, 300))
        case str():
            return inert(value, longest)
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {inert(str(key), 100): clean(item, longest) for key, item in value.items()}
        case list() | tuple():
            return [clean(item, longest) for item in value]
        case _:
            return value


def _rendered(body: Body) -> tuple[Row, Iterable[Row]]:
    match body:
        case SeriesMatrix():
            return {"kind": "series", "count": len(body.keys)}, _series(body)
        case MetricCatalogue():
            entities = ({"entity": entity, "metrics": list(names)} for entity, names in body.metrics)
            return {"kind": "metrics", "start": body.start, "end": body.end}, entities
        case PatternTable():
            told = {"kind": "log_patterns", "lines_seen": body.lines_seen, "lines_read": body.lines_read}
            rows = ({**asdict(pattern), "total": pattern.total} for pattern in body.patterns)
            return {**told, "bin_seconds": body.bin_seconds, "start": body.window.start}, map(_without_bins, rows)
        case LogBatch():
            return {"kind": "log_lines", "matched": body.matched}, map(asdict, body.records)
        case SpanBatch():
            return {"kind": "spans", "matched": body.matched}, map(asdict, body.spans)
        case Topology():
            nodes = [asdict(node) for node in body.nodes]
            return {"kind": "topology", "nodes": clean(fitted(nodes)[0])}, map(asdict, body.edges)
        case ChangeList():
            return {"kind": "changes"}, map(asdict, body.changes)
        case Change():
            return {"kind": "change"}, [asdict(body)]
        case FoundRunbooks():
            return {"kind": "runbooks"}, map(asdict, body.runbooks)
        case Table():
            rows = (dict(zip(body.columns, row, strict=True)) for row in body.rows)
            return {"kind": "table", "title": clean(body.title)}, rows


def _without_bins(row: Row) -> Row:
    """Many bins say less than how often it came before and after the middle."""
    counts = row.pop("counts")
    return {**row, "first_half": sum(counts[: len(counts) // 2]), "second_half": sum(counts[len(counts) // 2 :])}


def _series(body: SeriesMatrix) -> Iterable[Row]:
    """Each with its levels, and its values in at most ``_POINTS`` bins (means; None where there is no sample)."""
    bins = np.array_split(np.arange(body.times.size), min(_POINTS, max(body.times.size, 1)))
    starts = [float(body.times[places[0]]) for places in bins if places.size]
    for key, values in zip(body.keys, body.values, strict=True):
        there = values[np.isfinite(values)]
        levels = {"min": there.min(), "mean": there.mean(), "max": there.max(), "last": there[-1]} if there.size else {}
        yield {
            "entity": key.entity, "metric": key.metric, "samples": int(there.size),
            **{name: _short(level) for name, level in levels.items()},
            "times": starts, "values": [_mean(values[places]) for places in bins if places.size],
        }  # fmt: skip


def _mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    there = values[np.isfinite(values)]
    return _short(there.mean()) if there.size else None


def _short(value: float) -> float:
    return float(f"{value:.6g}")

"""A series of a tool as a series for the eye: at most some 120 points, and no peak lost between them."""

import itertools

import numpy as np

from agent.report.model import SeriesView
from diagnosis.telemetry import SeriesMatrix

_MOST_POINTS = 120


def view_of(matrix: SeriesMatrix, row: int, evidence_id: str, onset: float | None) -> SeriesView:
    """Row ``row``; of more samples the highest of each equal stretch. ``onset`` is marked where it lies within."""
    times, values = matrix.times, matrix.values[row]
    edges = np.linspace(0, times.size, min(times.size, _MOST_POINTS) + 1).astype(int)
    kept: list[float | None] = []
    for begin, end in itertools.pairwise(edges):
        part = values[begin:end][np.isfinite(values[begin:end])]
        kept.append(float(part.max()) if part.size else None)
    shown = tuple(float(times[end - 1]) for end in edges[1:])
    inside = onset if onset is not None and shown and shown[0] <= onset <= shown[-1] else None
    key = matrix.keys[row]
    return SeriesView(
        entity=key.entity, metric=key.metric, times=shown, values=tuple(kept), onset=inside, evidence_id=evidence_id
    )

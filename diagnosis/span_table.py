"""Spans as columns: one row a span, in order of start, with parents as row numbers. Millions of rows stay arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from diagnosis.telemetry import Floats

Codes = NDArray[np.int32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SpanTable:
    """``entity``, ``name``, ``trace`` are codes into ``entities``, ``names``, ``traces``; all have shape (spans,).

    ``parent`` is the row of the parent span, -1 at a root or where the parent is missing; ``start`` is epoch seconds,
    ``duration`` seconds. ``messages`` and ``peers`` are sparse: row to the text of a failure, row to the other side
    of a call as the caller names it. ``ids`` are span ids, one a row, or empty where nothing refers to them.
    """

    entities: tuple[str, ...]
    names: tuple[str, ...]
    traces: tuple[str, ...]
    entity: Codes
    name: Codes
    trace: Codes
    parent: Rows
    start: Floats
    duration: Floats
    error: NDArray[np.bool_]
    messages: Mapping[int, str] = field(default_factory=dict)
    peers: Mapping[int, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.start.size)

    @classmethod
    def empty(cls) -> "SpanTable":
        codes, floats = np.empty(0, np.int32), np.empty(0)
        rows = np.empty(0, np.int64)
        return cls((), (), (), codes, codes, codes, rows, floats, floats, np.empty(0, np.bool_))

    def select(self, keep: NDArray[np.bool_]) -> "SpanTable":
        """The rows of a mask; a child whose parent is left out becomes a root."""
        rows = np.flatnonzero(keep)
        place = np.full(len(self) + 1, -1, np.int64)  # the last entry answers for parent -1
        place[rows] = np.arange(rows.size)
        kept = {int(r) for r in rows} if self.messages or self.peers else set()
        return replace(
            self,
            entity=self.entity[rows],
            name=self.name[rows],
            trace=self.trace[rows],
            parent=place[self.parent[rows]],
            start=self.start[rows],
            duration=self.duration[rows],
            error=self.error[rows],
            ids=tuple(self.ids[r] for r in rows.tolist()) if self.ids else (),
            messages={int(place[r]): text for r, text in self.messages.items() if r in kept},
            peers={int(place[r]): text for r, text in self.peers.items() if r in kept},
        )

"""All telemetry of one incident, as the engine takes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Change, PatternTable, SeriesMatrix, Topology, Window


@dataclass(frozen=True)
class Incident:
    """``window`` is where the fault is looked for; outside of it only ``normal`` is looked at.

    ``entity`` and ``metric`` are the alerted ones, "" where the alert names none; ``fired_at`` is epoch seconds.
    ``normal`` are periods known to be free of faults (last week, the hours between two incidents). Where it is empty
    the window must begin well before the alert: its first part is the baseline.
    """

    entity: str
    metric: str
    fired_at: float
    window: Window
    metrics: SeriesMatrix = field(default_factory=SeriesMatrix.empty)
    patterns: PatternTable | None = None
    spans: SpanTable = field(default_factory=SpanTable.empty)
    topology: Topology = field(default_factory=Topology)
    changes: Sequence[Change] = ()
    normal: tuple[Window, ...] = ()

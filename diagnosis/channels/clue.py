"""What a channel says: this entity shows this, this strongly, and these kinds of fault would produce it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diagnosis.channels.unanswered import unanswered
from diagnosis.findings import FaultKind
from diagnosis.periods import Periods
from diagnosis.span_table import SpanTable
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Floats, PatternTable, SeriesMatrix, Topology
from diagnosis.traces import Calls, calls, self_time


class Source(StrEnum):
    """Where a clue may come from other than from the entity that shows it."""

    OWN = "own"
    CALLEES = "callees"
    CALLERS = "callers"


@dataclass(frozen=True, slots=True)
class Clue:
    """``strength`` is in (0, 1]; ``kinds`` says how well each fault kind would produce it, in (0, 1].

    ``source`` says whose trouble looks the same here, so that the clue counts only as far as they do not explain it.
    """

    method: str
    entity: str
    strength: float
    kinds: Mapping[FaultKind, float]
    symptom: Symptom
    source: Source = Source.OWN


@dataclass(frozen=True)
class Observation:
    """What every channel may look at. ``symptoms`` are the deviations of series, logs and spans found before.

    ``entity`` and ``metric`` are the alerted ones, "" where the alert names none; ``first`` is where the walk from the
    alerted entity ended.
    """

    metrics: SeriesMatrix
    patterns: PatternTable
    spans: SpanTable
    topology: Topology
    periods: Periods
    symptoms: tuple[Symptom, ...] = ()
    entity: str = ""
    metric: str = ""
    first: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def self_seconds(self) -> Floats:
        """Exclusive time of each span, shape (spans,)."""
        return self_time(self.spans)

    @cached_property
    def unanswered(self) -> dict[str, Symptom]:
        """Services whose callers go on calling, while no span of theirs answers any more; told by their name."""
        return unanswered(self)

    @cached_property
    def calls(self) -> Calls:
        return calls(self.spans)

    @cached_property
    def span_is_recent(self) -> NDArray[np.bool_]:
        return self.periods.is_recent(self.spans.start)

    @cached_property
    def span_is_normal(self) -> NDArray[np.bool_]:
        return self.periods.is_normal(self.spans.start)

"""A row of the catalogue: what is known about the metrics that some exporter writes."""

import re
from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from diagnosis.measures import Measure


class Kind(StrEnum):
    """How values are made from the samples of a family."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"  # ready-made quantiles, of which the highest below 1 is taken
    MEAN = "mean"  # a sum and a count without buckets
    RATIO = "ratio"  # of two gauges, or of two counters where the names end in _total
    CHANGES = "changes"  # how often a gauge took another value, as the time of a start does
    LEFT_OUT = "left_out"


class Weight(StrEnum):
    """What is asked first, and what is left out first."""

    IMPORTANT = "important"
    NORMAL = "normal"
    NOISE = "noise"


class FamilyRow(BaseModel):
    """``pattern`` matches whole family names (of histograms without ``_bucket``). The first row that matches counts.

    Without ``kind`` it is as metadata or the ending says; without ``measure`` as the words of the name say.
    ``output`` is the stem of what comes out (``\\1`` for a group of the pattern), where the name alone would not be
    understood; ``scale`` turns values into base units; ``keep`` are regular expressions on labels. ``on`` are labels
    below the entity (replicas, reporters): a value is made for each of theirs, from sums of all else, and the worst
    counts. ``total`` is a label that series lack which are the total of those that have it: where there are parts,
    totals are left out. For a ratio ``over`` is the name of the denominator (with groups of the pattern), and
    ``complement`` turns what is free into what is used. ``example`` is a name that it matches.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str
    kind: Kind | None = None
    measure: Measure | None = None
    example: str = ""
    output: str = ""
    weight: Weight = Weight.NORMAL
    entity_labels: tuple[str, ...] = ()
    keep: Mapping[str, str] = Field(default_factory=dict)
    scale: float = 1.0
    over: str = ""
    on: tuple[str, ...] = ()
    total: str = ""
    complement: bool = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return pattern

    def expand(self, template: str, name: str) -> str:
        """``template`` with the groups of the pattern as they are in ``name``."""
        match = re.fullmatch(self.pattern, name)
        return match.expand(template) if match else template

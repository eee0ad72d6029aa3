"""Which names belong together, and what kind of metric they are: by the catalogue, by metadata, or by their endings."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from diagnosis.measures import Measure, measure_of
from tools.metrics.catalogue import RATIOS, ROWS
from tools.metrics.rows import FamilyRow, Kind, Weight

_PARTS = ("_bucket", "_count", "_sum", "_max", "_created", "_info")
_UNTYPED = ("", "unknown", "untyped")


@dataclass(frozen=True, slots=True)
class Family:
    """``name`` is without the endings that the format adds; ``described_by`` is the member whose labels tell of it all.

    ``over`` is the denominator of a ratio. A native histogram has no members: one series holds all of its buckets.
    """

    name: str
    kind: Kind
    described_by: str
    row: FamilyRow | None
    over: str = ""

    @property
    def native(self) -> bool:
        return self.kind is Kind.HISTOGRAM and self.described_by == self.name

    @property
    def measure(self) -> Measure:
        known = self.row.measure if self.row else None
        return known or measure_of(self.name)

    @property
    def rank(self) -> int:
        """What is asked first has the lowest."""
        if self.row is not None:
            return {Weight.IMPORTANT: 0, Weight.NORMAL: 1, Weight.NOISE: 3}[self.row.weight]
        return 2 if self.measure is Measure.OTHER else 1

    @property
    def stem(self) -> str:
        """What names of its outputs begin with."""
        if self.row is not None and self.row.output:
            return self.row.expand(self.row.output, self.name)
        return self.name.removesuffix("_total").replace(".", "_").replace(":", "_")


def families_of(
    names: Iterable[str], types: Mapping[str, str], catalogue: Sequence[FamilyRow] = ()
) -> tuple[Family, ...]:
    """All families of ``names``, rows of ``catalogue`` before our own."""
    known = frozenset(names)
    singles = tuple(row for row in catalogue if row.kind is not Kind.RATIO)
    ratios = (*(row for row in catalogue if row.kind is Kind.RATIO), *RATIOS)
    found: list[Family] = []
    for name in sorted(known):
        family = _family(name, known, types, singles)
        if family is not None and family.kind is not Kind.LEFT_OUT:
            found.append(family)
        found += _ratios(name, known, ratios)
    return tuple(found)


def _family(name: str, known: frozenset[str], types: Mapping[str, str], rows: tuple[FamilyRow, ...]) -> Family | None:
    """The family that ``name`` stands for; None for members that another one stands for."""
    part = next((ending for ending in _PARTS if name.endswith(ending)), "")
    base = name.removesuffix(part)
    whole = f"{base}_count" in known and (f"{base}_sum" in known or f"{base}_bucket" in known)
    match part:
        case "_bucket":
            return _made(base, Kind.HISTOGRAM, f"{base}_count" if f"{base}_count" in known else name, rows)
        case "_count" if whole:
            if f"{base}_bucket" in known or base in known:
                return None
            return _made(base, Kind.MEAN, name, rows)
        case "_sum" | "_max" if whole:
            return None
        case "_created" if whole or f"{base}_total" in known or types.get(base) == "counter":
            return None
        case "_info":
            return None
        case _:
            pass  # by its declared type, below
    if types.get(name) == "histogram":  # with classic buckets beside it, those tell the same
        return None if f"{name}_bucket" in known else _made(name, Kind.HISTOGRAM, name, rows)
    if f"{name}_count" in known and f"{name}_sum" in known and f"{name}_bucket" not in known:
        return _made(name, Kind.SUMMARY, name, rows)
    if types.get(name) in ("info", "stateset") and not _row(name, rows):
        return None
    counts = types.get(name) == "counter" or (types.get(name, "") in _UNTYPED and name.endswith("_total"))
    return _made(name, Kind.COUNTER if counts else Kind.GAUGE, name, rows)


def _made(name: str, kind: Kind, described_by: str, rows: tuple[FamilyRow, ...]) -> Family:
    row = _row(name, rows)
    # A row knows whether a single value counts up; what has parts has the kind that its parts show.
    if row is not None and row.kind is not None and (row.kind is Kind.LEFT_OUT or kind in (Kind.COUNTER, Kind.GAUGE)):
        kind = row.kind
    return Family(name, kind, described_by, row)


def _ratios(name: str, known: frozenset[str], rows: Sequence[FamilyRow]) -> Iterator[Family]:
    for row in rows:
        match = _pattern(row.pattern).fullmatch(name)
        if match and (over := match.expand(row.over)) in known and over != name:
            yield Family(name, Kind.RATIO, name, row, over)
            return


def _row(name: str, rows: tuple[FamilyRow, ...]) -> FamilyRow | None:
    return next((row for row in rows if _pattern(row.pattern).fullmatch(name)), None) or _own_row(name)


@lru_cache(maxsize=50_000)
def _own_row(name: str) -> FamilyRow | None:
    return next((row for row in ROWS if _pattern(row.pattern).fullmatch(name)), None)


@lru_cache(maxsize=2_000)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)

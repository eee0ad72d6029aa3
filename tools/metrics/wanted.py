"""The series that are wanted of a family, each as a piece of PromQL that is grouped by entity."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from diagnosis.measures import Measure, good_when_high, measure_of
from tools.metrics.families import Family
from tools.metrics.naming import named, without_unit
from tools.metrics.outcomes import outcome
from tools.metrics.promql import Match, Op, equal, grouping, one_of, seconds, selector
from tools.metrics.rows import Kind

_ABOUT_TIME = re.compile(r"[_.](duration|latency|latencies|time|handling|processing|elapsed)$")
_QUANTILES = ((0.99, "p99"), (0.5, "p50"))


class Fold(StrEnum):
    """How series that mean the same entity become one."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"


@dataclass(frozen=True, slots=True)
class Pace:
    """How far back values look, in seconds: ``sample`` for the newest sample, ``rate`` for increases."""

    sample: float
    rate: float

    @classmethod
    def of(cls, step: float, interval: float) -> "Pace":
        """The newest sample counts for one distance of samples (or one step), less a millisecond: a series that ended
        is not drawn on, and a missed scrape is missing. A scraper keeps its beat to some milliseconds. Rates look back
        two distances and a fifth, since they need two samples."""
        return cls(sample=max(step, interval) - 0.001, rate=max(step, 2.2 * interval))


Build = Callable[[Sequence[str], Sequence[Match], Pace], str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """``build`` makes the query from labels to group by, matchers and pace. ``reads`` are the names that it selects.

    ``rank`` orders what is asked first; what is ``optional`` is dropped where the server has trouble.
    """

    metric: str
    build: Build
    fold: Fold
    reads: tuple[str, ...]
    optional: bool = False
    matches: tuple[Match, ...] = ()


def wanted_of(
    family: Family, values: Mapping[str, frozenset[str]], request_counters: frozenset[str]
) -> Iterator[Wanted]:
    """All that is wanted of a family. ``values`` are the values of each of its labels; ``request_counters`` are
    beginnings of names for which a counter already tells the requests."""
    keep = tuple(Match(label, Op.REGEX, pattern) for label, pattern in family.row.keep.items()) if family.row else ()
    match family.kind:
        case Kind.GAUGE:
            yield _gauge(family, keep)
        case Kind.CHANGES:
            yield _changes(family, keep)
        case Kind.COUNTER:
            yield from _counter(family, values, keep)
        case Kind.HISTOGRAM:
            yield from _histogram(family, values, keep, beginning(family.name) not in request_counters)
        case Kind.SUMMARY:
            yield from _summary(family, values, keep)
        case Kind.MEAN:
            yield from _mean(family, values, keep, beginning(family.name) not in request_counters)
        case Kind.RATIO:
            yield _ratio(family, keep)
        case Kind.LEFT_OUT:
            return


def beginning(name: str) -> str:
    """The first two words of a name: what the metrics of one library share."""
    return "_".join(re.split(r"[_.:]", name)[:2])


def _fold(metric: str) -> Fold:
    return Fold.MIN if good_when_high(metric) else Fold.MAX


def _gauge(family: Family, keep: tuple[Match, ...]) -> Wanted:
    metric = family.name if not (family.row and family.row.output) else family.stem
    if family.row and family.row.measure and measure_of(metric) is not family.row.measure:
        metric = named(metric, ("",), family.row.measure) or metric
    fold, scale, on = _fold(metric), _scale(family), _on(family)

    def build(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        newest = _newest(family.name, matches, pace)
        if on:
            newest = f"sum {grouping([*labels, *on])} ({newest})"
        return f"{fold.value} {grouping(labels)} ({newest}){scale}"

    return Wanted(metric, build, fold, (family.name,), matches=keep)


def _changes(family: Family, keep: tuple[Match, ...]) -> Wanted:
    def build(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        return f"sum {grouping(labels)} (changes({selector([family.name], matches)}[{seconds(pace.rate)}]))"

    return Wanted(family.stem, build, Fold.SUM, (family.name,), matches=keep)


def _counter(family: Family, values: Mapping[str, frozenset[str]], keep: tuple[Match, ...]) -> Iterator[Wanted]:
    stem = family.stem
    measure = (family.row and family.row.measure) or measure_of(f"{stem}_per_second")
    if measure is Measure.FANOUT:  # "per second" is our own word here: nothing is counted per request or job
        measure = Measure.TRAFFIC
    metric = named(stem, ("_per_second", "_rps"), measure) or f"{stem}_per_second"
    scale, rate = _scale(family), _rates(family, family.name)

    def build(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        return f"{rate(labels, matches, pace)}{scale}"

    yield Wanted(metric, build, Fold.SUM, (family.name,), matches=keep)
    if measure is not Measure.ERRORS:
        yield from _failures(rate, family.name, stem, values, keep)


def _failures(
    requests: Build, counter: str, stem: str, values: Mapping[str, frozenset[str]], keep: tuple[Match, ...]
) -> Iterator[Wanted]:
    """The failing ones of ``requests`` a second, in number and as a share."""
    label, failing = outcome(values)
    if not label:
        return
    fails = one_of(label, failing)

    def rate(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        # A label value that was never counted has no series: no failures then, as long as there are requests.
        none = f"0 * {requests(labels, matches, pace)}"
        return f"({requests(labels, (*matches, fails), pace)} or {none})"

    def share(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        return f"{rate(labels, matches, pace)} / {requests(labels, matches, pace)}"

    errors, ratio = named(stem, ("_errors_per_second",), Measure.ERRORS), named(stem, ("_error_ratio",), Measure.ERRORS)
    if ratio:
        yield Wanted(ratio, share, Fold.MAX, (counter,) * 3, matches=keep)
    if errors:
        yield Wanted(errors, rate, Fold.SUM, (counter,) * 2, optional=True, matches=keep)


def _histogram(
    family: Family, values: Mapping[str, frozenset[str]], keep: tuple[Match, ...], count_requests: bool
) -> Iterator[Wanted]:
    base, factor, timed = without_unit(family.stem)
    unit = "_seconds" if timed else ""
    measure = _measure(family, f"{base}_p99{unit}", timed)
    bucket = family.name if family.native else f"{family.name}_bucket"
    for quantile, word in _QUANTILES:
        metric = named(base, (f"_{word}{unit}",), measure) or f"{base}_{word}{unit}"
        yield Wanted(metric, _quantile(family, bucket, quantile, factor), Fold.MAX, (bucket,), optional=quantile != 0.99, matches=keep)  # fmt: skip
    if (family.native or family.described_by.endswith("_count")) and measure is Measure.LATENCY:
        yield from _requests(family, family.described_by, base, values, keep, count_requests)


def _requests(
    family: Family, counter: str, base: str, values: Mapping[str, frozenset[str]], keep: tuple[Match, ...],
    count_requests: bool,
) -> Iterator[Wanted]:  # fmt: skip
    """What the count of a histogram or summary of durations tells: how many requests, and how many of them failed."""
    stem, build = _ABOUT_TIME.sub("", base), _rates(family, counter)
    metric = named(stem, ("_per_second", "_rps"), Measure.TRAFFIC)
    if metric and count_requests:
        yield Wanted(metric, build, Fold.SUM, (counter,), matches=keep)
    if count_requests or outcome(values)[0]:
        yield from _failures(build, counter, stem, values, keep)


def _quantile(family: Family, bucket: str, quantile: float, factor: float) -> Build:
    scale = f" * {factor:g}" if factor != 1.0 else ""
    bounds, on = () if family.native else ("le",), _on(family)

    def build(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        each = f"histogram_quantile({quantile:g}, {_rate(bucket, [*labels, *on, *bounds], matches, pace)})"
        return f"{_worst(labels, on, each)}{scale}"

    return build


def _summary(family: Family, values: Mapping[str, frozenset[str]], keep: tuple[Match, ...]) -> Iterator[Wanted]:
    known = sorted((q for q in values.get("quantile", ()) if _below_one(q)), key=float)
    if not known:
        return
    base, factor, timed = without_unit(family.stem)
    unit = "_seconds" if timed else ""
    highest = known[-1]
    word = f"p{float(highest) * 100:g}".replace(".", "")
    measure = _measure(family, f"{base}_{word}{unit}", timed)
    metric = named(base, (f"_{word}{unit}",), measure) or f"{base}_{word}{unit}"
    scale = f" * {factor:g}" if factor != 1.0 else ""

    def build(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        return f"max {grouping(labels)} ({_newest(family.name, matches, pace)}){scale}"

    yield Wanted(metric, build, Fold.MAX, (family.name,), matches=(*keep, equal("quantile", highest)))


def _below_one(quantile: str) -> bool:
    try:
        return float(quantile) < 1
    except ValueError:
        return False


def _mean(
    family: Family, values: Mapping[str, frozenset[str]], keep: tuple[Match, ...], count_requests: bool
) -> Iterator[Wanted]:
    base, factor, timed = without_unit(family.stem)
    unit = "_seconds" if timed else ""
    total, count = f"{family.name}_sum", f"{family.name}_count"
    measure = _measure(family, f"{base}_mean{unit}", timed)
    metric = named(base, (f"_mean{unit}",), measure) or f"{base}_mean{unit}"
    scale = f" * {factor:g}" if factor != 1.0 else ""

    def build(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        return f"{_rate(total, labels, matches, pace)} / {_rate(count, labels, matches, pace)}{scale}"

    yield Wanted(metric, build, Fold.MAX, (total, count), matches=keep)
    if measure is Measure.LATENCY:
        yield from _requests(family, count, base, values, keep, count_requests)


def _ratio(family: Family, keep: tuple[Match, ...]) -> Wanted:
    row = family.row
    assert row is not None, "a ratio comes from a row"  # noqa: S101 - families.py makes it so
    fold = _fold(family.stem)
    on, over = row.on, family.over

    def build(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        shared = list(dict.fromkeys([*labels, *on]))

        def side(name: str) -> str:
            if name.endswith("_total"):
                return _rate(name, shared, matches, pace)
            return f"sum {grouping(shared)} ({_newest(name, matches, pace)})"

        share = f"{side(family.name)} / ({side(over)} > 0)"
        return f"{fold.value} {grouping(labels)} ({f'1 - {share}' if row.complement else share})"

    return Wanted(family.stem, build, fold, (family.name, over), matches=keep)


def _on(family: Family) -> tuple[str, ...]:
    return family.row.on if family.row else ()


def _worst(labels: Sequence[str], on: Sequence[str], each: str) -> str:
    """The highest of what was made for each value of ``on``."""
    return f"max {grouping(labels)} ({each})" if on else each


def _rates(family: Family, counter: str) -> Build:
    """The increase a second of a counter, or of the observations of a native histogram."""
    on = _on(family)

    def build(labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
        each = _rate(counter, [*labels, *on], matches, pace)
        return _worst(labels, on, f"histogram_count({each})" if family.native else each)

    return build


def _measure(family: Family, plain: str, timed: bool) -> Measure:
    if family.row is not None and family.row.measure is not None:
        return family.row.measure
    read = measure_of(plain)
    # A time about which the name says nothing more is how long something took.
    return Measure.LATENCY if timed and read in (Measure.OTHER, Measure.TRAFFIC) else read


def _scale(family: Family) -> str:
    return f" * {family.row.scale:g}" if family.row and family.row.scale != 1.0 else ""


def _newest(name: str, matches: Sequence[Match], pace: Pace) -> str:
    """The newest sample while it is fresh. Unlike a plain selector this does not draw an ended series on for minutes."""
    return f"last_over_time({selector([name], matches)}[{seconds(pace.sample)}])"


def _rate(name: str, labels: Sequence[str], matches: Sequence[Match], pace: Pace) -> str:
    return f"sum {grouping(labels)} (rate({selector([name], matches)}[{seconds(pace.rate)}]))"

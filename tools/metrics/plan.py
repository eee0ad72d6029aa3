"""From what a Prometheus holds to what is asked of it: which series, of which entities, in which order."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from diagnosis.measures import Measure
from tools.metrics.discovery import Discovery
from tools.metrics.entities import NAMELESS, entity_label, entity_of
from tools.metrics.families import Family
from tools.metrics.naming import located
from tools.metrics.policy import MetricPolicy
from tools.metrics.promql import Match, Op, one_of
from tools.metrics.rows import Kind
from tools.metrics.wanted import Pace, Wanted, beginning, wanted_of

_FILTER_CHARACTERS = 2_000  # of the names of entities in one query
_UNKNOWN_INTERVAL_SECONDS = 15.0

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing to ask for. ``values`` are those of the entity's label. Where the metric is split by the label ``part``,
    ``parts`` names the output for each pair of an entity's value and a value of that label."""

    wanted: Wanted
    rank: int
    label: str
    values: tuple[str, ...]
    whole: bool
    matches: tuple[Match, ...]
    interval: float
    reads: int
    part: str = ""
    parts: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def series(self) -> int:
        """How many series come back, at most."""
        return len(self.parts) if self.part else len(self.values)

    @property
    def optional(self) -> bool:
        return self.wanted.optional or bool(self.part) or self.rank >= 3

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of what comes back."""
        return tuple(dict.fromkeys(self.parts.values())) if self.part else (self.wanted.metric,)

    def by_entity(self) -> Iterator[tuple[str, str]]:
        """What comes back, as pairs of entity and name."""
        if self.part:
            yield from ((entity_of(self.label, value), name) for (value, _), name in self.parts.items())
        else:
            yield from ((entity_of(self.label, value), self.wanted.metric) for value in self.values)

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label, self.part) if self.part else (self.label,)

    def query(self, step: float) -> str:
        """The query for all of its values."""
        kept = () if self.whole else (one_of(self.label, self.values),)
        split = (one_of(self.part, (part for _, part in self.parts)),) if self.part else ()
        return self.wanted.build(self.labels, (*self.matches, *kept, *split), Pace.of(step, self.interval))

    def for_entities(self, entities: frozenset[str]) -> "Asked | None":
        """The same about some entities only; None when it is about none of them."""
        values = tuple(value for value in self.values if entity_of(self.label, value) in entities)
        if not values:
            return None
        whole = self.whole and len(values) == len(self.values)
        return self._about(values, whole)

    def pieces(self) -> Iterator["Asked"]:
        """The same in queries that are short enough for an address line."""
        if self.whole:
            yield self
            return
        piece: list[str] = []
        size = 0
        for value in self.values:
            if piece and size + len(value.encode()) > _FILTER_CHARACTERS:
                yield self._piece(piece)
                piece, size = [], 0
            piece.append(value)
            size += 3 * len(value.encode()) // 2 + 3
        yield self._piece(piece)

    def _piece(self, values: Sequence[str]) -> "Asked":
        part = self._about(tuple(values), whole=False)
        return replace(part, reads=-(-self.reads * len(values) // len(self.values)))

    def _about(self, values: tuple[str, ...], whole: bool) -> "Asked":
        kept = frozenset(values)
        return replace(
            self, values=values, whole=whole, parts={pair: name for pair, name in self.parts.items() if pair[0] in kept}
        )


def plan(discovery: Discovery, policy: MetricPolicy) -> tuple[Asked, ...]:
    """All that could be asked, what matters most first."""
    counters = frozenset(
        beginning(family.name)
        for family in discovery.families
        if family.kind is Kind.COUNTER and family.measure is Measure.TRAFFIC and discovery.labels.get(family.name)
    )
    usual = median(discovery.intervals.values()) if discovery.intervals else _UNKNOWN_INTERVAL_SECONDS
    found = [one for family in discovery.families for one in _of_family(family, discovery, policy, counters, usual)]
    owners: dict[tuple[str, str], tuple[str, ...]] = {}
    for one in found:  # two families may come out under one name; the first has it
        owners.setdefault((one.wanted.metric, one.label), one.wanted.reads)
    kept = [one for one in found if owners[one.wanted.metric, one.label] == one.wanted.reads]
    return tuple(sorted(kept, key=lambda one: (one.optional, one.rank, one.wanted.metric, one.label)))


def _of_family(
    family: Family, discovery: Discovery, policy: MetricPolicy, counters: frozenset[str], usual: float
) -> Iterator[Asked]:
    sets = [labels for labels in discovery.labels.get(family.described_by, ()) if _kept(labels, family)]
    if family.kind is Kind.RATIO and not discovery.labels.get(family.over):
        return
    own = family.row.entity_labels if family.row else ()
    order = (*own, *(label for label in policy.entity_labels if label not in own))
    groups: dict[str, list[Labels]] = {}
    for labels in sets:
        groups.setdefault(entity_label(labels, order), []).append(labels)
    groups.pop("", None)
    earlier: list[str] = []
    interval = discovery.intervals.get(family.described_by, usual)
    for label in [label for label in order if label in groups]:
        members, parts = _parts(groups[label], family)
        values = {name: frozenset(one[name] for one in members if name in one) for name in set(_names(members))}
        apart = tuple(_nameless(other, members) for other in earlier)
        asked_values = tuple(sorted(values[label]))
        for wanted in wanted_of(family, values, counters):
            reads = sum(discovery.series_of(name) or len(members) for name in wanted.reads)
            matches = (*policy.matches, *wanted.matches, *apart, *parts)
            one = Asked(wanted, family.rank, label, asked_values, True, matches, interval, reads)
            yield one
            if not wanted.optional:
                yield from _split(one, family, members, policy)
        earlier.append(label)


def _parts(members: Sequence[Labels], family: Family) -> tuple[Sequence[Labels], tuple[Match, ...]]:
    """The series without those that are the total of others, and what matches them."""
    label = family.row.total if family.row else ""
    parts = [labels for labels in members if labels.get(label)]
    return (parts, (Match(label, Op.NOT_EQUAL, ""),)) if parts else (members, ())


def _nameless(label: str, members: Sequence[Labels]) -> Match:
    """What matches series whose entity this label does not name."""
    return one_of(label, {"", *(labels.get(label, "") for labels in members)} & NAMELESS)


def _split(one: Asked, family: Family, members: Sequence[Labels], policy: MetricPolicy) -> Iterator[Asked]:
    """The same by the first label that tells where in an entity it is, for entities that have a few values of it."""
    for label in policy.dimension_labels:
        if label == one.label or (family.row and label in family.row.keep):
            continue
        found: dict[str, set[str]] = {}
        for labels in members:
            if labels.get(label):
                found.setdefault(labels[one.label], set()).add(labels[label])
        few = {value: parts for value, parts in found.items() if 2 <= len(parts) <= policy.most_dimension_values}
        parts = {
            (value, part): name
            for value in sorted(few)
            for part in sorted(few[value])
            if (name := located(one.wanted.metric, label, part))
        }
        for piece in _few_names(parts):
            whole = len({value for value, _ in piece}) == len(one.values)
            values = tuple(dict.fromkeys(value for value, _ in piece))
            yield replace(one, part=label, parts=piece, values=values, whole=whole)
        if found:
            return


def _few_names(parts: Mapping[tuple[str, str], str]) -> Iterator[dict[tuple[str, str], str]]:
    """The pairs in portions whose values fit into the address line, all pairs of one value of the part together."""
    portion: dict[tuple[str, str], str] = {}
    size = 0
    for pair in sorted(parts, key=lambda pair: (pair[1], pair[0])):
        new = not portion or pair[1] != next(reversed(portion))[1]
        if portion and new and size + len(pair[1]) > _FILTER_CHARACTERS:
            yield portion
            portion, size = {}, 0
        portion[pair] = parts[pair]
        size += len(pair[1]) + 1 if new else 0
    if portion:
        yield portion


def _kept(labels: Labels, family: Family) -> bool:
    if family.row is None:
        return True
    return all(re.fullmatch(pattern, labels.get(label, "")) for label, pattern in family.row.keep.items())


def _names(members: Iterable[Labels]) -> Iterator[str]:
    for one in members:
        yield from one

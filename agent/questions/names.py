"""Which services a text names: the telemetry's own names only. What it does not know gets the nearest ones shown."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from agent.report.text import inert
from diagnosis.delivery import entity_stem
from diagnosis.words import split_identifier

SERVICE = "§"  # stands for a service in a text that was read
_SHOWN = 12
_TOKEN = re.compile(r"[\w][\w./-]*[\w]|\w")
_SLOTS = (
    r"\b(?:of|for|at|on|in|from|by|to|about|inside|service)\s+(?:the\s+|our\s+|service\s+)*([\w][\w./-]*)",
    r"\bwho\s+(?:all\s+)?(?:calls|uses|depends\s+on|talks\s+to)\s+(?:the\s+)?([\w][\w./-]*)",
    r"\bwhat\s+(?:does|do)\s+(?:the\s+)?([\w][\w./-]*)\s+(?:call|use|depend|talk)",
    r"\b(?:why\s+)?(?:is|are|was|does|did)\s+(?:the\s+)?([\w][\w./-]*)\s+(?:so\s+|still\s+|really\s+)?(?:up|down|ok|okay|alive|healthy|running|slow|broken|failing|fine|fail|crash\w*|time)",
    r"\binvestigate\s+(?:the\s+)?([\w][\w./-]*)",
    r"^(?:the\s+)?([\w][\w./-]*)\s+is\s+(?:slow|down|broken|failing|degraded|unavailable)",
)  # fmt: skip


@dataclass(frozen=True)
class Names:
    """Services with the metrics that each has, as the telemetry calls them."""

    metrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def services(self) -> tuple[str, ...]:
        return tuple(sorted(self.metrics))

    @cached_property
    def _lower(self) -> Mapping[str, str]:
        return {name.lower(): name for name in self.services}

    @cached_property
    def all_metrics(self) -> frozenset[str]:
        return frozenset(metric for metrics in self.metrics.values() for metric in metrics)

    @cached_property
    def _of_stem(self) -> Mapping[frozenset[str], list[str]]:
        found: dict[frozenset[str], list[str]] = {}
        for name in self.services:
            found.setdefault(entity_stem(name), []).append(name)
        return found

    @cached_property
    def _of_part(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.services:
            for part in split_identifier(name.replace(".", "_")):
                found.setdefault(part, []).append(name)
        return found

    @cached_property
    def words(self) -> frozenset[str]:
        """The words that all names are made of, in lower case."""
        return frozenset(
            word for name in (*self.services, *self.all_metrics) for word in re.findall(r"\w+", name.lower())
        )

    def like(self, word: str) -> tuple[str, ...]:
        """The services that a word may mean: those of the same stem, and those whose name has it as a part."""
        found = {*self._of_stem.get(entity_stem(word), ()), *self._of_part.get(word.lower(), ())}
        return tuple(sorted(found))

    def nearest(self, word: str) -> str:
        """The names that look like a word; where none does, what there is."""
        found = difflib.get_close_matches(word.lower(), list(self._lower), n=3, cutoff=0.5)
        if found:
            return f"The nearest: {', '.join(inert(self._lower[name], 80) for name in found)}."
        return f"There {'is' if len(self.services) == 1 else 'are'} {self.some()}."

    def some(self) -> str:
        """The services for people, a dozen of many."""
        more = len(self.services) - _SHOWN
        told = ", ".join(inert(name, 80) for name in self.services[:_SHOWN])
        return f"{told} and {more:,} more" if more > 0 else told


@dataclass(frozen=True, slots=True)
class Named:
    """``text`` with ``§`` for each service; ``unknown`` are words that stand where a service should."""

    text: str
    services: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def named_services(text: str, names: Names, ordinary: frozenset[str]) -> Named:
    """Find services in a text in lower case. ``ordinary`` words are no names of services unless one is called so."""
    found: list[str] = []
    places: dict[str, int] = {}
    for lower, name in sorted(((name.lower(), name) for name in names.services), key=lambda pair: -len(pair[0])):
        if lower not in text:  # of ten thousand names, few have to be looked for
            continue
        pattern = rf"(?<![\w./-]){re.escape(lower)}(?:'s|s')?(?![\w/-])"
        if match := re.search(pattern, text):
            # As long as the name, so that the places of the others stay what they are.
            places[name] = match.start()
            text = re.sub(pattern, lambda hit: SERVICE.ljust(len(hit[0]), "\0"), text)
    text, found = text.replace("\0", ""), sorted(places, key=lambda name: places[name])
    if not found:
        for token in _tokens(text):
            if token in ordinary or len(token) < 3 or token in names.all_metrics:
                continue
            like = names.like(token)
            if len(like) > 1:
                return Named(text, choices=like)
            if like:
                text = re.sub(rf"(?<![\w./-]){re.escape(token)}(?![\w/-])", SERVICE, text)
                found.append(like[0])
    slots = (match[1].rstrip(".") for slot in _SLOTS for match in re.finditer(slot, text))
    unknown = tuple(
        dict.fromkeys(w for w in slots if w not in ordinary and w not in names.all_metrics and not w.isdigit())
    )
    return Named(text, tuple(dict.fromkeys(found)), unknown=unknown)


def _tokens(text: str) -> Iterable[str]:
    return dict.fromkeys(match[0].removesuffix("'s") for match in _TOKEN.finditer(text))

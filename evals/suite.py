"""What a ranking suite is: cases of a published benchmark, translated file by file, with the truth kept apart.

A case gives an ``Incident`` (what a person on call could have seen by then) and, separately, what really happened.
The engine is given the incident only; the truth is read when the ranking is there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from diagnosis.findings import FaultKind
from diagnosis.incident import Incident


@dataclass(frozen=True)
class Truth:
    """``entities`` are the names that count as right; ``fault_kind`` is None where the benchmark labels none."""

    entities: frozenset[str]
    fault_kind: FaultKind | None = None


@dataclass(frozen=True)
class Case:
    """One fault. ``load`` translates its files when called; it reads no label.

    ``answers`` are the entities that the benchmark lets one name (empty: any); the ranking is cut to them.
    """

    id: str
    load: Callable[[], Incident]
    truth: Truth = field(repr=False)
    answers: frozenset[str] = frozenset()


class Suite(Protocol):
    """An adapter to one benchmark's own file layout."""

    name: str
    subsets: tuple[str, ...]
    protocols: tuple[str, ...]

    def cases(self, data: Path, subset: str, protocol: str) -> Iterator[Case]:
        """Cases below ``data`` in a fixed order; raises ``InputError`` where the layout is not the published one."""
        ...

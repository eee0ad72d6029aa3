"""Changes of all feeds as two tools: what was changed in a window, and one change with its diff.

A feed that fails is named and the others still answer. Silence of the rest does not hide it: where nothing was found
and some feed failed, the answer is ``Failed``, since "nobody changed anything" is not known then.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from diagnosis.telemetry import Change, ChangeKind, Window
from tools.spec import (
    Absent,
    Answer,
    ChangeList,
    Empty,
    Failed,
    ListChanges,
    ReadChange,
    Risk,
    Rows,
    Tool,
    ToolError,
    ToolName,
)

MOST_CHANGES = 2_000  # of a window are listed, the newest
_NO_FEED = (
    "no change feed is configured: name one under `changes:` in pcause.yaml (git, github, argocd, mlflow), "
    "or post deploys and flags to POST /changes"
)

T = TypeVar("T")


class ChangeFeed(Protocol):
    """One place that knows of changes. Both methods may raise ``ToolError``, ``OSError`` or ``ValueError``."""

    @property
    def name(self) -> str:
        """How a report names this feed."""

    def changes(self, window: Window) -> Sequence[Change]:
        """Changes that took effect in the window, in any order, with or without diffs."""

    def read(self, id: str) -> Change | None:
        """One change with its diff where there is one; None for an id that is not of this feed."""


def change_tools(feeds: Sequence[ChangeFeed]) -> Mapping[str, Tool[Any]]:
    """``list_changes`` and ``read_change`` over all feeds."""
    merged = _Merged(tuple(feeds))
    listing = Tool(
        ToolName.LIST_CHANGES.value,
        "deploys, commits, flags, settings of all feeds, without diffs",
        ListChanges,
        Risk.READ,
        lambda _: MOST_CHANGES,
        merged.list_changes,
    )
    reading = Tool(
        ToolName.READ_CHANGE.value, "one change with its diff", ReadChange, Risk.READ, lambda _: 1, merged.read_change
    )
    return {listing.name: listing, reading.name: reading}


@dataclass(frozen=True)
class _Asked(Generic[T]):
    """What the feeds answered, and one sentence for each that failed."""

    answers: tuple[T, ...]
    failures: tuple[str, ...]

    @property
    def note(self) -> str:
        return "; ".join(self.failures)


@dataclass(frozen=True)
class _Merged:
    feeds: tuple[ChangeFeed, ...]

    def list_changes(self, arguments: ListChanges) -> Answer:
        if not self.feeds:
            return Absent(_NO_FEED)
        window = Window(arguments.start, arguments.end)
        asked = self._ask(lambda feed: feed.changes(window))
        found = fold(change for changes in asked.answers for change in changes if change.time in window)
        if not found:
            return _nothing(asked)
        kept = tuple(replace(change, diff=None) for change in found[-MOST_CHANGES:])
        left_out = len(found) - len(kept)
        cut = f"the {left_out:,} oldest changes of the window are left out" if left_out else ""
        return Rows(ChangeList(kept), len(kept), "; ".join(part for part in (asked.note, cut) if part))

    def read_change(self, arguments: ReadChange) -> Answer:
        if not self.feeds:
            return Absent(_NO_FEED)
        asked = self._ask(lambda feed: feed.read(arguments.id))
        found = [change for change in asked.answers if change is not None]
        return Rows(max(found, key=_richness), 1, asked.note) if found else _nothing(asked)

    def _ask(self, question: Callable[[ChangeFeed], T]) -> _Asked[T]:
        """All feeds at once, so that an investigation waits for the slowest of them and not for their sum."""
        with ThreadPoolExecutor(len(self.feeds), thread_name_prefix="changes") as pool:
            outcomes = tuple(pool.map(lambda feed: _attempt(feed, question), self.feeds))
        answers = tuple(outcome[0] for outcome in outcomes if isinstance(outcome, tuple))
        return _Asked(answers, tuple(outcome for outcome in outcomes if isinstance(outcome, str)))


def _attempt(feed: ChangeFeed, question: Callable[[ChangeFeed], T]) -> tuple[T] | str:
    try:
        return (question(feed),)
    except (ToolError, OSError, ValueError) as error:
        return f"{feed.name} could not be read: {str(error)[:300] or type(error).__name__}"


def _nothing(asked: _Asked[Any]) -> Answer:
    if not asked.failures:
        return Empty()
    return Failed(asked.note if not asked.answers else f"{asked.note}; the other feeds have nothing")


def fold(changes: Iterable[Change]) -> list[Change]:
    """Each change once, by time, kind and id; of several tellings of one change the richest stays.

    A flag's id is its key, so its flips are told apart by their time (whole seconds).
    """
    richest: dict[tuple[ChangeKind, str, int], Change] = {}
    for change in changes:
        key = (change.kind, change.id, int(change.time) if change.kind is ChangeKind.FLAG else 0)
        if key not in richest or _richness(change) > _richness(richest[key]):
            richest[key] = change
    return sorted(richest.values(), key=lambda change: (change.time, change.kind, change.id))


def _richness(change: Change) -> tuple[bool, int, int]:
    """A diff counts most, then how many fields are known, then how much they say (so that a tie has one winner)."""
    filled = [value for value in astuple(change) if value not in ("", (), None)]
    return change.diff is not None, len(filled), sum(len(str(value)) for value in filled)

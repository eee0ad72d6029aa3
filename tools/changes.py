"""Changes of all feeds as two tools: what was changed in a window, and one change with its diff.

A feed that fails is named and the others still answer. Silence of the rest does not hide it: where nothing was found
and some feed failed, the answer is ``Failed``, since "nobody changed anything" is not known then.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import astuple, dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from diagnosis.telemetry import Change, ChangeKind, Window
from tools.change_feeds.lateness import ANSWER_SECONDS
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

_log = logging.getLogger(__name__)

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
        """All feeds at once, and no longer than ``ANSWER_SECONDS``: one that is late is named like one that fails."""
        attempts = [_begun(feed, question) for feed in self.feeds]
        wait(attempts, ANSWER_SECONDS)
        late = f"could not be read: no answer within {ANSWER_SECONDS:g} s"
        outcomes = [
            attempt.result() if attempt.done() else f"{feed.name} {late}"
            for feed, attempt in zip(self.feeds, attempts, strict=True)
        ]
        answers = tuple(outcome[0] for outcome in outcomes if isinstance(outcome, tuple))
        return _Asked(answers, tuple(outcome for outcome in outcomes if isinstance(outcome, str)))


def _begun(feed: ChangeFeed, question: Callable[[ChangeFeed], T]) -> Future[tuple[T] | str]:
    """The attempt in a thread of its own: a daemon, since a late feed must not keep the process from ending."""
    attempt: Future[tuple[T] | str] = Future()
    told = threading.Thread(target=lambda: attempt.set_result(_attempt(feed, question)), name="changes", daemon=True)
    told.start()
    return attempt


def _attempt(feed: ChangeFeed, question: Callable[[ChangeFeed], T]) -> tuple[T] | str:
    try:
        return (question(feed),)
    except (ToolError, OSError, ValueError) as error:
        return f"{feed.name} could not be read: {str(error)[:300] or type(error).__name__}"
    except Exception as error:  # a defect of one feed, which must not cost the answers of the others
        _log.exception("the feed %s broke", feed.name)
        return f"{feed.name} broke: {type(error).__name__}: {str(error)[:300]}"


def _nothing(asked: _Asked[Any]) -> Answer:
    if not asked.failures:
        return Empty()
    return Failed(asked.note if not asked.answers else f"{asked.note}; the other feeds have nothing")


def fold(changes: Iterable[Change]) -> list[Change]:
    """Each change once, by time, kind and id; of several tellings of one change the richest stays."""
    richest: dict[tuple[ChangeKind, str, str, int], Change] = {}
    for change in changes:
        key = identity(change)
        if key not in richest or _richness(change) > _richness(richest[key]):
            richest[key] = change
    return sorted(richest.values(), key=lambda change: (change.time, change.kind, change.id))


def identity(change: Change) -> tuple[ChangeKind, str, str, int]:
    """What two tellings of one change have in common: kind, id, entity, and the second of a flip.

    A flag's id is its key, so its flips are told apart by their time (0 for every other kind). Ids of deploys and
    settings may be counted by each sender for itself, so they are told apart by their entity; a commit is of none ("").
    """
    flip = int(change.time) if change.kind is ChangeKind.FLAG else 0
    entity = change.entity if change.kind in (ChangeKind.DEPLOY, ChangeKind.CONFIG) else ""
    return change.kind, change.id, entity, flip


def _richness(change: Change) -> tuple[bool, int, int]:
    """A diff counts most, then how many fields are known, then how much they say (so that a tie has one winner)."""
    filled = [value for value in astuple(change) if value not in ("", (), None)]
    return change.diff is not None, len(filled), sum(len(str(value)) for value in filled)

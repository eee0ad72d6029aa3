"""A tool is declared once: its name, its arguments, its risk and how much it reads. Sources only implement it.

An answer is one of four types: ``Rows`` (there is something), ``Empty`` (asked, and there is nothing), ``Absent``
(this source has no such telemetry at all) and ``Failed`` (it should have answered and did not).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from diagnosis.telemetry import Change, LogRecord, PatternTable, SeriesMatrix, Span, Topology


class Risk(StrEnum):
    """What a call can do to the world. Only READ runs without a person."""

    READ = "read"
    COSTLY_READ = "costly_read"
    REVERSIBLE = "reversible"
    DESTRUCTIVE = "destructive"


class Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Between(Arguments):
    """Start (included) and end (excluded) in epoch seconds."""

    start: float
    end: float


class QueryMetrics(Between):
    """``entities`` or ``metrics`` left empty means all of them."""

    entities: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


class ListMetrics(Arguments):
    """``around`` (epoch seconds) is when the series should exist; None means whenever."""

    entities: tuple[str, ...] = ()
    around: float | None = None


class SearchLogs(Between):
    entities: tuple[str, ...] = ()
    contains: str = ""
    limit: int = Field(default=200, ge=1, le=10_000)


class LogPatterns(Between):
    entities: tuple[str, ...] = ()


class GetTraces(Between):
    entities: tuple[str, ...] = ()
    limit: int = Field(default=20_000, ge=1, le=1_000_000)


class GetTopology(Arguments):
    """``around`` (epoch seconds) is when the calls should have been made; None means whenever."""

    around: float | None = None


class QueryPromql(Between):
    """A query in PromQL as somebody wrote it; ``step_seconds`` 0 lets the source choose."""

    query: str = Field(max_length=4000)
    step_seconds: float = Field(default=0.0, ge=0)


class CompareLogs(Between):
    """Which field values are unusual from ``start`` to ``end``, against the time from ``baseline_start`` to ``start``."""

    baseline_start: float
    entities: tuple[str, ...] = ()


class LookAt(Arguments):
    """State as it is around a moment (epoch seconds)."""

    around: float
    entities: tuple[str, ...] = ()


class ListChanges(Between):
    """Changes without their diffs."""


class ReadChange(Arguments):
    """One change with its diff."""

    id: str


class SearchRunbooks(Arguments):
    """Runbooks for what was found; ``fault_kinds`` or ``services`` left empty means for any."""

    question: str = Field(max_length=4000)
    fault_kinds: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    limit: int = Field(default=3, ge=1, le=20)


@dataclass(frozen=True, slots=True)
class MetricCatalogue:
    """Which entity has which metrics, and when the samples begin and end (epoch seconds)."""

    metrics: tuple[tuple[str, tuple[str, ...]], ...]
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Log lines in order of time; ``matched`` counts all that matched, also those beyond the limit."""

    records: tuple[LogRecord, ...]
    matched: int


@dataclass(frozen=True, slots=True)
class SpanBatch:
    spans: tuple[Span, ...]
    matched: int


@dataclass(frozen=True, slots=True)
class ChangeList:
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows for people and models: firing rules, targets, exemplars, unusual terms. Every row has all columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]


@dataclass(frozen=True, slots=True)
class FoundRunbook:
    """A runbook, the passage of it that answers best (lines from 1, both included), and its steps: text, heading, line.

    It is quoted and cited; nothing in it chooses a tool or an argument.
    """

    path: str
    title: str
    about: str
    fault_kinds: tuple[str, ...]
    heading: str
    first_line: int
    last_line: int
    passage: str
    steps: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class FoundRunbooks:
    """The best first."""

    runbooks: tuple[FoundRunbook, ...]


Body = (
    Table | SeriesMatrix | MetricCatalogue | LogBatch | PatternTable | SpanBatch | Topology | ChangeList | Change
    | FoundRunbooks
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer has content. ``points`` is what was read: samples, lines, spans or changes."""

    body: Body
    points: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """The source was asked and has nothing for these arguments."""

    points: int = 0


@dataclass(frozen=True, slots=True)
class Absent:
    """The source holds no telemetry of this kind."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The source should have answered and did not."""

    reason: str


Answer = Rows | Empty | Absent | Failed


class ToolError(Exception):
    """A failure that the reasoner can use; the toolbelt turns it into ``Failed``."""


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """A tool of one source. ``weigh`` gives an upper bound of the points that a call reads, before it is made."""

    name: str
    summary: str
    arguments: type[A]
    risk: Risk
    weigh: Callable[[A], int]
    run: Callable[[A], Answer]


class ToolName(StrEnum):
    """The tools that the machine itself asks for."""

    QUERY_METRICS = "query_metrics"
    LIST_METRICS = "list_metrics"
    SEARCH_LOGS = "search_logs"
    LOG_PATTERNS = "log_patterns"
    GET_TRACES = "get_traces"
    GET_TOPOLOGY = "get_topology"
    LIST_CHANGES = "list_changes"
    READ_CHANGE = "read_change"
    SEARCH_RUNBOOKS = "search_runbooks"
    SEARCH_INCIDENTS = "search_incidents"


class ExtraTool(StrEnum):
    """Tools of live systems, for whoever asks further: a person, or a model under the same ceilings."""

    QUERY_PROMQL = "query_promql"
    LIST_TARGETS = "list_targets"
    LIST_FIRING = "list_firing"
    LIST_EXEMPLARS = "list_exemplars"
    COMPARE_LOGS = "compare_logs"

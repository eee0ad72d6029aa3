"""What can be asked: a closed set of things to read. Nothing here runs, approves or changes anything."""

from dataclasses import dataclass
from enum import StrEnum


class Intent(StrEnum):
    """One kind of question; its value is what a model may pick."""

    # answered by tools
    METRIC = "metric"
    LOGS = "logs"
    CHANGES = "changes"
    CALLERS = "callers"
    CALLEES = "callees"
    CALL_GRAPH = "call_graph"
    UP = "up"
    FIRING = "firing"
    SERVICES = "services"
    METRIC_NAMES = "metric_names"
    RUNBOOK = "runbook"
    PAST = "past"
    # answered from the open investigation
    WHY = "why"
    SURE = "sure"
    DISPROOF = "disproof"
    HYPOTHESES = "hypotheses"
    RULED_OUT = "ruled_out"
    CHANGE = "change"
    IMPACT = "impact"
    PATH = "path"
    ONSET = "onset"
    TIMELINE = "timeline"
    NEXT = "next"
    BLIND = "blind"
    EVIDENCE = "evidence"
    STATUS = "status"
    COST = "cost"
    PENDING = "pending"
    # answered by words alone, or by beginning something
    HELP = "help"
    ACT = "act"
    INVESTIGATE = "investigate"


ABOUT_A_SERVICE = frozenset((Intent.METRIC, Intent.CALLERS, Intent.CALLEES, Intent.METRIC_NAMES))


@dataclass(frozen=True, slots=True)
class Query:
    """A question as understood. ``services`` are names of the telemetry, ``measures`` words or names of metrics.

    ``start`` and ``end`` (epoch seconds) are as far as they were said; ``note`` is what was made of the time.
    ``contains`` is a text that log lines must hold; ``reference`` the id of evidence or of a claim.
    """

    intent: Intent
    services: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    start: float | None = None
    end: float | None = None
    note: str = ""
    contains: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """What has to be asked back, in a sentence or two. ``open`` where a model may try to understand the words."""

    ask: str
    open: bool = False

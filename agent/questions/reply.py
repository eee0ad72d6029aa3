"""What is asked, what is answered, and of which the answer is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.approvals import Request
from agent.ledger import InvestigationRow
from agent.questions.desk import Desk
from agent.questions.names import Names
from agent.questions.spoken_times import Clock
from agent.report.model import Report, SeriesView
from agent.sources import Source
from agent.state import Alert, Evidence
from tools.spec import Table


@dataclass(frozen=True, slots=True)
class Asked:
    """``investigation_id`` is the one that is open, "" for none; ``by`` is ``door:identity``."""

    text: str
    investigation_id: str = ""
    by: str = ""

    @property
    def door(self) -> str:
        """Where it was asked."""
        return self.by.partition(":")[0] or "terminal"


@dataclass(frozen=True, slots=True)
class Reply:
    """Paragraphs, tables and series for people, all inert. ``alert`` is set where an investigation of it is wanted."""

    paragraphs: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    series: tuple[SeriesView, ...] = ()
    alert: Alert | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What a question is asked about. ``row`` and ``alert`` are of the open investigation, None for none; ``report``
    is None until there is one. ``leading`` are its hypotheses as told last: id, sentence, probability and identity."""

    source: Source
    desk: Desk
    names: Names
    clock: Clock
    row: InvestigationRow | None = None
    alert: Alert | None = None
    report: Report | None = None
    leading: tuple[tuple[str, str, float, str], ...] = ()
    requests: tuple[Request, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    public_url: str = ""


def say(*paragraphs: str, tables: tuple[Table, ...] = (), series: tuple[SeriesView, ...] = ()) -> Reply:
    """A reply of what is not empty."""
    return Reply(tuple(text for text in paragraphs if text), tables, series)

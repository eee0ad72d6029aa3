"""Answer a question in words: understood by code (or, where there is one, by a model's pick), answered from tools and state.

Nothing that a question says can do more than read; whatever should happen to a system waits for ``/approve``.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import tzinfo

from agent.alerts import AlertError
from agent.backends import Backends
from agent.ledger import Ledger
from agent.models.policy import ReasonerChoice
from agent.questions.beginning import alert_of, pasted_alert
from agent.questions.cases import Cases
from agent.questions.from_evidence import show_evidence
from agent.questions.from_report import answer_from_report, cost_reply, evidence_reply
from agent.questions.from_telemetry import NO_NAMES, answer_from_telemetry
from agent.questions.intents import Intent, Query, Unclear
from agent.questions.names import Names
from agent.questions.reply import Asked, Case, Reply, say
from agent.questions.understanding import understand
from agent.report.model import Report
from agent.report.times import count, money
from agent.settings import Settings
from agent.sources import Source
from agent.state import Evidence, Spend

EXAMPLES = (
    "why is checkout slow since 14:00?", "what changed before it?", "show me the p99 of payments", "errors of cart in the last hour",
    "who calls payments?", "is cart up?", "which runbook?", "what else could it be?", "what would prove you wrong?",
    "what is it costing?",
)  # fmt: skip
_ACT = (
    "Asking runs nothing, and words approve nothing. What could be done is proposed with its dry run, and a person decides: "
    "by its buttons, or by /approve and /reject in the terminal."
)
_TELEMETRY = frozenset((
    Intent.METRIC, Intent.LOGS, Intent.CHANGES, Intent.CALLERS, Intent.CALLEES, Intent.CALL_GRAPH, Intent.UP, Intent.FIRING,
    Intent.SERVICES, Intent.METRIC_NAMES, Intent.RUNBOOK, Intent.PAST,
))  # fmt: skip


class Answerer:
    """``source`` is where telemetry is when no investigation is open; None is the live systems of the settings.

    Times in words are those of ``zone``, None being this machine's.
    """

    def __init__(
        self, settings: Settings, backends: Backends, source: Source | None = None, *, zone: tzinfo | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._cases = Cases(settings, backends, source or Source(kind="live"), zone, now)

    async def answer(self, asked: Asked) -> Reply:
        """Raises ``UnknownInvestigation``, ``LedgerError``, ``EvidenceError``, ``RecordingError``."""
        alert = pasted_alert(asked.text, asked.door)
        if alert is not None:
            return Reply((), alert=alert)
        case = await self._cases.of(asked)
        query = await self._understood(asked, case)
        return say(query.ask) if isinstance(query, Unclear) else await self._answered(query, asked, case)

    async def read(self, query: Query, asked: Asked) -> Reply:
        """Answer what a door understood itself, as a command."""
        return await self._answered(query, asked, await self._cases.of(asked))

    async def case(self, asked: Asked) -> Case:
        """What a question would be asked about."""
        return await self._cases.of(asked)

    def known(self) -> Names:
        """The names that were looked up so far."""
        return self._cases.known()

    async def _understood(self, asked: Asked, case: Case) -> Query | Unclear:
        talked_about = (case.alert.entity if case.alert else "") or (case.report.first_failing if case.report else "")
        query = understand(asked.text, case.names, case.clock, talked_about)
        models = self._settings.models
        if isinstance(query, Query) or not query.open or not models.any or self._settings.reasoner is ReasonerChoice.STATISTICAL:  # fmt: skip
            return query
        from agent.models.calling import Models
        from agent.questions.by_model import understand_by_model

        budget = await asyncio.to_thread(case.desk.budget)
        return await understand_by_model(asked.text, case.names, case.clock, Models(models, budget), query)

    async def _answered(self, query: Query, asked: Asked, case: Case) -> Reply:
        if query.intent in _TELEMETRY:
            return await answer_from_telemetry(query, case)
        match query.intent:
            case Intent.HELP:
                return say("Ask in words, such as:", *(f"• {example}" for example in EXAMPLES))
            case Intent.ACT:
                return say(_ACT)
            case Intent.COST:
                return await asyncio.to_thread(self._cost, case)
            case Intent.EVIDENCE:
                return await self._evidence(query, case)
            case Intent.INVESTIGATE:
                return self._begin(query, asked, case)
            case Intent.WHY if _is_elsewhere(query, case):
                return self._begin(query, asked, case)
            case _:
                return answer_from_report(query, case)

    def _begin(self, query: Query, asked: Asked, case: Case) -> Reply:
        try:
            alert = alert_of(query, asked, case)
        except AlertError as error:
            return say(str(error))
        if alert is None:
            known = f" There is {case.names.some()}." if case.names.metrics else f" {NO_NAMES}"
            return say(f"What is wrong, and where? Name a service, such as: why is checkout slow since 14:00?{known}")
        return Reply((), alert=alert)

    def _cost(self, case: Case) -> Reply:
        ledger = Ledger(self._settings.home)
        investigated = ledger.spent(case.row.id) if case.row else Spend()
        return cost_reply(case.report, case.row.id if case.row else "", _told(investigated), _told(ledger.spent(case.desk.calls_id)))  # fmt: skip

    async def _evidence(self, query: Query, case: Case) -> Reply:
        found = evidence_reply(query.reference, case)
        if not isinstance(found, Evidence):
            return found
        body = await asyncio.to_thread(case.desk.store.get, found.digest) if found.digest else None
        return show_evidence(found, body)


def _is_elsewhere(query: Query, case: Case) -> bool:
    """Whether a "why" is about something that the open investigation did not look into."""
    if case.row is None:
        return True
    if case.report is None:
        return False
    outside = query.start is not None and query.start >= case.report.window_end
    return outside or bool(set(query.services) - _looked_into(case.report))


def _looked_into(report: Report) -> set[str]:
    hops = {name for hop in report.path for name in (hop.cause, hop.effect)}
    return {
        report.alert.entity,
        report.first_failing,
        *report.blast_radius,
        *hops,
        *(node.name for node in report.nodes),
    }


def _told(spent: Spend) -> str:
    models = f", {count(spent.model_calls, 'model call')}" if spent.model_calls else ""
    return f"{money(spent.usd)}, {count(spent.tool_calls, 'tool call')}, {count(spent.points, 'point')} read{models}"


__all__ = ["EXAMPLES", "Answerer", "Asked", "Reply"]

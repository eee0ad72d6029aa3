"""Which reasoner an investigation gets: what was asked for, as far as there is a model."""

from collections.abc import Iterable, Mapping

from agent.budget import Budget
from agent.ledger import CallRow
from agent.ledger_schema import CallKind
from agent.models.policy import ReasonerChoice
from agent.reasoners import Reasoner
from agent.reasoners.statistical import StatisticalReasoner
from agent.settings import Settings


def choose(
    settings: Settings, budget: Budget, tools: Iterable[str], recorded: Mapping[str, CallRow] | None
) -> Reasoner:
    """The statistics, or a model over them. ``recorded`` are the calls that a replay answers from.

    A replay asks a model where the recorded investigation did, whatever the settings say now.
    """
    asked = any(row.kind == CallKind.MODEL for row in (recorded or {}).values())
    choice = settings.reasoner
    if recorded is not None and not asked:
        choice = ReasonerChoice.STATISTICAL
    if choice is ReasonerChoice.STATISTICAL or not (settings.models.any or asked):
        return StatisticalReasoner()
    from agent.models.calling import Models
    from agent.reasoners.llm import LlmReasoner

    return LlmReasoner(Models(settings.models, budget, recorded), choice, frozenset(tools))

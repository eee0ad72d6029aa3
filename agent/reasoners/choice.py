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

    A replay weighs a model's answers where the recorded investigation had any, whatever the settings say now.
    """
    choice, there = settings.reasoner, settings.models.any
    if recorded is not None:
        there = any(row.kind == CallKind.MODEL for row in recorded.values())
        if there and choice is ReasonerChoice.STATISTICAL:  # of a row that does not tell what was chosen
            choice = ReasonerChoice.LLM
    if choice is ReasonerChoice.STATISTICAL or not there:
        return StatisticalReasoner()
    from agent.models.calling import Models
    from agent.reasoners.llm import LlmReasoner

    return LlmReasoner(Models(settings.models, budget, recorded), choice, frozenset(tools))

"""Where the words are not understood: a model may pick one of the questions that there are. It answers nothing itself.

Its pick is checked like the person's own words: services and measures must be those of the telemetry, times were read
by code, and every question only reads.
"""

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agent.models.calling import Models, Said
from agent.models.policy import Part
from agent.prompts import render
from agent.questions.intents import ABOUT_A_SERVICE, Intent, Query, Unclear
from agent.questions.metric_words import measures_in
from agent.questions.names import Names
from agent.questions.spoken_times import Clock, spoken_times
from agent.report.text import inert

_SHOWN_SERVICES = 60
_NEVER = frozenset((Intent.ACT, Intent.INVESTIGATE, Intent.EVIDENCE))

Short = Annotated[str, Field(max_length=80)]


class Pick(BaseModel):
    """The answer of ``ask``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intent: Intent
    services: list[Short] = Field(max_length=5)
    measure: Short = ""


async def understand_by_model(
    text: str, names: Names, clock: Clock, models: Models, unclear: Unclear
) -> Query | Unclear:
    """What a model makes of it; ``unclear`` where no model answers, or where what it says is not of this telemetry."""
    intents = ", ".join(intent.value for intent in Intent if intent not in _NEVER)
    listed = "\n".join(names.services[:_SHOWN_SERVICES]) or "none"
    prompt = render("ask", intents=intents, services=listed, question=inert(text, 1_000))
    digest = hashlib.sha256(prompt.user.encode()).hexdigest()[:10]
    said = await models.ask(Part.ASK, f"ask_{digest}", prompt, Pick)
    if not isinstance(said, Said):
        return unclear
    pick = said.value
    known = {name.lower(): name for name in names.services}
    strangers = [name for name in pick.services if name.lower() not in known]
    if pick.intent in _NEVER or strangers:
        return unclear
    services = tuple(dict.fromkeys(known[name.lower()] for name in pick.services))
    if pick.intent in ABOUT_A_SERVICE and not services:
        return unclear
    spoken = spoken_times(inert(text, 1_000).lower(), clock)
    if spoken.problem:
        return Unclear(spoken.problem)
    measures = measures_in(pick.measure.lower(), names.all_metrics) if pick.intent is Intent.METRIC else ()
    note = f"{spoken.note} Understood by {inert(said.model, 60)} as: {pick.intent.value}.".strip()
    return Query(pick.intent, services, measures, spoken.start, spoken.end, note)

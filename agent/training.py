"""Confirmed investigations as examples to fine-tune a model on: what it would be asked today, and what was right.

The prompts are heard from the reasoner itself, so that they are word for word what the product sends; the answers are
what a person confirmed (``agent/training_answers.py``), not what a model once said.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from agent.backends import Backends
from agent.budget import Budget
from agent.claims import draft_claims
from agent.evidence import EvidenceError, EvidenceStore
from agent.ledger import Ledger, UnknownInvestigation
from agent.models.calling import Models, Said, T, Unsaid
from agent.models.policy import ModelPolicy, Part, ReasonerChoice
from agent.prompts import Prompt
from agent.reasoners import Case
from agent.reasoners.answers import AskedTool, Narrative, Readings, Weighing
from agent.reasoners.llm import LlmReasoner
from agent.reasoners.statistical import assemble
from agent.settings import Settings
from agent.sources import Source, tools_of
from agent.state import Claim, Investigation, ModelUse, Outcome
from agent.training_answers import narrative, readings, shown_changes, weighing
from diagnosis.findings import Diagnosis, FaultKind
from diagnosis.incident import Incident
from tools.recording import RecordingError
from tools.spec import ToolName

_UNASKED = {
    Part.DIAGNOSE: "nothing deviates, or diffs are still unread",
    Part.READ_CHANGE: "no accused change has a diff",
    Part.CONCLUDE: "it has no claims",
}


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An investigation that a person found right ``on`` a day (ISO date): its finished state, and the tools of its
    source that a model may ask, name to summary."""

    id: str
    on: str
    state: Investigation
    tools: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Example:
    """One question and its right answer. ``tools`` may be asked there, name to summary; ``evidence`` are the ids of what
    the answer rests on; ``confirmed_on`` and ``fired_on`` (the alert) are ISO dates."""

    investigation: str
    part: Part
    prompt: Prompt
    answer: BaseModel
    tools: Mapping[str, str]
    evidence: tuple[str, ...]
    confirmed_on: str
    fired_on: str
    fault_kind: FaultKind


@dataclass(frozen=True, slots=True)
class Skipped:
    """What could not be made an example of, and why; ``part`` None is the whole investigation."""

    investigation: str
    part: Part | None
    reason: str


async def training_examples(
    settings: Settings, state_of: Callable[[str], Investigation | None]
) -> list[Example | Skipped]:
    """Of every confirmed investigation, by id. ``state_of`` gives its last checkpoint, None where it is unreadable."""
    store, made = EvidenceStore(settings.home / "evidence"), list[Example | Skipped]()
    for path in sorted((settings.home / "incidents" / "confirmed").glob("*.md")):
        try:
            found = _confirmed(path, settings, store, state_of)
            made += await examples_of(found, store) if isinstance(found, Confirmed) else [found]
        except EvidenceError:
            made.append(Skipped(path.stem, None, "its evidence is missing or damaged"))
        except UnknownInvestigation:
            made.append(Skipped(path.stem, None, "it is not in the ledger any more"))
    return made


async def examples_of(confirmed: Confirmed, store: EvidenceStore) -> list[Example | Skipped]:
    """One for each part that a model would be asked for and whose answer is known. Raises ``EvidenceError``."""
    state, verdict = confirmed.state, confirmed.state["verdict"]
    cause, alert = verdict.hypothesis, state["alert"]
    if cause is None:
        return [Skipped(confirmed.id, None, "it named no cause")]
    incident, _ = assemble(alert, state["scope"], state["evidence"], store)

    def read(prompt: Prompt) -> Readings | str:
        return readings(prompt, incident.changes, cause, state["diagnosis"].hypotheses)

    listener = _Listener(read)
    reasoner = LlmReasoner(listener, ReasonerChoice.LLM, frozenset(confirmed.tools))
    case = Case(alert, state["scope"], state["evidence"], store, ModelUse())
    shown = (await reasoner.diagnose(case)).diagnosis
    drafted = draft_claims(state, verdict, store)
    await reasoner.narrate(alert, verdict, drafted, ModelUse())
    kept = [claim for claim in drafted if (claim.id, claim.sentence) in {(c.id, c.sentence) for c in state["claims"]}]
    answers: Mapping[Part, Callable[[Prompt], BaseModel | str]] = {
        Part.DIAGNOSE: lambda _: weighing(shown, cause, verdict.first_failing),
        Part.READ_CHANGE: read,
        Part.CONCLUDE: lambda prompt: narrative(prompt, kept),
    }
    made: list[Example | Skipped] = []
    for part, answer_to in answers.items():
        prompt = listener.heard.get(part)
        answer = answer_to(prompt) if prompt is not None else _UNASKED[part]
        if prompt is None or isinstance(answer, str):
            made.append(Skipped(confirmed.id, part, str(answer)))
            continue
        tools = confirmed.tools if part is Part.DIAGNOSE else {}
        evidence = _rests_on(answer, prompt, shown, incident, state, kept)
        fired_on = datetime.fromtimestamp(alert.fired_at, UTC).date().isoformat()
        made.append(
            Example(confirmed.id, part, prompt, answer, tools, evidence, confirmed.on, fired_on, verdict.fault_kind)
        )
    return made


class _Unspent(Budget):
    """Nobody is asked, so that nothing is spent and nothing need end."""

    def __init__(self) -> None:
        pass

    @property
    def should_conclude(self) -> bool:
        return False


class _Listener(Models):
    """Keeps what would be asked. A change is read as it was confirmed, since what is asked next depends on it."""

    def __init__(self, read: Callable[[Prompt], Readings | str]) -> None:
        super().__init__(ModelPolicy(), _Unspent())
        self.heard: dict[Part, Prompt] = {}
        self._read = read

    async def ask(self, part: Part, name: str, prompt: Prompt, shape: type[T]) -> Said[T] | Unsaid:
        self.heard[part] = prompt
        value = self._read(prompt) if part is Part.READ_CHANGE else ""
        return Said(value, part, name, prompt.digest) if isinstance(value, shape) else Unsaid("nobody is asked")


def _confirmed(
    path: Path, settings: Settings, store: EvidenceStore, state_of: Callable[[str], Investigation | None]
) -> Confirmed | Skipped:
    ledger = Ledger(settings.home)
    row = ledger.investigation(path.stem)
    state = state_of(row.id)
    if state is None or "verdict" not in state or "claims" not in state:
        return Skipped(row.id, None, "its state cannot be read back (pcause explain ID says why)")
    try:
        found = tools_of(Source.model_validate_json(row.source), ledger, store, Backends(settings))
    except RecordingError:
        found = {}  # the folder is gone: nothing could be asked there any more
    tools = {tool.value: found[tool].summary for tool in AskedTool if tool in found}
    day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    return Confirmed(row.id, day, state, tools)


def _rests_on(
    answer: BaseModel, prompt: Prompt, shown: Diagnosis, incident: Incident, state: Investigation, kept: Sequence[Claim]
) -> tuple[str, ...]:
    """The ids of the evidence that an answer rests on."""
    rows = [item for item in state["evidence"] if item.outcome is Outcome.ROWS]
    ids: set[str] = set()
    match answer:
        case Weighing():
            cited = [shown.finding(id) for weight in answer.weights for id in weight.findings]
            ids = {finding.evidence_id for finding in cited if finding is not None}
        case Readings():
            read = {change.id for change in shown_changes(prompt, incident.changes).values()}
            diffs = [i for i in rows if i.tool == ToolName.READ_CHANGE and json.loads(i.arguments)["id"] in read]
            ids = {i.id for i in diffs or [i for i in rows if i.tool == ToolName.LIST_CHANGES]}
        case Narrative():
            told = {statement.claim for statement in answer.statements}
            ids = {id for claim in kept if claim.id in told for id in claim.evidence_ids}
        case _:
            pass  # nothing else cites
    return tuple(sorted(ids - {""}))

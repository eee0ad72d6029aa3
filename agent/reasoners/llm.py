"""A language model over the statistics: it weighs, reads diffs, asks and tells; it never holds the controls.

Whatever it says passes through code (``weighing``, ``narrative``), and where it says nothing usable the statistics stand.
"""

import json
from dataclasses import dataclass
from html import unescape

from agent.models.calling import Models, Said, Unsaid
from agent.models.policy import Part, ReasonerChoice
from agent.prompts import render
from agent.reasoners import Case, Opinion, Wish
from agent.reasoners.answers import AskedTool, Narrative, Readings, Weighing
from agent.reasoners.briefing import (
    alert_text,
    answers_table,
    call_graph,
    changes_table,
    diff_text,
    entities_of,
    findings_table,
    hypotheses_table,
)
from agent.reasoners.statistical import assemble, diagnosed, unread_diffs
from agent.reasoners.weighing import Weighed, with_readings, with_weights
from agent.state import Alert, Claim, Evidence, ModelUse, Statement, Verdict
from diagnosis.findings import Attribution, Diagnosis
from diagnosis.incident import Incident

_SURE, _MARGIN = 0.75, 0.30  # a leading cause this probable, or this far ahead, needs no model
_MOST_WEIGHINGS = 2  # the second one sees what the first one asked for
_MOST_ASKED, _MOST_DIFFS = 3, 2
_LOG_LINES = 40
_TOLD_CLAIMS = 14


@dataclass(frozen=True, slots=True)
class LlmReasoner:
    """``choice`` llm asks always, auto where the leading causes are close. ``tools`` are those that the source has."""

    models: Models
    choice: ReasonerChoice
    tools: frozenset[str]
    name: str = "llm"

    async def diagnose(self, case: Case) -> Opinion:
        incident, origin = assemble(case.alert, case.scope, case.evidence, case.store)
        diagnosis = diagnosed(incident, origin)
        unread = unread_diffs(incident, diagnosis, case.evidence)
        if unread:  # what the statistics can still find out costs nothing
            return Opinion(diagnosis, unread, case.use)
        reason = self._no_need(diagnosis)
        if reason:
            return Opinion(diagnosis, [], _noted(case.use, reason))
        diagnosis, use = await self._read_changes(diagnosis, incident, case.use)
        return await self._weigh(case, diagnosis, incident, use)

    async def narrate(
        self, alert: Alert, verdict: Verdict, claims: list[Claim], use: ModelUse
    ) -> tuple[list[Statement], ModelUse]:
        """Asked always with llm; with auto only where a model had its say before: a sure verdict costs nothing."""
        silent = self.choice is ReasonerChoice.AUTO and not use.asked
        if silent or not claims or self.models.budget.should_conclude:
            return [], use
        told = claims[:_TOLD_CLAIMS]
        hypothesis = verdict.hypothesis.sentence if verdict.hypothesis else "no cause was found"
        listed = "\n".join(f"{claim.id} {claim.sentence[:240]}" for claim in told)
        prompt = render("conclude", verdict=f"{alert_text(alert)}\n{hypothesis}", claims=listed)
        said = await self.models.ask(Part.CONCLUDE, "conclude", prompt, Narrative)
        if isinstance(said, Unsaid):
            return [], _failed(use, said)
        # The data block shows angle brackets in HTML's way, and so does who repeats them.
        statements = [
            Statement(claim_id=s.claim, sentence=unescape(s.sentence[:400])) for s in said.value.statements[:8]
        ]
        return statements, _used(use, said)

    def _no_need(self, diagnosis: Diagnosis) -> str:
        """Why no model is asked; "" where one should be."""
        first, *others = diagnosis.hypotheses
        if first.attribution is Attribution.NOTHING_WRONG or not diagnosis.findings:
            return "no language model was asked: nothing that it could weigh deviates"
        if self.choice is ReasonerChoice.LLM:
            return ""
        second = others[0].probability if others else 0.0
        if first.attribution is not Attribution.UNSEEN and first.probability >= max(_SURE, second + _MARGIN):
            return f"no language model was asked: the statistics are sure enough ({first.probability:.0%})"
        return ""

    async def _read_changes(
        self, diagnosis: Diagnosis, incident: Incident, use: ModelUse
    ) -> tuple[Diagnosis, ModelUse]:
        """Let it read the diffs of the accused changes, once."""
        changes = {change.id: change for change in incident.changes if change.diff}
        accused = [h.change_id for h in diagnosis.hypotheses[:6] if h.change_id in changes]
        labels = {f"K{n}": changes[id] for n, id in enumerate(dict.fromkeys(accused[:_MOST_DIFFS]), 1)}
        if not labels or use.times(Part.READ_CHANGE) or self.models.budget.should_conclude:
            return diagnosis, use
        shown = [(label, diff_text(change)) for label, change in labels.items()]
        prompt = render("read_change", symptoms=findings_table(diagnosis, most=8), diffs=shown)
        said = await self.models.ask(Part.READ_CHANGE, "read_change", prompt, Readings)
        if isinstance(said, Unsaid):
            return diagnosis, _failed(use, said)
        diffs = {label: (change.id, change.diff or "") for label, change in labels.items()}
        return _taken(with_readings(diagnosis, diffs, said.value), _used(use, said))

    async def _weigh(self, case: Case, diagnosis: Diagnosis, incident: Incident, use: ModelUse) -> Opinion:
        times, budget = use.times(Part.DIAGNOSE), self.models.budget
        if times >= _MOST_WEIGHINGS or budget.should_conclude:
            note = "" if times else "no language model was asked: four fifths of a ceiling are used"
            return Opinion(diagnosis, [], _noted(use, note) if note else use)
        tools = [tool for tool in AskedTool if tool.value in self.tools] if times == 0 else []
        prompt = render(
            "diagnose",
            alert=alert_text(case.alert),
            call_graph=call_graph(incident, diagnosis),
            findings=findings_table(diagnosis),
            hypotheses=hypotheses_table(diagnosis),
            changes=changes_table(incident, diagnosis),
            answers=answers_table(asked_by_model(case.evidence), case.store) if times else "",
            tools=", ".join(tools) or "none",
        )
        said = await self.models.ask(Part.DIAGNOSE, f"diagnose-{times + 1}", prompt, Weighing)
        if isinstance(said, Unsaid):
            return Opinion(diagnosis, [], _failed(use, said))
        wishes, dropped = self._wishes(said.value, case, incident, tools)
        diagnosis, use = _taken(with_weights(diagnosis, incident, said.value), _used(use, said))
        return Opinion(diagnosis, wishes, use.model_copy(update={"dropped": use.dropped + dropped}))

    def _wishes(self, said: Weighing, case: Case, incident: Incident, tools: list[AskedTool]) -> tuple[list[Wish], int]:
        """Its questions, with arguments made by code: names of the call graph, the window of the incident."""
        known, wishes, dropped = entities_of(incident), list[Wish](), 0
        for asked in said.ask[:_MOST_ASKED]:
            entities = sorted(set(asked.entities) & known)[:5]
            if asked.tool not in tools or not entities or set(asked.entities) - known:
                dropped += 1
                continue
            arguments = _arguments(asked.tool, entities, case)
            wishes.append(
                Wish(asked.tool.value, json.dumps(arguments, sort_keys=True), "a language model asked for it")
            )
        return wishes, dropped


def asked_by_model(evidence: list[Evidence]) -> list[Evidence]:
    """Answers to the questions of a model: nobody else asks these tools."""
    return [item for item in evidence if item.tool in {tool.value for tool in AskedTool}]


def _arguments(tool: AskedTool, entities: list[str], case: Case) -> dict[str, object]:
    fired_at, end = case.alert.fired_at, case.scope.end
    since = max(case.scope.start, fired_at - 900.0)
    match tool:
        case AskedTool.SEARCH_LOGS:
            return {"start": since, "end": end, "entities": entities, "limit": _LOG_LINES}
        case AskedTool.COMPARE_LOGS:
            return {"baseline_start": case.scope.start, "start": since, "end": end, "entities": entities}
        case AskedTool.LIST_TARGETS | AskedTool.LIST_FIRING:
            return {"around": fired_at, "entities": entities}


def _used(use: ModelUse, said: Said[Weighing] | Said[Readings] | Said[Narrative]) -> ModelUse:
    answered = (*use.asked, (said.part.value, said.model, said.prompt))
    return use.model_copy(update={"asked": answered})


def _taken(weighed: Weighed, use: ModelUse) -> tuple[Diagnosis, ModelUse]:
    return weighed.diagnosis, use.model_copy(update={"dropped": use.dropped + weighed.dropped})


def _noted(use: ModelUse, note: str) -> ModelUse:
    return use.model_copy(update={"note": note})


def _failed(use: ModelUse, said: Unsaid) -> ModelUse:
    told = "not every part was answered by a language model" if use.asked else (
        "the statistics alone decided, for no language model answered"
    )  # fmt: skip
    return _noted(use, f"{told} ({said.reason})"[:400])

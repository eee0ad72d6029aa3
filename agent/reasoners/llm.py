"""A language model over the statistics: it weighs, reads diffs, asks and tells; it never holds the controls.

Whatever it says passes through code (``weighing``, ``narrative``), and where it says nothing usable the statistics stand.
"""

import json
from collections.abc import Sequence
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
    diff_lines,
    diff_text,
    entities_of,
    findings_table,
    hypotheses_table,
)
from agent.reasoners.statistical import assemble, diagnosed, unread_diffs
from agent.reasoners.weighing import with_opinion, with_readings, with_weights
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

    async def diagnose(self, case: Case) -> Opinion:
        incident, origin = assemble(case.alert, case.scope, case.evidence, case.store)
        statistics = diagnosed(incident, origin)
        unread = unread_diffs(incident, statistics, case.evidence)
        if unread:  # what the statistics can still find out costs nothing
            return _opinion(statistics, case.use, unread)
        reason = self._no_need(statistics)
        if reason:  # nobody was asked only where nobody was asked in an earlier round either
            return _opinion(statistics, case.use if case.use.asked else _noted(case.use, reason))
        use = await self._read_changes(statistics, incident, case.use)
        return await self._weigh(case, statistics, incident, use)

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

    async def _read_changes(self, statistics: Diagnosis, incident: Incident, use: ModelUse) -> ModelUse:
        """Let it read the diffs of the accused changes, each change once."""
        changes = {change.id: change for change in incident.changes if change.diff}
        accused = [h.change_id for h in statistics.hypotheses[:6] if h.change_id in changes]
        known = {reading.change_id for reading in use.readings}
        unread = [id for id in list(dict.fromkeys(accused))[:_MOST_DIFFS] if id not in known]
        if not unread or self.models.budget.should_conclude:
            return use
        labels = {f"K{n}": changes[id] for n, id in enumerate(unread, 1)}
        shown = [(label, diff_text(change)) for label, change in labels.items()]
        prompt = render("read_change", symptoms=findings_table(statistics, most=8), diffs=shown)
        name = f"read_change-after-{len(known)}" if known else "read_change"
        said = await self.models.ask(Part.READ_CHANGE, name, prompt, Readings)
        diffs = {label: (change.id, "\n".join(diff_lines(change))) for label, change in labels.items()}
        if isinstance(said, Unsaid):
            read = with_readings(statistics, diffs, Readings(readings=[]))
            return _failed(use, said).model_copy(update={"readings": (*use.readings, *read.kept)})
        read = with_readings(statistics, diffs, said.value)
        return _taken(_used(use, said), read.dropped, readings=(*use.readings, *read.kept))

    async def _weigh(self, case: Case, statistics: Diagnosis, incident: Incident, use: ModelUse) -> Opinion:
        times, budget = use.times(Part.DIAGNOSE), self.models.budget
        if times >= _MOST_WEIGHINGS or budget.should_conclude:
            silent = not use.asked and not use.note
            note = "no language model was asked: four fifths of a ceiling are used" if silent else use.note
            return _opinion(statistics, _noted(use, note))
        # Without its earlier weights: what it says now replaces them.
        shown = with_opinion(statistics, use.readings)
        tools = [tool for tool in AskedTool if tool.value in self.tools] if times == 0 else []
        prompt = render(
            "diagnose",
            alert=alert_text(case.alert),
            call_graph=call_graph(incident, shown),
            findings=findings_table(shown),
            hypotheses=hypotheses_table(shown),
            changes=changes_table(incident, shown),
            answers=answers_table(asked_by_model(case.evidence), case.store) if times else "",
            tools=", ".join(tools) or "none",
        )
        said = await self.models.ask(Part.DIAGNOSE, f"diagnose-{times + 1}", prompt, Weighing)
        if isinstance(said, Unsaid):
            return _opinion(statistics, _failed(use, said))
        wishes, dropped = self._wishes(said.value, case, incident, tools)
        weighed = with_weights(statistics, incident, said.value, use.readings)
        use = _taken(_used(use, said), weighed.dropped + dropped, weights=weighed.kept)
        return _opinion(statistics, use, wishes)

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


def _opinion(statistics: Diagnosis, use: ModelUse, wishes: Sequence[Wish] = ()) -> Opinion:
    """The statistics of this round with all that models said so far."""
    return Opinion(with_opinion(statistics, use.readings, use.weights), list(wishes), use)


def _used(use: ModelUse, said: Said[Weighing] | Said[Readings] | Said[Narrative]) -> ModelUse:
    answered = (*use.asked, (said.part.value, said.model, said.prompt))
    return use.model_copy(update={"asked": answered})


def _taken(use: ModelUse, dropped: int, **kept: object) -> ModelUse:
    return use.model_copy(update={"dropped": use.dropped + dropped, **kept})


def _noted(use: ModelUse, note: str) -> ModelUse:
    return use.model_copy(update={"note": note})


def _failed(use: ModelUse, said: Unsaid) -> ModelUse:
    told = "not every part was answered by a language model" if use.asked else (
        "the statistics alone decided, for no language model answered"
    )  # fmt: skip
    return _noted(use, f"{told} ({said.reason})"[:400])

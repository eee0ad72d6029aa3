"""The steps of the runbook for what was found: asked of the index where there is one, else the bundled one of the kind.

The question is made of the findings, not of the alert. What a runbook says is quoted with its place, as a step for a
person; it never chooses a tool or an argument.
"""

import json

from agent.bench import Bench
from agent.state import Action, Evidence, Investigation, Outcome, Question, Verdict
from diagnosis.findings import FaultKind, Finding
from retrieval.runbooks import find_runbook, load_runbooks
from tools.spec import FoundRunbook, FoundRunbooks, ToolName

_MOST_STEPS, _MOST_FINDINGS = 4, 6
_MOST_CHARACTERS = 2_000


async def runbook_steps(state: Investigation, verdict: Verdict, bench: Bench) -> tuple[list[Action], list[Evidence]]:
    """What helped the last time, up to four steps, and what was asked for them."""
    seen, asked = await _seen_before(state, verdict, bench)
    steps, more = await _written_down(state, verdict, bench)
    return [*seen, *steps], [*asked, *more]


async def _seen_before(
    state: Investigation, verdict: Verdict, bench: Bench
) -> tuple[list[Action], list[Evidence]]:  # fmt: skip
    """A confirmed incident is believed where today's evidence says the same: the same kind at the same place."""
    if verdict.hypothesis is None or not bench.toolbelt.has(ToolName.SEARCH_INCIDENTS):
        return [], []
    same = {
        "question": question_of(verdict, state["diagnosis"].findings), "limit": 1,
        "fault_kinds": [verdict.fault_kind.value], "services": [verdict.first_failing],
    }  # fmt: skip
    question = Question(
        id="I1", tool=ToolName.SEARCH_INCIDENTS.value, arguments=json.dumps(same, sort_keys=True),
        reason="what helped when this was seen before",
    )  # fmt: skip
    evidence = await bench.toolbelt.ask(question)
    body = bench.store.get(evidence.digest) if evidence.outcome is Outcome.ROWS else None
    if not isinstance(body, FoundRunbooks) or not body.runbooks or not body.runbooks[0].steps:
        return [], [evidence]
    last = body.runbooks[0]
    text, heading, line = last.steps[0]
    said = f"Seen and confirmed on {last.about} What helped: {text}"
    return [_step(f"incidents/{last.path}", said, heading, line)], [evidence]


async def _written_down(
    state: Investigation, verdict: Verdict, bench: Bench
) -> tuple[list[Action], list[Evidence]]:  # fmt: skip
    if not bench.toolbelt.has(ToolName.SEARCH_RUNBOOKS):
        return _bundled(verdict.fault_kind), []
    question = question_of(verdict, state["diagnosis"].findings)
    kinds = [] if verdict.fault_kind is FaultKind.UNKNOWN else [verdict.fault_kind.value]
    asked: list[Evidence] = []
    for place, wanted in enumerate(([kinds] if kinds else []) + [[]], 1):
        evidence = await bench.toolbelt.ask(_question(question, wanted, place))
        asked.append(evidence)
        if evidence.outcome is Outcome.ROWS:
            body = bench.store.get(evidence.digest)
            if isinstance(body, FoundRunbooks) and (steps := _steps(body.runbooks, verdict.fault_kind)):
                return steps, asked
        if evidence.outcome in (Outcome.FAILED, Outcome.REFUSED):
            break
    return _bundled(verdict.fault_kind), asked


def question_of(verdict: Verdict, findings: tuple[Finding, ...]) -> str:
    """What was found, in words: the kind, where, and what the strongest findings there say."""
    kind = "" if verdict.fault_kind is FaultKind.UNKNOWN else verdict.fault_kind.value.replace("_", " ")
    near = [f for f in findings if f.entity == verdict.first_failing] or list(findings)
    said = dict.fromkeys(f"{f.subject.replace('_', ' ')}" for f in near[:_MOST_FINDINGS])
    return ". ".join(part for part in (f"{kind} at {verdict.first_failing}".strip(), *said) if part)[:_MOST_CHARACTERS]


def _question(question: str, kinds: list[str], place: int) -> Question:
    arguments = json.dumps({"fault_kinds": kinds, "limit": 3, "question": question}, sort_keys=True)
    reason = "steps for what was found" if kinds else "steps for anything like it"
    return Question(id=f"R{place}", tool=ToolName.SEARCH_RUNBOOKS.value, arguments=arguments, reason=reason)


def _steps(found: tuple[FoundRunbook, ...], kind: FaultKind) -> list[Action]:
    """Those of the best runbook that has any. One that was written for another kind of fault says so."""
    best = next((runbook for runbook in found if runbook.steps), None)
    if best is None:
        return []
    other = bool(best.fault_kinds) and kind.value not in best.fault_kinds
    doubt = (
        f"; written for {', '.join(best.fault_kinds).replace('_', ' ')}, which is not what was found" if other else ""
    )
    return [_step(best.path, text, heading, line, doubt) for text, heading, line in best.steps[:_MOST_STEPS]]


def _bundled(kind: FaultKind) -> list[Action]:
    runbook = find_runbook(load_runbooks(), kind)
    steps = runbook.steps[:_MOST_STEPS] if runbook else ()
    return [_step(f"runbooks/{runbook.path}", step.text, step.heading, step.line) for step in steps] if runbook else []


def _step(path: str, text: str, heading: str, line: int, doubt: str = "") -> Action:
    return Action(
        key=f"runbook:{path}:{line}", name=f"runbook {path}", arguments="{}", risk="advice", sentence=text,
        citation=f"{path}#{heading} (line {line}{doubt})",
    )  # fmt: skip

"""How an investigation went, or goes, in steps for people: made of what it told, without reading its state."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.event_log import LoggedEvent
from agent.report.times import count
from agent.state import Outcome

_TITLES: Mapping[str, str] = {
    "triage": "Read the alert",
    "scope": "Chose what to look at",
    "gather": "Asked",
    "diagnose": "Weighed what was found",
    "conclude": "Drew the conclusion",
    "check_claims": "Checked each sentence against its evidence",
    "propose": "Looked for what can be done",
    "report": "Wrote the report",
    "ask_approval": "Asked for approval",
    "act": "Carried out what was decided",
    "verify": "Measured the symptom again",
}
_OUTCOMES = {Outcome.EMPTY: "empty", Outcome.ABSENT: "absent", Outcome.FAILED: "failed", Outcome.REFUSED: "refused"}
_MOST_STEPS = 200


@dataclass(slots=True)
class Step:
    """One step; ``at`` is epoch seconds, ``seconds`` None while it lasts, ``stage`` the graph's name for it ("" where a
    person did it)."""

    title: str
    at: float
    stage: str = ""
    seconds: float | None = None
    notes: list[str] = field(default_factory=list)
    branches: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Progress:
    """``hypotheses`` are those of the last ranking as (sentence, probability), ``answers`` the evidence so far as
    (id, tool, summary); ``last_seq`` is the number of the newest event."""

    steps: tuple[Step, ...]
    hypotheses: tuple[tuple[str, float], ...]
    answers: tuple[tuple[str, str, str], ...]
    last_seq: int


def progress(events: Sequence[LoggedEvent], stages: Sequence[tuple[str, str]], ended: bool) -> Progress:
    """Of what was told; ``stages`` is the ledger's list, for an investigation that told nothing else."""
    steps: list[Step] = []
    hypotheses: tuple[tuple[str, float], ...] = ()
    answers: list[tuple[str, str, str]] = []
    for event in events:
        body = event.body
        match event.kind:
            case "stage":
                _begin(steps, str(body["stage"]), str(body["branch"]), event.at)
            case "evidence":
                answers.append((str(body["id"]), str(body["tool"]), _answer(body)))
                if steps:
                    steps[-1].answers[str(body["outcome"])] += 1
            case "ranked":
                hypotheses = tuple((str(h["sentence"]), float(h["probability"])) for h in body["hypotheses"])
            case _:
                _note(steps, event)
    if not events:
        for stage, branch in stages:
            _begin(steps, stage, branch, 0.0)
    for step in steps:
        _describe(step)
    if not ended and steps:
        steps[-1].seconds = None
    return Progress(tuple(steps[-_MOST_STEPS:]), hypotheses, tuple(answers), events[-1].seq if events else 0)


def _begin(steps: list[Step], stage: str, branch: str, at: float) -> None:
    """A new step; the branches of one gathering are one."""
    if not (steps and steps[-1].stage == stage == "gather"):
        _end_last(steps, at)
        steps.append(Step(_TITLES.get(stage, stage), at, stage))
    if branch:
        steps[-1].branches.append(branch)


def _end_last(steps: list[Step], at: float) -> None:
    if steps and steps[-1].at and steps[-1].seconds is None:
        steps[-1].seconds = max(at - steps[-1].at, 0.0)


def _note(steps: list[Step], event: LoggedEvent) -> None:
    """What happened in a step, and what a person did, which is a step of its own."""
    body = event.body
    match event.kind:
        case "approval_needed":
            note = f"{count(len(body['requests']), 'action')} waiting for a decision"
        case "decided":
            by, door = str(body["by"]), str(body["door"])
            note = f"{str(body['state']).capitalize()} by {by}" + (f" ({door})" if door else "")
            note += f": {body['reason']}" if body["reason"] else ""
        case "acted":
            note = f"{body['action']}: {str(body['outcome']).replace('_', ' ')}" + (f", {body['detail']}" if body["detail"] else "")  # fmt: skip
        case "verified":
            note = f"{str(body['outcome']).replace('_', ' ')}: {body['sentence']}"
        case "steered":
            note = f"{body['by']} said: {body['text']}"
        case "finished":
            _end_last(steps, event.at)
            return
        case _:
            return
    if event.kind in ("decided", "steered"):
        _end_last(steps, event.at)
        steps.append(Step(note, event.at))
    elif steps:
        steps[-1].notes.append(note)


def _describe(step: Step) -> None:
    if step.stage == "gather":
        step.title = f"Asked {', '.join(dict.fromkeys(step.branches))}" if step.branches else "Asked for telemetry"
    if step.answers:
        odd = [f"{step.answers[outcome]} {word}" for outcome, word in _OUTCOMES.items() if step.answers[outcome]]
        told = count(sum(step.answers.values()), "answer")
        step.notes.insert(0, f"{told}, of them {', '.join(odd)}" if odd else told)


def _answer(body: Mapping[str, Any]) -> str:
    found = str(body["outcome"])
    return str(body["summary"]) if found == Outcome.ROWS else f"{found}: {body['summary']}"

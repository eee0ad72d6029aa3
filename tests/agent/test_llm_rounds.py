"""What a model says in the first round counts in the second, and never for more than a model's word."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from agent.budget import Budget
from agent.doors.explaining import stored_state
from agent.evidence import EvidenceStore
from agent.models.calling import Models, Said, Unsaid
from agent.models.policy import ModelPolicy, Part, ReasonerChoice
from agent.prompts import Prompt
from agent.reasoners import Case
from agent.reasoners.llm import LlmReasoner
from agent.report.model import Report
from agent.settings import Ceilings, Settings
from agent.state import ModelReading, ModelUse
from evals.doubles.model_scripts import broken_json, honest
from evals.doubles.schema_filling import wanted
from evals.doubles.scripted_model import Reply, Request, Script, ScriptedModel, prompt_text
from tests.agent.test_llm import modelled, report_of
from tests.conftest import ALERT, GUILTY, POOL_DIFF, bodies
from tools.recording_writer import write_recording
from tools.spec import ChangeList

T = TypeVar("T", bound=BaseModel)
FOR_SECOND = {"weights": [{"hypothesis": "H2", "support": 2, "findings": ["F3"]}]}
AGAINST_SECOND = {"weights": [{"hypothesis": "H2", "support": -2, "findings": ["F3"]}]}
ASK = [{"tool": "search_logs", "entities": ["store"]}]
QUOTE = "-STORE_POOL_SIZE = 24"


def cleared(request: Request) -> Mapping[str, Any]:
    return {"readings": [{"change": "K1", "produces": "no", "quote": QUOTE}]}


def rounds(*weighings: Mapping[str, Any] | Script) -> Script:
    """Clears the first change; each weighing is answered by the next of these."""
    left = list(weighings)

    def script(request: Request, turn: int) -> Reply:
        asked = wanted(request)
        if asked is None or asked.title != "Weighing":
            return honest({"Readings": cleared})(request, turn)
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer(request, turn) if callable(answer) else honest({"Weighing": answer})(request, turn)

    return script


async def told(script: Script, settings: Settings, case: Path, name: str, **more: Any) -> tuple[Report, ScriptedModel]:
    home = settings.model_copy(update={"home": settings.home / name, **more})
    with modelled(script, home) as (with_model, server):
        return await report_of(with_model, case, id="rounds"), server


def shares(report: Report) -> dict[str, float]:
    return {h.sentence: h.probability for h in report.hypotheses}


def shapes(server: ScriptedModel) -> list[str]:
    return [asked.title for request in server.requests if (asked := wanted(request))]


def odds(report: Report, alone: Report) -> float:
    """How often more the second cause is believed over the first than the statistics believe it."""
    first, second = (h.sentence for h in alone.hypotheses[:2])
    now, before = shares(report), shares(alone)
    return now[second] / now[first] * before[first] / before[second]


def second_fails() -> Script:
    return rounds({**FOR_SECOND, "ask": ASK}, broken_json())


def second_is_empty() -> Script:
    return rounds({**FOR_SECOND, "ask": ASK}, {})


def second_disagrees() -> Script:
    return rounds({**FOR_SECOND, "ask": ASK}, AGAINST_SECOND)


async def test_what_was_said_counts_on_where_the_second_weighing_fails(recording: Path, settings: Settings):
    alone = await report_of(settings, recording)
    once, _ = await told(rounds(FOR_SECOND), settings, recording, "once")
    twice, server = await told(second_fails(), settings, recording, "twice")
    assert shapes(server)[:3] == ["Readings", "Weighing", "Weighing"]
    assert "search_logs" in {item.tool for item in twice.evidence}
    assert odds(twice, alone) == pytest.approx(math.e, rel=0.02)
    assert shares(twice) == shares(once)
    assert "not every part" in twice.model_use.note


@pytest.mark.parametrize(
    ("second", "same_as"), [(second_is_empty, {}), (second_disagrees, AGAINST_SECOND)], ids=["empty", "other"]
)
async def test_a_newer_weighing_replaces_the_older_and_the_readings_stay(
    second: Callable[[], Script], same_as: Mapping[str, Any], recording: Path, settings: Settings
):
    alone = await report_of(settings, recording)
    once, _ = await told(rounds(same_as), settings, recording, "once")
    twice, server = await told(second(), settings, recording, "twice")
    assert shares(twice) == shares(once)
    assert shares(twice) != shares(alone)
    assert shapes(server).count("Readings") == 1
    first = twice.model_use.readings[0]
    assert (first.change_id, first.produces) == (GUILTY, "no")


async def test_a_ceiling_that_is_near_ends_the_asking_and_keeps_what_was_said(recording: Path, settings: Settings):
    def dear(request: Request, turn: int) -> Reply:
        said = honest({"Weighing": {**FOR_SECOND, "ask": ASK}})(request, turn)
        return replace(said, reasoning_tokens=9_000, over_limit=True)

    once, _ = await told(rounds(FOR_SECOND), settings, recording, "once")
    near, server = await told(rounds(dear), settings, recording, "near", ceilings=Ceilings(tokens_out=10_000))
    assert shapes(server) == ["Readings", "Weighing"]
    assert "search_logs" in {item.tool for item in near.evidence}
    assert shares(near) == shares(once)
    assert "no language model was asked" not in near.model_use.note


async def test_all_rounds_together_move_the_odds_of_two_causes_by_a_factor_of_e_at_most(
    recording: Path, settings: Settings
):
    def lied(request: Request, turn: int) -> Reply:
        lines = [line.split(" ") for line in prompt_text(request).splitlines()]
        ids = [line[0] for line in lines if line[0][:1] == "H" and line[0][1:].isdigit()]
        weights = [{"hypothesis": id, "support": -2 if id == "H1" else 2, "findings": ["F3"]} for id in ids]
        return honest({"Weighing": {"weights": weights, "ask": ASK}})(request, turn)

    alone = await report_of(settings, recording)
    report, _ = await told(rounds(lied), settings, recording, "lied")
    assert 2.0 < odds(report, alone) < 2.8
    assert report.cause_found
    assert report.headline == alone.headline


async def test_what_a_model_holds_is_stored_with_the_investigation(recording: Path, settings: Settings):
    report, _ = await told(second_fails(), settings, recording, "stored")
    state = stored_state("rounds", settings.model_copy(update={"home": settings.home / "stored"}))
    assert state["model_use"] == report.model_use
    assert report.model_use.readings[0] == ModelReading(change_id=GUILTY, produces="no", quote=QUOTE)
    assert [(weight.nats, weight.sentence) for weight in report.model_use.weights] == [(0.5, "")]


async def test_a_line_of_a_diff_that_was_not_shown_cannot_be_quoted(tmp_path: Path, settings: Settings):
    made: list[Any] = list(bodies())
    longer = POOL_DIFF + "".join(f"+N_{n} = 1\n" for n in range(100))
    changes = tuple(replace(change, diff=longer if change.id == GUILTY else change.diff) for change in made[3].changes)
    write_recording(tmp_path / "long", ALERT, *made[:3], ChangeList(changes), *made[4:])

    def read(line: str) -> Script:
        return honest({"Readings": {"readings": [{"change": "K1", "produces": "no", "quote": line}]}})

    shown, _ = await told(read("+N_50 = 1"), settings, tmp_path / "long", "shown")
    unseen, _ = await told(read("+N_99 = 1"), settings, tmp_path / "long", "unseen")
    found = [(r.model_use.readings[0].produces, r.model_use.dropped) for r in (shown, unseen)]
    assert found == [("no", 0), ("unclear", 1)]


@pytest.mark.parametrize("finding", [f"F{n}" for n in range(3, 10)])
async def test_a_finding_that_only_a_model_cites_proves_no_cause(finding: str, recording: Path, settings: Settings):
    alone = await report_of(settings, recording)
    said = {"weights": [{"hypothesis": "H1", "support": 2, "findings": [finding]}]}
    report, _ = await told(honest({"Weighing": said}), settings, recording, "cited")
    assert report.model_use.weights
    assert report.claims == alone.claims


class _Asked(Models):
    """Notes what it is asked and answers nothing."""

    def __init__(self) -> None:
        super().__init__(ModelPolicy(), _Unspent())
        self.names: list[str] = []

    async def ask(self, part: Part, name: str, prompt: Prompt, shape: type[T]) -> Said[T] | Unsaid:
        self.names.append(name)
        return Unsaid("nobody is here")


class _Unspent(Budget):
    def __init__(self) -> None:
        pass

    @property
    def should_conclude(self) -> bool:
        return False


async def case_with(use: ModelUse, recording: Path, settings: Settings) -> Case:
    await report_of(settings, recording, id="plain")
    state = stored_state("plain", settings)
    store = EvidenceStore(settings.home / "evidence")
    return Case(state["alert"], state["scope"], state["evidence"], store, use)


async def test_a_change_is_read_once_whoever_answered(recording: Path, settings: Settings):
    case = await case_with(ModelUse(), recording, settings)
    asked = _Asked()
    reasoner = LlmReasoner(asked, ReasonerChoice.LLM, frozenset())
    first = await reasoner.diagnose(case)
    assert asked.names == ["read_change", "diagnose-1"]
    assert {reading.produces for reading in first.use.readings} == {"unclear"}
    again = Case(case.alert, case.scope, case.evidence, case.store, first.use)
    await reasoner.diagnose(again)
    assert asked.names[2:] == ["diagnose-1"]
    one = first.use.model_copy(update={"readings": first.use.readings[:1]})
    await reasoner.diagnose(Case(case.alert, case.scope, case.evidence, case.store, one))
    assert asked.names[3:] == ["read_change-after-1", "diagnose-1"]


async def test_auto_that_becomes_sure_after_asking_does_not_say_that_nobody_was_asked(
    recording: Path, settings: Settings
):
    read = ModelReading(change_id=GUILTY, produces="no", quote=QUOTE)
    use = ModelUse(asked=((Part.DIAGNOSE.value, "openai:scripted", "0" * 12),), readings=(read,))
    case = await case_with(use, recording, settings)
    asked = _Asked()
    opinion = await LlmReasoner(asked, ReasonerChoice.AUTO, frozenset()).diagnose(case)
    assert (asked.names, opinion.use) == ([], use)
    reasons = [support.reason for h in opinion.diagnosis.hypotheses for support in h.supports]
    assert any(f"“{QUOTE}” cannot produce this" in reason for reason in reasons)

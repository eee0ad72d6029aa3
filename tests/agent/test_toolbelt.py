import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from agent.budget import Budget
from agent.evidence import EvidenceStore
from agent.ledger import Ledger
from agent.settings import Ceilings
from agent.state import Outcome, Question
from agent.toolbelt import Toolbelt
from diagnosis.telemetry import Topology
from tools.spec import Absent, Answer, Empty, Failed, GetTopology, ReadChange, Risk, Rows, Tool, ToolError

QUESTION = Question(id="Q1", tool="look", arguments="{}", reason="to see")


class Bench:
    """A toolbelt over one tool that counts its calls, on a real ledger and a real store."""

    def __init__(
        self, home: Path, answer: Callable[[], Answer], weight: int = 10, risk: Risk = Risk.READ, **limits: object
    ):
        self.calls = 0
        self.ledger = Ledger(home)
        if not self.ledger.investigations(1):
            self.ledger.create_investigation("one", "{}", "{}", "{}")

        def run(_: GetTopology) -> Answer:
            self.calls += 1
            return answer()

        tool = Tool("look", "looks", GetTopology, risk, lambda _: weight, run)
        self.store = EvidenceStore(home / "evidence")
        ceilings = Ceilings.model_validate(limits)
        self.belt = Toolbelt({"look": tool}, Budget(self.ledger, "one", ceilings), self.store)


def rows() -> Answer:
    return Rows(Topology(), 7)


async def test_an_answer_is_stored_and_charged_by_what_it_read(tmp_path: Path):
    bench = Bench(tmp_path, rows)
    evidence = await bench.belt.ask(QUESTION)
    assert (evidence.outcome, evidence.points) == (Outcome.ROWS, 7)
    assert bench.store.get(evidence.digest) == Topology()
    assert bench.ledger.spent("one").points == 7


async def test_absent_empty_and_failed_are_three_outcomes(tmp_path: Path):
    outcomes = []
    for name, answer in (("a", Absent("none here")), ("b", Empty()), ("c", Failed("503"))):
        bench = Bench(tmp_path / name, lambda answer=answer: answer)
        outcomes.append((await bench.belt.ask(QUESTION)).outcome)
    assert outcomes == [Outcome.ABSENT, Outcome.EMPTY, Outcome.FAILED]


@pytest.mark.parametrize("error", [ToolError("no"), OSError("disk"), ValueError("bad")])
async def test_a_tool_that_raises_is_a_failed_answer(tmp_path: Path, error: Exception):
    def broken() -> Answer:
        raise error

    evidence = await Bench(tmp_path, broken).belt.ask(QUESTION)
    assert (evidence.outcome, evidence.summary) == (Outcome.FAILED, str(error))


async def test_a_defect_of_a_tool_is_a_failed_answer_that_names_it(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    def broken() -> Answer:
        return float(None)  # type: ignore[arg-type]

    evidence = await Bench(tmp_path, broken).belt.ask(QUESTION)
    assert evidence.outcome is Outcome.FAILED
    assert evidence.summary.startswith("look broke: TypeError: ")
    assert "Traceback" in caplog.text


async def test_a_question_that_was_answered_is_not_asked_again_and_charged_once(tmp_path: Path):
    bench = Bench(tmp_path, rows)
    first = await bench.belt.ask(QUESTION)
    again = Bench(tmp_path, rows)
    assert await again.belt.ask(QUESTION) == first
    assert (again.calls, again.ledger.spent("one").tool_calls) == (0, 1)


async def test_an_open_reservation_of_a_dead_process_is_taken_over(tmp_path: Path):
    bench = Bench(tmp_path, rows, tool_calls=1)
    bench.ledger.reserve("one", "Q1", "look", "{}", 10, Decimal(0), Ceilings(tool_calls=1))
    assert (await bench.belt.ask(QUESTION)).outcome is Outcome.ROWS
    assert bench.ledger.spent("one").tool_calls == 1


@pytest.mark.parametrize("risk", [Risk.COSTLY_READ, Risk.REVERSIBLE, Risk.DESTRUCTIVE])
async def test_anything_but_reading_is_refused_and_not_called(tmp_path: Path, risk: Risk):
    bench = Bench(tmp_path, rows, risk=risk)
    assert (await bench.belt.ask(QUESTION)).outcome is Outcome.REFUSED
    assert bench.calls == 0


async def test_a_call_whose_worst_case_passes_the_ceiling_is_not_made(tmp_path: Path):
    bench = Bench(tmp_path, rows, weight=100, points=99)
    evidence = await bench.belt.ask(QUESTION)
    assert evidence.outcome is Outcome.REFUSED
    assert evidence.refusal is not None and evidence.refusal.resource == "points"
    assert bench.calls == 0


async def test_an_unknown_tool_and_unfit_arguments_are_failed_answers(tmp_path: Path):
    bench = Bench(tmp_path, rows)
    unknown = await bench.belt.ask(QUESTION.model_copy(update={"tool": "rm"}))
    unfit = await bench.belt.ask(QUESTION.model_copy(update={"arguments": json.dumps({"shell": "x"})}))
    assert (unknown.outcome, unfit.outcome, bench.calls) == (Outcome.FAILED, Outcome.FAILED, 0)


async def test_a_tool_that_hangs_ends_at_the_ceiling_on_seconds(tmp_path: Path):
    def slow() -> Answer:
        time.sleep(1.0)
        return rows()

    evidence = await Bench(tmp_path, slow, seconds=0.3).belt.ask(QUESTION)
    assert evidence.outcome is Outcome.FAILED
    assert "no answer within" in evidence.summary


def test_arguments_are_strict():
    with pytest.raises(ValueError, match="extra"):
        ReadChange.model_validate({"id": "x", "command": "y"})

"""What an investigation was begun with stays with it: a resume and a replay say the same whatever is set by then."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.alerts import parse_alert
from agent.begun import Begun
from agent.events import Compared, Finished, StageFinished, Started
from agent.intake import Intake
from agent.investigate import investigate, replay, resume
from agent.ledger import Ledger
from agent.models.policy import ModelPolicy, ReasonerChoice
from agent.prices import ModelPrices
from agent.report.model import Report
from agent.settings import Ceilings, DayCeilings, Periods, Settings
from agent.sources import Source
from evals.doubles.model_scripts import honest
from evals.doubles.scripted_model import Reply, Request, Script, prompt_text
from tests.agent.test_llm import MODEL, modelled, plain, report_of
from tests.conftest import ALERT, bodies
from tools.recording_writer import write_recording
from tools.spec import ChangeList

ROOT = Path(__file__).resolve().parents[2]
CHOICES = list(ReasonerChoice)
ASKING = [ReasonerChoice.AUTO, ReasonerChoice.LLM]


@pytest.fixture(scope="session")
def unsure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An incident whose diff fits less well, so that ``auto`` asks a model too."""
    folder = tmp_path_factory.mktemp("unsure") / "recording"
    neutral = "@@ shared/store/settings.py @@\n-RETRIES = 2\n+RETRIES = 3\n"
    made: list[Any] = list(bodies())
    changes = tuple(replace(change, diff=change.diff and neutral) for change in made[3].changes)
    write_recording(folder, ALERT, *made[:3], ChangeList(changes), *made[4:])
    return folder


def weighed(request: Request) -> Mapping[str, Any]:
    """It doubts the first hypothesis, citing all that its prompt shows, and asks for logs as long as it may."""
    lines = [line.split(" ", 1)[0] for line in prompt_text(request).splitlines()]
    findings = [word for word in lines if word[:1] == "F" and word[1:].isdigit()]
    weights = [{"hypothesis": "H1", "support": -2, "findings": findings[:6]}]
    return {"weights": weights, "added": [], "ask": [{"tool": "search_logs", "entities": ["store"]}]}


def told(request: Request) -> Mapping[str, Any]:
    lines = [line.partition(" ") for line in prompt_text(request).splitlines()]
    claims = [(id, sentence) for id, _, sentence in lines if id[:1] == "C" and id[1:].isdigit()]
    return {"statements": [{"claim": id, "sentence": sentence} for id, sentence in claims[:3]]}


SCRIPT = honest({"Weighing": weighed, "Narrative": told})


def others(settings: Settings) -> list[Settings]:
    """Settings of another day, in the same home."""
    tight = Settings(home=settings.home, ceilings=Ceilings(tool_calls=1), max_rounds=1)
    spent = Settings(home=settings.home, periods=Periods(day=DayCeilings(tool_calls=1, points=1, tokens_in=1)))
    chosen = [Settings(home=settings.home, reasoner=choice) for choice in ReasonerChoice]
    return [settings, *chosen, tight, spent]


async def replayed(id: str, settings: Settings) -> str:
    """The id of the replay, which has to be the same."""
    events = [event async for event in replay(id, settings)]
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Compared)
    assert events[-1].same, events[-1].differences
    return events[0].investigation_id


@pytest.mark.parametrize("choice", CHOICES)
async def test_a_replay_and_its_replay_are_the_same_under_other_settings(
    choice: ReasonerChoice, unsure: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    alone = await report_of(settings, unsure)
    with modelled(SCRIPT, settings) as (with_model, server):
        begun = with_model.model_copy(update={"reasoner": choice})
        report = await report_of(begun, unsure, id="first")
        asked = server.calls
        assert bool(asked) == bool(report.statements) == (choice in ASKING)
        assert (plain(report) == plain(alone)) == (choice not in ASKING)
        monkeypatch.setitem(sys.modules, "langchain_openai", None)  # as where no package for a model is installed
        for other in (begun, *others(settings)):
            again = await replayed("first", other)
        third = await replayed(again, Settings(home=settings.home, reasoner=ReasonerChoice.STATISTICAL))
        await replayed(third, begun)
        assert server.calls == asked
    kinds = {call.kind for call in Ledger(settings.home).calls(again)}
    assert kinds == {"tool"}, "a replay spends nothing on a model"


@pytest.mark.parametrize("choice", CHOICES)
async def test_a_run_that_stops_after_the_first_answer_goes_on_with_what_it_was_begun_with(
    choice: ReasonerChoice, unsure: Path, settings: Settings, tmp_path: Path
):
    with modelled(SCRIPT, settings) as (with_model, server):
        begun = with_model.model_copy(update={"reasoner": choice})
        calm = await report_of(begun.model_copy(update={"home": tmp_path / "calm"}), unsure)
        whole = list(server.requests)
        server.requests.clear()
        source = Source(kind="recording", place=str(unsure))
        stream = investigate(parse_alert(ALERT), source, begun, id="cut")
        async for event in stream:
            if isinstance(event, StageFinished) and event.stage == "diagnose" and (server.calls or not whole):
                break
        await stream.aclose()
        assert not whole or 0 < server.calls < len(whole)
        assert Ledger(settings.home).investigation("cut").status == "interrupted"
        report = await resumed("cut", Settings(home=settings.home))
        assert server.requests == whole
    assert plain(report) == plain(calm)
    await replayed("cut", Settings(home=settings.home))


async def resumed(id: str, settings: Settings) -> Report:
    events = [event async for event in resume(id, settings)]
    assert isinstance(events[-1], Finished)
    return events[-1].report


def begin(recording: Path, home: Path, config: Path, url: str) -> subprocess.Popen[bytes]:
    """``pcause investigate`` with a model, in a process of its own."""
    config.write_text(f"models: {{prices: {{free: ['{MODEL}']}}}}\n")
    env = {**os.environ, "PCAUSE_HOME": str(home), "PCAUSE_CONFIG": str(config), "OPENAI_BASE_URL": url}
    command = [sys.executable, "-m", "agent.doors.cli", "investigate", "--recording", str(recording)]
    asked = [*command, "--reasoner", "llm", "--model", MODEL]
    return subprocess.Popen(asked, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def test_a_killed_run_of_the_terminal_asks_for_no_answer_twice(unsure: Path, settings: Settings, tmp_path: Path):
    """SIGKILL comes with the second question, which nobody has answered then and which is asked again."""
    children: list[subprocess.Popen[bytes]] = []

    def script(request: Request, turn: int) -> Reply:
        if turn == 1:
            children[0].send_signal(signal.SIGKILL)
        return SCRIPT(request, turn)

    with modelled(script, settings) as (with_model, server):
        children.append(begin(unsure, settings.home, tmp_path / "pcause.yaml", server.url))
        assert children[0].wait(timeout=60) == -signal.SIGKILL
        (row,) = Ledger(settings.home).investigations()
        states = {call.call_id: call.state for call in Ledger(settings.home).calls(row.id) if call.model}
        assert states == {"M-read_change-1": "settled", "M-diagnose-1-1": "reserved"}
        report = await resumed(row.id, Settings(home=settings.home))
        first, killed, *rest = server.requests
        calm = await report_of(with_model.model_copy(update={"home": tmp_path / "calm"}), unsure)
        whole = server.requests[len(rest) + 2 :]
    assert rest[0] == killed
    assert [first, *rest] == whole
    assert plain(report) == plain(calm)
    assert report.model_use == calm.model_use


async def test_what_a_webhook_told_is_investigated_with_what_was_set_then(recording: Path, settings: Settings):
    asking: Script = honest({"Narrative": told})
    with modelled(asking, settings) as (with_model, server):
        intake = Intake(with_model, lambda _: Source(kind="recording", place=str(recording)), lambda: None)
        at = "2026-09-21T15:28:20Z"
        id = intake.accept({"alerts": [{"labels": {"alertname": "slow", "service": "front"}, "startsAt": at}]}).id
        begun = Begun.read(Ledger(settings.home).investigation(id).settings)
        assert begun == Begun.of(with_model)
        report = await resumed(id, Settings(home=settings.home, reasoner=ReasonerChoice.STATISTICAL))
        assert server.calls == len(report.model_use.asked) > 0
    await replayed(id, Settings(home=settings.home))


async def test_a_row_of_ceilings_alone_is_resumed_and_replayed(unsure: Path, settings: Settings):
    """As they were written before; a replay weighs the answers that were recorded."""
    with modelled(SCRIPT, settings) as (with_model, _):
        await report_of(with_model, unsure, id="old")
    ceilings = Ceilings(tool_calls=150)
    with closing(sqlite3.connect(settings.home / "ledger.db")) as db, db:
        db.execute("UPDATE investigations SET settings = ?", (ceilings.model_dump_json(),))
    begun = Begun.read(Ledger(settings.home).investigation("old").settings)
    assert begun == Begun(ceilings=ceilings)
    now = settings.model_copy(update={"max_rounds": 3, "reasoner": ReasonerChoice.LLM})
    assert begun.over(now) == now.model_copy(update={"ceilings": ceilings})
    await replayed("old", Settings(home=settings.home))
    await replayed("old", Settings(home=settings.home, reasoner=ReasonerChoice.STATISTICAL))


def test_every_setting_that_decides_comes_back(settings: Settings):
    policy = ModelPolicy(
        default=MODEL, fallbacks=("ollama:small",), base_url="http://10.0.0.7/v1", mask_names=("store",),
        prices=ModelPrices(free=frozenset({MODEL})),
    )  # fmt: skip
    told_then = {"ceilings": Ceilings(seconds=7), "max_rounds": 2, "reasoner": ReasonerChoice.LLM, "models": policy}
    then = settings.model_copy(update=told_then)
    assert Begun.read(Begun.of(then).model_dump_json()).over(settings) == then


def test_a_log_in_in_the_address_of_a_model_is_not_written(settings: Settings):
    policy = ModelPolicy(default=MODEL, base_url="https://me:hunter2hunter2@models.example.com/v1")
    then = settings.model_copy(update={"models": policy})
    row = Begun.of(then).model_dump_json()
    assert "hunter2" not in row
    assert Begun.read(row).over(then) == then
    assert "hunter2" not in Begun.read(row).over(settings).models.base_url
    assert json.loads(row)["models"]["base_url"].endswith("@models.example.com/v1")

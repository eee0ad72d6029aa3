"""Confirmed investigations as training examples: what the product would ask, what was confirmed, nothing secret."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

from agent.alerts import parse_alert
from agent.doors.explaining import stored_state
from agent.doors.training import export_training
from agent.events import Finished
from agent.evidence import EvidenceStore
from agent.investigate import investigate
from agent.ledger import Ledger
from agent.models.policy import ModelPolicy, ReasonerChoice
from agent.narrative import says_no_more
from agent.past_incidents import confirm
from agent.prices import ModelPrices
from agent.reasoners.answers import AskedTool, Narrative, Readings, Weighing
from agent.reasoners.statistical import assemble, diagnosed
from agent.reasoners.weighing import with_readings, with_weights
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from evals.doubles.model_scripts import honest
from evals.doubles.scripted_model import Reply, scripted_model
from tests.conftest import ALERT, GUILTY, INNOCENT, bodies
from tools.recording_writer import write_recording
from tools.spec import ChangeList, LogBatch

ROOT = Path(__file__).resolve().parents[2]
SHAPES: Mapping[str, type[BaseModel]] = {"diagnose": Weighing, "read_change": Readings, "conclude": Narrative}
SECRET, HOST = "ghp_" + "aZ3kP9qLx7VbN2mT8rYw5cD1eF4gH6jK0sUi", "db-3.prod.example.com"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PCAUSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Settings(home=tmp_path / "home")


def investigated(folder: Path, settings: Settings, id: str) -> Report:
    async def run() -> Report:
        alert = parse_alert(json.loads((folder / "alert.json").read_text()))
        source = Source(kind="recording", place=str(folder))
        events = [event async for event in investigate(alert, source, settings, id=id)]
        assert isinstance(events[-1], Finished)
        return events[-1].report

    return asyncio.run(run())


def confirmed(folder: Path, settings: Settings, id: str = "one") -> Report:
    report = investigated(folder, settings, id)
    confirm(id, settings)
    return report


def recorded(folder: Path, change: Callable[[list[Any]], list[Any]]) -> Path:
    """The recording of the fixture with other bodies."""
    write_recording(folder, ALERT, *change(list(bodies())))
    return folder


def export(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(export_training)
    return CliRunner().invoke(app, arguments)


def lines(path: Path = Path("training.jsonl")) -> dict[str, dict[str, Any]]:
    """The lines by part, of one investigation."""
    read = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["metadata"]["part"]: line for line in read}


def said(line: Mapping[str, Any]) -> Any:
    """The answer of a line in its shape."""
    return SHAPES[line["metadata"]["part"]].model_validate_json(line["messages"][-1]["content"])


def test_every_part_of_a_confirmed_investigation_is_a_line_in_its_shape(recording: Path, home: Settings):
    report = confirmed(recording, home)
    done = export("--json")
    assert done.exit_code == 0, done.output
    found = lines()
    assert set(found) == set(SHAPES)
    for line in found.values():
        assert [message["role"] for message in line["messages"]] == ["system", "user", "assistant"]
        assert line["metadata"]["investigation"] == "one"
        assert set(line["metadata"]["evidence"]) <= {item.id for item in report.evidence} != set()
        assert line["metadata"]["evidence"]
    (tool,) = found["diagnose"]["tools"]
    assert tool["function"]["name"] == AskedTool.SEARCH_LOGS
    assert set(tool["function"]["parameters"]["properties"]) == {"entities"}
    assert f"Tools: {tool['function']['name']}." in found["diagnose"]["messages"][1]["content"]
    summary = json.loads(done.stdout)
    assert summary["parts"] == dict.fromkeys(("conclude", "diagnose", "read_change"), 1)
    assert summary["fault_kinds"] == {report.fault_kind.value: 1}
    assert summary["prompts"] == {part: line["metadata"]["prompt"] for part, line in found.items()}


def test_the_right_answers_pass_the_checks_of_a_models_own(recording: Path, home: Settings):
    report = confirmed(recording, home)
    export()
    found = lines()
    state = stored_state("one", home)
    incident, origin = assemble(
        state["alert"], state["scope"], state["evidence"], EvidenceStore(home.home / "evidence")
    )
    statistics = diagnosed(incident, origin)
    diffs = {change.id: change.diff or "" for change in incident.changes}
    read: Readings = said(found["read_change"])
    assert [(r.change, r.produces, r.quote) for r in read.readings] == [
        ("K1", "yes", "+STORE_POOL_SIZE = 3"),
        ("K2", "unclear", ""),
    ]
    after = with_readings(statistics, {"K1": (GUILTY, diffs[GUILTY]), "K2": (INNOCENT, diffs[INNOCENT])}, read)
    weighed: Weighing = said(found["diagnose"])
    weighted = with_weights(after.diagnosis, incident, weighed)
    assert after.dropped == weighted.dropped == 0
    assert not weighed.added and not weighed.ask
    by_id = {h.id: h for h in after.diagnosis.hypotheses}
    first, *others = weighed.weights
    assert (by_id[first.hypothesis].change_id, first.support) == (GUILTY, 2)
    assert others and all(weight.support == -1 for weight in others)
    # "It is at store" says less than "this deploy to store did it", and is not wrong.
    assert not any(by_id[w.hypothesis].entity == "store" and not by_id[w.hypothesis].change_id for w in others)
    claims = {claim.id: claim for claim in report.claims}
    told: Narrative = said(found["conclude"])
    assert 3 <= len(told.statements) <= 6
    assert all(says_no_more(s.sentence, claims[s.claim]) for s in told.statements)
    assert claims[told.statements[0].claim].role == "cause"
    assert {"delivery", "change", "path", "symptom"} <= {claims[s.claim].role for s in told.statements}


def test_the_questions_are_word_for_word_what_a_remote_model_is_sent(tmp_path: Path, home: Settings):
    folder = recorded(tmp_path / "recording", with_a_secret_and_a_host)
    reading = {"readings": [{"change": "K1", "produces": "yes", "quote": "+STORE_POOL_SIZE = 3"}]}
    name = "openai:scripted"
    with scripted_model(honest({"Readings": reading})) as server:
        policy = ModelPolicy(
            default=name,
            base_url=server.url,
            prices=ModelPrices(free=frozenset({name})),
            mask=True,
            mask_names=("store",),
        )
        confirmed(folder, home.model_copy(update={"models": policy, "reasoner": ReasonerChoice.LLM}))
        sent = [[message["content"] for message in request["messages"]] for request in server.requests]
    assert export("--mask-name", "store").exit_code == 0
    found = lines()
    asked = [[m["content"] for m in found[part]["messages"][:2]] for part in ("read_change", "diagnose", "conclude")]
    assert asked == sent


def test_a_model_that_learned_the_lines_is_used_by_its_string_and_believed(recording: Path, home: Settings):
    confirmed(recording, home)
    export()
    learned = {line["messages"][1]["content"]: line["messages"][2]["content"] for line in lines().values()}

    def script(request: Mapping[str, Any], turn: int) -> Reply:
        return Reply(content=learned[request["messages"][-1]["content"]])

    name = "openai:ft:small-model:acme::a1B2"
    with scripted_model(script) as server:
        policy = ModelPolicy(default=name, base_url=server.url, prices=ModelPrices(free=frozenset({name})))
        settings = home.model_copy(update={"models": policy, "reasoner": ReasonerChoice.LLM})
        report = investigated(recording, settings, "learned")
    assert [asked[:2] for asked in report.model_use.asked] == [
        (part, name) for part in ("read_change", "diagnose", "conclude")
    ]
    assert report.model_use.dropped == 0
    told: Narrative = said(lines()["conclude"])
    assert [s.sentence for s in report.statements] == [s.sentence for s in told.statements]


def with_a_secret_and_a_host(made: list[Any]) -> list[Any]:
    records = [
        replace(record, body=f"{record.body} at {HOST} for ann@example.com token={SECRET}")
        if record.severity == "ERROR"
        else record
        for record in made[1].records
    ]
    return [LogBatch(tuple(records), 210) if isinstance(body, LogBatch) else body for body in made]


def test_a_planted_secret_and_a_host_are_not_in_the_file(tmp_path: Path, home: Settings):
    folder = recorded(tmp_path / "recording", with_a_secret_and_a_host)
    confirmed(folder, home)
    done = export("--json")
    text = Path("training.jsonl").read_text() + Path("training.card.md").read_text() + done.stdout
    assert not [word for word in (SECRET, SECRET[4:], HOST, "example.com", "ann@") if word in text]
    assert "[secret:github]" in text
    summary = json.loads(done.stdout)
    assert summary["cut"]["github"] >= 1
    assert summary["masked"] == {"email": 1, "host": 1}
    assert "host 1" in Path("training.card.md").read_text()


def test_a_name_has_one_pseudonym_in_all_lines(recording: Path, home: Settings):
    confirmed(recording, home, "one")
    confirmed(recording, home, "two")
    assert export("--mask-name", "store", "--mask-name", "price").exit_code == 0
    read = [json.loads(line) for line in Path("training.jsonl").read_text().splitlines()]
    assert {line["metadata"]["investigation"] for line in read} == {"one", "two"}
    texts = [message["content"] for line in read for message in line["messages"]]
    assert not [text for text in texts if "store" in text.split()]
    half = len(read) // 2
    assert [line["messages"] for line in read[:half]] == [line["messages"] for line in read[half:]]
    assert any("name-zq2 db_pool_wait_p99_seconds" in line["messages"][-1]["content"] for line in read)


def test_a_second_export_refuses_and_force_writes_the_same_again(recording: Path, home: Settings):
    confirmed(recording, home)
    assert export().exit_code == 0
    first = Path("training.jsonl").read_bytes()
    Path("training.jsonl").write_bytes(b"mine")
    refused = export()
    assert (refused.exit_code, Path("training.jsonl").read_bytes()) == (2, b"mine")
    assert "--force" in refused.stderr
    assert export("--force").exit_code == 0
    assert Path("training.jsonl").read_bytes() == first
    assert sorted(path.name for path in Path().iterdir()) == ["home", "training.card.md", "training.jsonl"]


def test_nothing_confirmed_is_told_with_the_remedy(recording: Path, home: Settings):
    investigated(recording, home, "unconfirmed")
    done = export()
    assert done.exit_code == 2
    assert "pcause confirm ID" in done.stderr
    assert not Path("training.jsonl").exists()


def test_a_part_that_cannot_be_built_is_skipped_and_counted(tmp_path: Path, home: Settings):
    def without_diffs(made: list[Any]) -> list[Any]:
        changes = [replace(change, diff=None) for change in made[3].changes]
        return [ChangeList(tuple(changes)) if isinstance(body, ChangeList) else body for body in made]

    confirmed(recorded(tmp_path / "recording", without_diffs), home)
    done = export("--json")
    summary = json.loads(done.stdout)
    assert "read_change" not in summary["parts"]
    assert summary["skipped"] == {"read_change: no accused change has a diff": 1}
    assert "no accused change has a diff: 1" in Path("training.card.md").read_text()


def test_an_investigation_that_is_gone_costs_only_its_own_lines(recording: Path, home: Settings):
    confirmed(recording, home)
    folder = home.home / "incidents" / "confirmed"
    shutil.copy(folder / "one.md", folder / "unknown.md")
    summary = json.loads(export("--json").stdout)
    assert summary["lines"] == 3
    assert summary["skipped"] == {"investigation: it is not in the ledger any more": 1}


def test_without_its_evidence_nothing_is_written(recording: Path, home: Settings):
    confirmed(recording, home)
    shutil.rmtree(home.home / "evidence")
    done = export()
    assert done.exit_code == 1
    assert "its evidence is missing or damaged" in done.stderr
    assert not Path("training.jsonl").exists() and not Path("training.card.md").exists()


def test_a_recording_that_was_moved_leaves_nothing_to_ask(tmp_path: Path, home: Settings):
    folder = recorded(tmp_path / "recording", list)
    confirmed(folder, home)
    shutil.rmtree(folder)
    assert export().exit_code == 0
    diagnose = lines()["diagnose"]
    assert diagnose["tools"] == []
    assert "Tools: none." in diagnose["messages"][1]["content"]


def test_a_file_that_cannot_be_written_is_told_in_a_line(recording: Path, home: Settings):
    confirmed(recording, home)
    done = export("--out", "nowhere/training.jsonl")
    assert done.exit_code == 1
    assert "cannot write nowhere/training.jsonl" in done.stderr
    assert [path.name for path in Path().iterdir()] == ["home"]


def test_exporting_spends_and_asks_nothing(recording: Path, home: Settings):
    confirmed(recording, home)
    before = (Ledger(home.home).calls("one"), len(Ledger(home.home).investigations()))
    export()
    assert (Ledger(home.home).calls("one"), len(Ledger(home.home).investigations())) == before


def test_the_command_line_has_it(recording: Path, home: Settings):
    confirmed(recording, home)
    command = [sys.executable, "-m", "agent.doors.cli", "export-training", "--out", str(home.home.parent / "t.jsonl")]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Wrote 3 lines" in done.stdout
    assert set(lines(home.home.parent / "t.jsonl")) == set(SHAPES)

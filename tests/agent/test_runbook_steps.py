"""The steps of a report come from the runbook that the index finds for what was found, and are cited."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.alerts import parse_alert
from agent.backends import Backends
from agent.doors import runbooks
from agent.events import Compared, Finished, Started
from agent.investigate import investigate, replay
from agent.ledger import LedgerError
from agent.past_incidents import confirm
from agent.report.model import Report
from agent.runbook_index import embedder_of, incidents_home
from agent.settings import Settings
from agent.sources import Source
from agent.state import Outcome
from retrieval.indexing import index_folder

OURS = (
    "---\nname: pools\ndescription: Our own words on connection pools that ran dry.\nfault_kinds: [{kind}]\n---\n"
    "# Pools\n\n## Mitigate\n\n1. Ask Mara to widen the pool. Check: nobody waits.\n"
)


def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Settings:
    monkeypatch.setenv("PCAUSE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "pools.md").write_text(text)
    done = CliRunner().invoke(runbooks.app, ["index", str(folder), "--json"])
    assert json.loads(done.stdout)["added"] == 1
    return Settings(home=tmp_path / "home")


async def report_of(recording: Path, settings: Settings) -> tuple[str, Report]:
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    source = Source(kind="recording", place=str(recording))
    events = [event async for event in investigate(alert, source, settings)]
    id = next(event.investigation_id for event in events if isinstance(event, Started))
    return id, next(event.report for event in events if isinstance(event, Finished))


async def test_the_steps_of_the_teams_own_runbook_are_cited_and_replayed(recording, tmp_path, monkeypatch):
    settings = indexed(tmp_path, monkeypatch, OURS.format(kind="pool_exhaustion"))
    id, report = await report_of(recording, settings)
    (step,) = [step for step in report.next_steps if step.citation]
    assert step.sentence == "Ask Mara to widen the pool. Check: nobody waits."
    assert step.citation == "pools.md#mitigate (line 10)"
    assert any(item.tool == "search_runbooks" and item.outcome is Outcome.ROWS for item in report.evidence)
    events = [event async for event in replay(id, settings)]
    assert next(event for event in events if isinstance(event, Compared)).same


async def test_an_index_that_came_or_went_later_changes_no_replay(recording, tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / "home")
    before, _ = await report_of(recording, settings)
    indexed(tmp_path, monkeypatch, OURS.format(kind="pool_exhaustion"))
    after, _ = await report_of(recording, settings)

    async def same(id: str) -> bool:
        events = [event async for event in replay(id, settings)]
        return next(event for event in events if isinstance(event, Compared)).same

    assert await same(before)
    shutil.rmtree(settings.home / "runbooks")
    assert await same(after)


async def test_a_server_finds_an_index_that_was_made_while_it_ran(tmp_path, monkeypatch):
    backends = Backends(Settings(home=tmp_path / "home"))
    assert not backends.runbooks.tools
    indexed(tmp_path, monkeypatch, OURS.format(kind="pool_exhaustion"))
    assert list(backends.runbooks.tools) == ["search_runbooks"]


async def test_a_runbook_for_another_kind_says_so(recording, tmp_path, monkeypatch):
    settings = indexed(tmp_path, monkeypatch, OURS.format(kind="dns"))
    _, report = await report_of(recording, settings)
    (step,) = [step for step in report.next_steps if step.citation]
    assert "written for dns, which is not what was found" in step.citation


async def test_without_an_index_the_bundled_runbook_of_the_kind_is_cited(recording, tmp_path):
    _, report = await report_of(recording, Settings(home=tmp_path / "home"))
    cited = [step.citation for step in report.next_steps if step.citation]
    assert cited and all(citation.startswith("runbooks/pool-exhaustion.md#") for citation in cited)
    assert not any(item.tool == "search_runbooks" for item in report.evidence)


def test_search_and_lint_speak_json_and_mend_mistakes(tmp_path, monkeypatch):
    indexed(tmp_path, monkeypatch, OURS.format(kind="pool_exhaustion"))
    run = CliRunner().invoke
    (hit,) = json.loads(run(runbooks.app, ["search", "pool ran dry", "--json"]).stdout)
    assert (hit["path"], hit["passage"]["heading"]) == ("pools.md", "Mitigate")
    found = json.loads(run(runbooks.app, ["lint", str(tmp_path / "ours"), "--json"]).stdout)
    assert any("has no services" in problem["reason"] for problem in found)
    mistaken = run(runbooks.app, ["search", "pool", "--kind", "magic"])
    assert mistaken.exit_code != 0 and "pool_exhaustion" in str(mistaken.exception)


async def test_a_confirmed_incident_is_shown_first_when_the_same_is_found_again(recording, tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / "home")
    id, report = await report_of(recording, settings)
    kept = confirm(id, settings, fix="Mara set the pool back to 24.")
    assert report.headline in kept.read_text()
    _, again = await report_of(recording, settings)
    said = again.next_steps[1].sentence
    assert said.startswith("Seen and confirmed on 20") and report.headline in said
    assert said.endswith("What helped: Mara set the pool back to 24.")
    assert again.next_steps[1].citation == f"incidents/{id}.md#fix (line {again.next_steps[1].citation.split()[-1]}"
    assert again.fault_kind == report.fault_kind


async def test_what_was_right_for_another_service_or_kind_is_not_shown(recording, tmp_path):
    settings = Settings(home=tmp_path / "home")
    id, _ = await report_of(recording, settings)
    path = confirm(id, settings)
    path.write_text(path.read_text().replace("- store\n", "- other\n"))
    index_folder(path.parent, incidents_home(settings), embedder_of(settings), lambda done, total: None)
    _, again = await report_of(recording, settings)
    assert not any("Seen and confirmed" in step.sentence for step in again.next_steps)


async def test_an_investigation_without_a_cause_cannot_be_confirmed(recording, tmp_path):
    settings, nothing = Settings(home=tmp_path / "home"), tmp_path / "nothing"
    nothing.mkdir()
    (nothing / "alert.json").write_bytes((recording / "alert.json").read_bytes())
    (nothing / "logs.ndjson").write_text("")
    id, report = await report_of(nothing, settings)
    assert not report.cause_found
    with pytest.raises(LedgerError, match="named no cause"):
        confirm(id, settings)

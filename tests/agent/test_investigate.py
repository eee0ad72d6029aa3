import errno
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from agent.alerts import parse_alert
from agent.comparing import comparable
from agent.events import Compared, Finished, Ranked, StageFinished, Started
from agent.evidence import EvidenceError
from agent.investigate import NotResumable, investigate, replay, resume
from agent.ledger import Ledger
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from agent.storage_trouble import is_storage_trouble
from tests.conftest import ALERT, GUILTY, ONSET, bodies
from tools.recording_writer import write_recording
from tools.spec import ChangeList


async def run(recording: Path, settings: Settings):
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    return [event async for event in investigate(alert, Source(kind="recording", place=str(recording)), settings)]


async def report_of(recording: Path, settings: Settings) -> Report:
    return next(event.report for event in await run(recording, settings) if isinstance(event, Finished))


async def test_an_alert_becomes_a_checked_report(recording: Path, settings: Settings):
    report = await report_of(recording, settings)
    assert report.change is not None and report.change.id == GUILTY
    assert report.first_failing == "store"
    assert report.fault_kind == "pool_exhaustion"
    assert [hop.cause for hop in report.path] + [report.path[-1].effect] == ["store", "front"]
    assert all(hop.verified for hop in report.path)
    assert report.remediation == "rollback"
    assert report.removed_claims == ()


async def test_every_number_of_the_report_is_bound_to_stored_evidence(recording: Path, settings: Settings):
    report = await report_of(recording, settings)
    known = {item.id for item in report.evidence}
    assert report.claims
    assert all(claim.evidence_ids and set(claim.evidence_ids) <= known for claim in report.claims)


async def test_the_innocent_deploy_at_onset_is_ruled_out_with_a_reason(recording: Path, settings: Settings):
    report = await report_of(recording, settings)
    assert any("rename a helper" in item.subject and item.reason for item in report.ruled_out)


async def test_the_same_input_gives_the_same_report(recording: Path, tmp_path: Path):
    first = await report_of(recording, Settings(home=tmp_path / "one"))
    second = await report_of(recording, Settings(home=tmp_path / "two"))
    assert json.dumps(comparable(first)) == json.dumps(comparable(second))


async def test_a_replay_touches_no_source_and_gives_the_same_report(
    recording: Path, settings: Settings, tmp_path: Path
):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in recording.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    events = await run(copy, settings)
    id = next(event.investigation_id for event in events if isinstance(event, Started))
    for file in copy.iterdir():
        if file.name != "alert.json":
            file.write_bytes(b"")
    again = [event async for event in replay(id, settings)]
    assert isinstance(again[-1], Compared)
    assert again[-1].same, again[-1].differences


async def test_stages_run_in_the_order_of_the_graph(recording: Path, settings: Settings):
    events = await run(recording, settings)
    stages = [event.stage for event in events if isinstance(event, StageFinished)]
    assert stages[:2] == ["triage", "scope"]
    assert stages[-4:] == ["conclude", "check_claims", "propose", "report"]
    assert stages.count("diagnose") == 2  # diffs are read in a second round


async def test_probabilities_add_up_to_one(recording: Path, settings: Settings):
    events = await run(recording, settings)
    for event in events:
        if isinstance(event, Ranked):
            assert abs(sum(h.probability for h in event.hypotheses) - 1.0) < 1e-9


async def test_an_ended_investigation_cannot_be_resumed(recording: Path, settings: Settings):
    events = await run(recording, settings)
    id = next(event.investigation_id for event in events if isinstance(event, Started))
    try:
        [event async for event in resume(id, settings)]
    except Exception as error:
        assert "has ended" in str(error)
    else:
        raise AssertionError("it was resumed")


async def test_a_closed_stream_leaves_a_resumable_investigation(recording: Path, settings: Settings):
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    stream = investigate(alert, Source(kind="recording", place=str(recording)), settings)
    id = ""
    async for event in stream:
        if isinstance(event, Started):
            id = event.investigation_id
        if isinstance(event, StageFinished) and event.stage == "scope":
            break
    await stream.aclose()
    assert Ledger(settings.home).investigation(id).status == "interrupted"
    rest = [event async for event in resume(id, settings)]
    assert isinstance(rest[-1], Finished)
    assert "triage" not in [event.stage for event in rest if isinstance(event, StageFinished)]


async def test_a_full_disk_interrupts_and_what_was_begun_ends_when_there_is_room(
    recording: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", full)
        with pytest.raises(EvidenceError, match="No space left"):
            await run(recording, settings)
    (row,) = Ledger(settings.home).investigations()
    assert (row.status, row.report) == ("interrupted", "")
    assert isinstance([event async for event in resume(row.id, settings)][-1], Finished)
    assert Ledger(settings.home).investigation(row.id).status == "done"


def test_only_what_passes_by_itself_is_trouble_of_the_storage(tmp_path: Path):
    def of_sqlite(statement: str) -> sqlite3.Error:
        connection = sqlite3.connect(tmp_path / "x.db")
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.Error) as caught:
            connection.execute(statement)
        connection.close()
        return caught.value

    assert is_storage_trouble(of_sqlite("CREATE TABLE t (x)"))  # the database is full
    assert not is_storage_trouble(of_sqlite("SELECT x FROM nowhere"))
    wrapped = EvidenceError("cannot store")
    wrapped.__cause__ = OSError(errno.EROFS, "read-only")
    assert is_storage_trouble(wrapped)
    assert not is_storage_trouble(FileNotFoundError(errno.ENOENT, "gone"))


async def test_two_processes_do_not_run_one_investigation(recording: Path, settings: Settings):
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    first = investigate(alert, Source(kind="recording", place=str(recording)), settings)
    id = ""
    async for event in first:
        if isinstance(event, Started):
            id = event.investigation_id
        if isinstance(event, StageFinished):
            break
    with pytest.raises(NotResumable, match="another process"):
        [event async for event in resume(id, settings)]
    await first.aclose()
    assert isinstance([event async for event in resume(id, settings)][-1], Finished)


@pytest.mark.parametrize(("late", "guilty"), [(-30.0, True), (6.0, True), (45.0, False)])
async def test_a_deploy_that_is_stamped_when_it_is_done_can_be_the_cause(
    settings: Settings, tmp_path: Path, late: float, guilty: bool
):
    metrics, logs, spans, changes, topology = bodies()
    assert isinstance(changes, ChangeList)
    told = [replace(c, time=ONSET + late) if c.commit == GUILTY else c for c in changes.changes]
    write_recording(tmp_path / "late", ALERT, metrics, logs, spans, ChangeList(tuple(told)), topology)  # type: ignore[arg-type]
    report = await report_of(tmp_path / "late", settings)
    assert (report.change is not None and report.change.id == GUILTY) is guilty
    said = [claim.sentence for claim in report.claims if claim.role == "delivery"]
    assert [sentence.endswith("within seconds of the onset") for sentence in said] == [late > 0] * guilty

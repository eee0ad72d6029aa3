import json
from pathlib import Path

import pytest

from agent.alerts import parse_alert
from agent.events import Finished
from agent.investigate import investigate
from agent.ledger import Ledger
from agent.report.model import Report
from agent.settings import Ceilings, Settings
from agent.sources import Source


async def run(recording: Path, settings: Settings) -> Report:
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    events = [event async for event in investigate(alert, Source(kind="recording", place=str(recording)), settings)]
    assert isinstance(events[-1], Finished)
    return events[-1].report


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 5, 6, 7])
async def test_a_ceiling_on_calls_ends_in_a_report_that_names_it(recording: Path, settings: Settings, calls: int):
    report = await run(recording, settings.model_copy(update={"ceilings": Ceilings(tool_calls=calls)}))
    assert report.spend.tool_calls <= calls
    assert report.ceiling is not None
    assert report.ceiling.resource == "tool_calls"
    assert report.ceiling.unasked


async def test_a_ceiling_on_points_is_never_passed(recording: Path, settings: Settings):
    report = await run(recording, settings.model_copy(update={"ceilings": Ceilings(points=1000)}))
    assert report.spend.points <= 1000
    assert report.ceiling is not None and report.ceiling.resource == "points"


async def test_a_ceiling_on_seconds_ends_in_a_report(recording: Path, settings: Settings):
    report = await run(recording, settings.model_copy(update={"ceilings": Ceilings(seconds=0.000001)}))
    assert report.ceiling is not None and report.ceiling.resource == "seconds"
    assert not report.cause_found


async def test_without_a_ceiling_met_there_is_none(recording: Path, settings: Settings):
    report = await run(recording, settings)
    assert report.ceiling is None
    assert report.spend.usd == 0
    assert Ledger(settings.home).spent(report.investigation_id).tool_calls == report.spend.tool_calls

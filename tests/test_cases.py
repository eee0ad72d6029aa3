"""Each folder of ``tests/cases`` is an incident with its truth; adding a folder adds a test.

``truth.json`` has ``change`` ("" when nobody's change is to blame) and ``service``.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.alerts import parse_alert
from agent.events import Finished
from agent.investigate import investigate
from agent.settings import Settings
from agent.sources import Source

CASES = sorted(path.parent for path in Path(__file__).with_name("cases").glob("*/truth.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_case_is_solved(case: Path, settings: Settings):
    truth = json.loads((case / "truth.json").read_text())
    alert = parse_alert(json.loads((case / "alert.json").read_text()))
    events = [event async for event in investigate(alert, Source(kind="recording", place=str(case)), settings)]
    assert isinstance(events[-1], Finished)
    report = events[-1].report
    assert (report.change.id if report.change else "") == truth["change"], report.headline
    assert report.first_failing == truth["service"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_checkpoint_of_the_case_stays_small(case: Path, settings: Settings):
    alert = parse_alert(json.loads((case / "alert.json").read_text()))
    async for _ in investigate(alert, Source(kind="recording", place=str(case)), settings):
        pass
    with closing(sqlite3.connect(settings.home / "checkpoints.db")) as database:
        largest = database.execute("select max(length(checkpoint)) from checkpoints").fetchone()[0]
    assert largest < 64 * 1024

"""Watching what another process runs: looking disturbs nobody, and it ends when nobody goes on."""

import asyncio
import fcntl
import io
import json
import threading
from pathlib import Path

import pytest
from rich.console import Console

from agent.alerts import parse_alert
from agent.alone import RunElsewhere, alone, held
from agent.doors.chatting.following import Over
from agent.doors.progress import drain
from agent.event_log import EventLog
from agent.events import Finished, StageStarted
from agent.investigate import investigate
from agent.ledger import InvestigationRow, Ledger
from agent.settings import Settings
from agent.sources import Source
from tests.agent.chat_terminal import terminal


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def row_of(home: Path, recording: Path, status: str) -> InvestigationRow:
    ledger = Ledger(home)
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    source = Source(kind="recording", place=str(recording))
    ledger.create_investigation("one", alert.model_dump_json(), source.model_dump_json(), "{}")
    ledger.set_status("one", status)
    return ledger.investigation("one")


def test_who_has_an_investigation_is_seen_without_taking_it(tmp_path: Path):
    assert not held(tmp_path, "one")
    with alone(tmp_path, "one"):
        assert held(tmp_path, "one")
        with pytest.raises(RunElsewhere, match="another process"), alone(tmp_path, "one"):
            pass
    assert not held(tmp_path, "one")


def test_those_who_look_do_not_see_each_other_and_keep_nobody_from_running(tmp_path: Path):
    with alone(tmp_path, "one"):
        pass
    with (tmp_path / "locks" / "one.lock").open() as glance:
        fcntl.flock(glance, fcntl.LOCK_SH)
        assert not held(tmp_path, "one")
        threading.Timer(0.05, lambda: fcntl.flock(glance, fcntl.LOCK_UN)).start()
        with alone(tmp_path, "one"):
            assert held(tmp_path, "one")


@pytest.mark.parametrize("status", ["running", "decided"])
def test_what_nobody_runs_for_a_while_is_left(tmp_path: Path, recording: Path, status: str):
    row, clock = row_of(tmp_path, recording, status), Clock()
    over = Over(tmp_path, clock)
    with alone(tmp_path, "one"):
        clock.seconds = 3_600.0
        assert not over(row)
    clock.seconds += 9.0
    assert not over(row), "a server may take it up"
    clock.seconds += 1.0
    assert over(row)
    assert over.left == row


@pytest.mark.parametrize(("status", "ends", "left"), [
    ("interrupted", True, True), ("done", True, False), ("failed", True, False), ("accepted", False, False),
])  # fmt: skip
def test_what_is_interrupted_is_left_and_what_has_ended_is_not(
    tmp_path: Path, recording: Path, status: str, ends: bool, left: bool
):
    clock = Clock()
    over = Over(tmp_path, clock)
    clock.seconds = 3_600.0
    assert (over(row_of(tmp_path, recording, status)), over.left is not None) == (ends, left)


def test_an_interruption_elsewhere_ends_the_watching(recording: Path, tmp_path: Path):
    home = tmp_path / "home"
    with alone(home, "one"):
        row_of(home, recording, "running")
        with terminal(home, "one", busy=True) as chat:
            EventLog(home).tell("one", [StageStarted("gather", "logs")])
            chat.until("▸ gather logs")
            Ledger(home).set_status("one", "interrupted")
            chat.until("one was interrupted: /resume goes on with it.")
            chat.pump(0.3)
            assert chat.leave() == 0


def test_the_newest_event_of_a_kind_is_found(tmp_path: Path, recording: Path):
    row_of(tmp_path, recording, "running")
    log = EventLog(tmp_path)
    assert log.last("one", "stage") is None
    log.tell("one", [StageStarted("triage", ""), StageStarted("gather", "logs")])
    last = log.last("one", "stage")
    assert last is not None
    assert (last.seq, last.body["stage"]) == (log.since("one")[-1].seq, "gather")


@pytest.mark.parametrize("in_terminal", [True, False])
def test_a_command_tells_what_the_chat_tells_and_only_in_a_terminal(
    recording: Path, settings: Settings, in_terminal: bool
):
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=in_terminal, color_system=None)
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    events = investigate(alert, Source(kind="recording", place=str(recording)), settings, id="one")
    seen, report = asyncio.run(drain(events, console))
    assert report is not None
    assert isinstance(seen[-1], Finished)
    shown = [
        line for line in ("Investigating front-latency as one", "▸ gather", "E-Q101", "H1") if line in out.getvalue()
    ]
    assert len(shown) == (4 if in_terminal else 0), out.getvalue()
    assert in_terminal or out.getvalue() == ""

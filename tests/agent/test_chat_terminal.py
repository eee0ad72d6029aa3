"""The chat in a real pseudo-terminal: every command, Ctrl+C, resize, a huge paste, no colour, a narrow window."""

import asyncio
import json
import re
import stat
import time
from pathlib import Path

import pytest
from filelock import FileLock

from agent.alerts import parse_alert
from agent.event_log import EventLog
from agent.events import Finished, StageStarted
from agent.investigate import investigate
from agent.ledger import Ledger
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from tests.agent.chat_terminal import terminal

LAB = Path(__file__).resolve().parents[2] / "evals" / "lab" / "recordings" / "pool-shrunk"
COLOUR = re.compile(rb"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38|48)(?:;[0-9;]*)?m")


@pytest.fixture(scope="module")
def ended(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with one investigation that has ended, and its id."""
    settings = Settings(home=tmp_path_factory.mktemp("chat") / "home")
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))

    async def run() -> str:
        source = Source(kind="recording", place=str(recording))
        events = [event async for event in investigate(alert, source, settings, id="abc123def456")]
        assert isinstance(events[-1], Finished)
        return events[-1].report.investigation_id

    return settings.home, asyncio.run(run())


def test_every_command_answers(ended: tuple[Path, str]):
    home, id = ended
    with terminal(home, id, rows=60) as chat:
        assert "Verdict" in chat.shown
        for command, answer in (
            ("/help", "Or ask in words"),
            ("/list", "*abc123def456"),
            ("/status", "Investigation abc123def456 is done"),
            ("/why", "Each was computed again"),
            ("/hypotheses", "H2 is wrong because"),
            ("/evidence", "There is evidence"),
            ("/evidence E-Q101", "query_metrics"),
            ("/evidence C1", "Computed again"),
            ("/evidence E12", "There is no evidence"),
            ("/tools", "log_patterns"),
            ("/context", "time zone"),
            ("/cost", "Everything on this UTC day"),
            ("/approve", "Nothing waits for an approval"),
            ("/reject no", "Nothing waits for an approval"),
            ("/act", "is not acted on"),
            ("/act reboot", "is not acted on"),
            ("/undo", "is not acted on"),
            ("/resume", "has ended"),
            ("/resume zzz", "no investigation begins"),
            ("/open", "Open which one?"),
            ("/open nope", "no investigation begins"),
            ("/open abc", "Verdict"),
            ("/steer", "Say what is wrong"),
            ("/steer H9 is wrong", "there is no hypothesis H9"),
            ("/hlep", "did you mean /help?"),
            ("what changed before it?", "Changes, newest first"),
            ("show me the p99 of store", "Levels"),
            ("who calls store?", "store is called by front"),
            ("roll it back", "Asking runs nothing"),
        ):  # fmt: skip
            chat.ask(command, answer)
        chat.type("/clear")
        chat.pump(1.0)
        assert "Asking runs nothing" not in "\n".join(chat.screen.display)
        chat.type("/exit")
        end = time.monotonic() + 30
        while chat.child.isalive() and time.monotonic() < end:
            chat.pump()
        assert not chat.child.isalive()


def test_a_question_about_a_symptom_is_investigated_live_and_ctrl_c_keeps_the_session(tmp_path: Path):
    home = tmp_path / "home"
    with terminal(home, recording=str(LAB)) as chat:
        chat.type("why is storefront slow since 12:36?")
        chat.until("▸ gather")
        chat.child.sendintr()
        shown = chat.until("Stopped. /resume goes on with")
        (row,) = Ledger(home).investigations()
        assert row.status == "interrupted"
        assert row.id in shown
        chat.ask("who calls pricing?", "pricing is called by checkout, storefront")
        chat.ask("/resume", "Verdict", 120)
        chat.until("Pool exhaustion at inventory")
        assert Ledger(home).investigation(row.id).status == "done"
        assert row.requested_by.startswith("terminal:")
        chat.child.sendintr()  # at the prompt: nothing runs
        chat.until("Nothing runs. Ctrl+D exits.")
        assert chat.leave() == 0


def test_a_paste_of_5000_lines_is_one_input_that_says_what_was_cut(ended: tuple[Path, str]):
    home, id = ended
    paste = "\n".join(f"who calls store? line {n}" for n in range(5_000))
    with terminal(home, id) as chat:
        chat.child.send(f"\x1b[200~{paste}\x1b[201~")
        chat.until("That was 5,000 lines")
        chat.pump(0.5)
        chat.child.send("\r")
        chat.until("store is called by front", 60)
        chat.pump(1.0)
        assert chat.shown.count("store is called by") == 1
        chat.ask("/status", "is done")
        assert chat.leave() == 0


def test_a_pasted_alert_is_investigated(ended: tuple[Path, str], recording: Path, tmp_path: Path):
    alert = (recording / "alert.json").read_text()
    with terminal(tmp_path / "home", recording=str(recording)) as chat:
        chat.child.send(f"\x1b[200~{json.dumps(json.loads(alert), indent=2)}\x1b[201~")
        chat.pump(0.5)
        chat.child.send("\r")
        chat.until("Investigating front-latency as")
        chat.until("Verdict", 120)


def test_without_colour_nothing_is_coloured(ended: tuple[Path, str]):
    home, id = ended
    with terminal(home, id, NO_COLOR="1") as chat:
        chat.ask("/why", "Each was computed again")
        chat.ask("show me the p99 of store", "Levels")
        chat.ask("/hypotheses", "H2 is wrong because")
        assert COLOUR.search(chat.raw) is None
        assert chat.leave() == 0


def test_forty_columns_lose_nothing(ended: tuple[Path, str]):
    home, id = ended
    with terminal(home, id, columns=40, rows=50) as chat:
        for command, answer in (("/help", "turn it down"), ("/list", "verdict:"), ("/hypotheses", "because:")):
            chat.ask(command, answer)
        shown = chat.ask("show me the p99 of store", "highest:")
        assert any("\u2800" <= char <= "\u28ff" for char in shown), "the chart fits"
        assert chat.leave() == 0


def test_a_resize_is_taken_up(ended: tuple[Path, str]):
    home, id = ended
    with terminal(home, id, columns=100, rows=40) as chat:
        wide = max(map(len, (line.rstrip() for line in chat.ask("/why", "Each was computed").splitlines())))
        chat.child.setwinsize(30, 50)
        chat.screen.resize(30, 50)
        chat.pump(0.5)
        narrow = chat.ask("/hypotheses", "because:")
        assert wide > 50
        assert "cause:" in narrow
        assert chat.leave() == 0


def test_tab_completes_commands_ids_and_names(ended: tuple[Path, str]):
    home, id = ended
    with terminal(home, id) as chat:
        chat.ask("which services are there?", "3 services")
        chat.mark()
        chat.child.send("/evi")
        chat.until("what is behind an id")  # the menu
        chat.child.send("\t")
        chat.until("> /evidence")
        chat.child.send(" C1\r")
        chat.until("Computed again")
        chat.mark()
        chat.child.send("who calls sto\t")
        chat.until("> who calls store")
        chat.child.send("\r")
        chat.until("is called by front")
        chat.mark()
        chat.child.send("/open ab")
        chat.until("abc123def456")  # the menu
        chat.child.send("\t")
        chat.until("> /open abc123def456")
        chat.child.send("\r")
        chat.pump(1.0)
        assert chat.leave() == 0


def test_the_history_is_for_its_owner_and_holds_no_secret(ended: tuple[Path, str]):
    home, id = ended
    with terminal(home, id) as chat:
        chat.ask("errors of store containing ghp_0123456789abcdefghijABCDEFGHIJ012345", "looks like a secret")
        assert chat.leave() == 0
    assert not any(b"ghp_0123456789" in path.read_bytes() for path in home.glob("ledger.db*"))
    path = home / "chat_history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "ghp_0123456789" not in path.read_text()
    assert "errors of store" in path.read_text()


def test_another_process_run_is_followed_to_its_end(ended: tuple[Path, str], tmp_path: Path):
    """The lock is held and the log is written here, as a server would."""
    home, id = ended
    row = Ledger(home).investigation(id)
    other = tmp_path / "home"
    ledger, log = Ledger(other), EventLog(other)
    ledger.create_investigation("other1", row.alert, row.source, row.settings)
    (other / "locks").mkdir(exist_ok=True)
    with FileLock(other / "locks" / "other1.lock"), terminal(other, "other1", busy=True) as chat:
        log.tell("other1", [StageStarted("gather", "logs")])
        chat.until("▸ gather logs")
        chat.child.sendintr()
        chat.until("Stopped. The session goes on.")
        chat.ask("what else could it be?", "has no report yet")
        chat.ask("/resume", "Another process runs it already")
        report = Report.model_validate_json(row.report).model_copy(update={"investigation_id": "other1"})
        ledger.save_report("other1", report.headline, report.probability, report.model_dump_json())
        log.tell("other1", [Finished(report)])
        ledger.set_status("other1", "done")
        chat.until("Verdict")
        assert chat.leave() == 0


def test_one_that_nobody_runs_is_said_to_be_resumable(ended: tuple[Path, str], tmp_path: Path):
    home, id = ended
    row = Ledger(home).investigation(id)
    Ledger(tmp_path / "home").create_investigation("left1", row.alert, row.source, row.settings)
    with terminal(tmp_path / "home", "left1") as chat:
        chat.until("left1 is not run by anybody now: /resume goes on with it.")
        chat.ask("/resume", "Verdict", 120)

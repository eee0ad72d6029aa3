"""The command line as a process, with its own home."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pcause(tmp_path: Path):
    env = {**os.environ, "PCAUSE_HOME": str(tmp_path / "home"), "COLUMNS": "100"}

    def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "agent.doors.cli", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=env, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_the_demo_names_the_true_cause_change_and_path(pcause, tmp_path: Path):
    page = tmp_path / "report.html"
    done = pcause("demo", "--json", "--html", str(page))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    truth = json.loads((ROOT / "evals" / "lab" / "recordings" / "pool-shrunk" / "truth.json").read_text())
    assert report["change"]["id"] == truth["change"]
    assert report["first_failing"] == truth["service"]
    assert report["fault_kind"] == truth["fault_kind"]
    assert report["remediation"] == truth["remediation"]
    path = [report["path"][0]["cause"], *(hop["effect"] for hop in report["path"])]
    assert path == truth["path"]
    assert page.read_text().startswith("<!doctype html>")


def test_an_investigation_is_listed_shown_replayed_and_recorded(pcause, recording: Path, tmp_path: Path):
    first = pcause("investigate", "--recording", str(recording), "--json")
    id = json.loads(first.stdout)["investigation_id"]
    assert [row["id"] for row in json.loads(pcause("list", "--json").stdout)] == [id]
    shown = json.loads(pcause("show", id[:5], "--json").stdout)
    assert shown == json.loads(first.stdout)
    again = pcause("replay", id)
    assert again.returncode == 0
    assert "same report" in again.stderr
    copy = tmp_path / "copy"
    assert pcause("record", id, str(copy)).returncode == 0
    from_copy = json.loads(pcause("investigate", "--recording", str(copy), "--json").stdout)
    assert (from_copy["change"]["id"], from_copy["headline"]) == (shown["change"]["id"], shown["headline"])


def test_an_alert_comes_from_standard_input(pcause, recording: Path):
    alert = (recording / "alert.json").read_text()
    done = pcause("investigate", "-", "--recording", str(recording), "--json", stdin=alert)
    assert json.loads(done.stdout)["cause_found"]


def test_a_ceiling_gives_exit_code_three(pcause, recording: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    config = tmp_path / "pcause.yaml"
    config.write_text("ceilings:\n  tool_calls: 3\n")
    env = {**os.environ, "PCAUSE_HOME": str(tmp_path / "h"), "PCAUSE_CONFIG": str(config)}
    command = [sys.executable, "-m", "agent.doors.cli", "investigate", "--recording", str(recording)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "Ceiling tool_calls" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("investigate",), 2, "give --recording"),
        (("investigate", "--recording", "/nowhere"), 1, "is no folder"),
        (("investigate", "missing.json", "--recording", "{recording}"), 1, "cannot read the alert"),
        (("investigate", "-", "--recording", "{recording}"), 1, "is no JSON"),
        (("investigate", "--recording", "{recording}", "--budget-usd", "lots"), 1, "no amount of dollars"),
        (("show", "nothing"), 1, "no investigation"),
        (("resume", "nothing"), 1, "no investigation"),
        (("eval", "rootcausebench", "--data", "/nowhere"), 1, "is no folder"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_an_error_is_one_line_with_a_remedy_and_no_traceback(pcause, recording: Path, arguments, code: int, words: str):
    done = pcause(*(argument.format(recording=recording) for argument in arguments))
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_terminal_there_is_no_colour_and_no_progress(pcause, recording: Path):
    done = pcause("investigate", "--recording", str(recording))
    assert "\x1b" not in done.stdout + done.stderr


def test_the_doctor_says_that_all_is_well(pcause):
    done = pcause("doctor", "--json")
    assert done.returncode == 0
    assert all(check["ok"] for check in json.loads(done.stdout))


def test_the_doctor_says_what_mends_a_home_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    env = {**os.environ, "PCAUSE_HOME": str(tmp_path / "file" / "home")}
    command = [sys.executable, "-m", "agent.doors.cli", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "PCAUSE_HOME" in done.stdout


def test_ctrl_c_in_a_terminal_leaves_a_resumable_investigation(recording: Path, tmp_path: Path):
    """A large log makes the investigation long enough to be interrupted at a known stage."""
    slow = tmp_path / "slow"
    slow.mkdir()
    for file in recording.iterdir():
        (slow / file.name).write_bytes(file.read_bytes())
    with (slow / "logs.ndjson").open("ab") as out:
        out.writelines(file_line * 1 for file_line in [(recording / "logs.ndjson").read_bytes()] * 600)
    env = {**os.environ, "PCAUSE_HOME": str(tmp_path / "home"), "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "agent.doors.cli", "investigate", "--recording", str(slow)]
    master, terminal = pty.openpty()
    child = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    shown = b""
    deadline = time.monotonic() + 40
    while b"gather logs" not in shown and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            shown += os.read(master, 65536)
    assert b"gather logs" in shown
    os.killpg(child.pid, signal.SIGINT)
    while child.poll() is None and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                shown += os.read(master, 65536)
            except OSError:
                break
    assert child.wait(timeout=40) == 130
    assert b"Interrupted. Go on with: pcause resume" in shown
    os.close(master)
    listing = subprocess.run(
        [sys.executable, "-m", "agent.doors.cli", "list", "--json"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    (row,) = json.loads(listing.stdout)
    assert row["status"] == "interrupted"
    resumed = subprocess.run(
        [sys.executable, "-m", "agent.doors.cli", "resume", row["id"], "--json"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["cause_found"]

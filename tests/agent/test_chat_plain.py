"""The chat without a terminal: lines in, plain text or JSON out; and the parts that need neither."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from agent.doors.chat import chat
from agent.doors.chatting.chart import chart
from agent.doors.chatting.drawing import draw
from agent.doors.chatting.pasting import LONGEST_WORDS, bounded
from agent.doors.chatting.plain import read_line
from agent.ledger import Ledger, UnknownInvestigation
from agent.questions.reply import Reply
from agent.report.model import SeriesView
from tests.agent.chat_terminal import PROGRAM, ROOT
from tools.recording import RecordingError
from tools.spec import Table

LAB = ROOT / "evals" / "lab" / "recordings" / "pool-shrunk"


def pipe(home: Path, lines: str, *options: str, recording: str = str(LAB)) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "UTC"}
    return subprocess.run(
        [sys.executable, str(PROGRAM), str(home), "", recording, "", *options], check=False, input=lines, capture_output=True, text=True,
        env=env, timeout=120, cwd=home.parent,
    )  # fmt: skip


def test_each_line_is_a_question_and_nothing_is_decided(tmp_path: Path):
    done = pipe(
        tmp_path / "home", "who calls pricing?\n\n/approve\n/nope\nshow me the p99 of payments\n/exit\nwho calls x\n"
    )
    assert done.returncode == 0, done.stderr
    assert "pricing is called by checkout, storefront." in done.stdout
    assert "No investigation is open" in done.stdout
    assert "There is no service “payments”" in done.stdout
    assert "“x”" not in done.stdout, "/exit ends it"
    assert "\x1b" not in done.stdout


def test_json_is_a_line_an_answer_and_a_symptom_is_investigated(tmp_path: Path):
    home = tmp_path / "home"
    done = pipe(home, "who calls pricing?\nwhy is storefront slow since 12:36?\nhow sure are you?\n", "--json")
    assert done.returncode == 0, done.stderr
    callers, verdict, sure = (json.loads(line) for line in done.stdout.splitlines())
    assert callers["paragraphs"][0] == "pricing is called by checkout, storefront."
    (row,) = Ledger(home).investigations()
    assert (verdict["investigation_id"], verdict["paragraphs"]) == (row.id, [row.headline])
    assert "% that this is the cause" in sure["paragraphs"][0], "what ran is open"
    assert "▸ gather" in done.stderr


def test_the_command_opens_what_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PCAUSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(chat)
    done = CliRunner().invoke(app, ["--recording", str(LAB)], input="who calls shipping?\n")
    assert (done.exit_code, "shipping is called by checkout" in done.output) == (0, True)
    unknown = CliRunner().invoke(app, ["nope"], input="")
    assert isinstance(unknown.exception, UnknownInvestigation)
    wrong = CliRunner().invoke(app, ["--recording", str(tmp_path / "none")], input="")
    assert isinstance(wrong.exception, RecordingError)


def test_a_flood_of_lines_ends(tmp_path: Path):
    done = pipe(tmp_path / "home", "help\n" * 1_000, recording=str(LAB))
    assert done.returncode == 1
    assert "More than 200 questions" in done.stderr


@pytest.mark.parametrize("length", [70_000, 2 * 65_536 - 1, 2 * 65_536])
def test_the_rest_of_a_long_line_is_no_question(tmp_path: Path, length: int):
    long = "who calls pricing? ".ljust(length - 20, "x") + " who calls shipping?"
    done = pipe(tmp_path / "home", f"{long}\nwho calls inventory?\n", "--json")
    asked = [json.loads(line)["question"] for line in done.stdout.splitlines()]
    assert [question[:20] for question in asked] == ["who calls pricing? x", "who calls inventory?"]
    assert "longer than 65,536 bytes" in done.stderr


def test_a_line_without_an_end_is_not_read_for_ever():
    first, pieces = read_line(Endless())
    assert (len(first), pieces) == (65_536, 1_001)


class Endless(io.BytesIO):
    def readline(self, size: int | None = -1, /) -> bytes:
        return b"x" * (size or 0)


@pytest.mark.parametrize(
    ("text", "kept", "said"),
    [
        ("one\ntwo\r\nthree", "one two three", ""),
        ("x" * 5_000, "x" * LONGEST_WORDS, "That was 1 line of 5,000 characters"),
        ("line\n" * 5_000, "", "That was 5,000 lines"),
        ("{" + " " * 3_000 + "}", "{" + " " * 3_000 + "}", ""),
        ("\x00a\x00", "a", ""),
    ],
)
def test_an_input_is_bounded_and_what_was_cut_is_said(text: str, kept: str, said: str):
    found, told = bounded(text)
    assert len(found) <= 8_000
    assert found.startswith(kept)
    assert told.startswith(said)
    assert bool(told) == bool(said)


def series(*values: float | None, onset: float | None = None) -> SeriesView:
    times = tuple(60.0 * n for n in range(len(values)))
    return SeriesView(entity="store", metric="wait_seconds", times=times, values=values, onset=onset, evidence_id="E-1")


@pytest.mark.parametrize(
    "values", [(), (None, None), (1.0,), (1.0, 1.0, 1.0), (0.0, None, 5.0, float("inf")), (1e-300, 1e300)]
)
@pytest.mark.parametrize("width", [10, 40, 200])
def test_a_chart_is_drawn_of_any_series(values: tuple[float | None, ...], width: int):
    lines = chart(series(*values), width, lambda at: f"{at:.0f}")
    assert lines
    assert all(len(line) <= max(width, 27) for line in lines[1:])


def test_a_chart_rises_where_the_series_does_and_marks_the_onset():
    title, *rows, axis = chart(series(0, 0, 0, 0, 9, 9, 9, 9, onset=240.0), 60, lambda at: f"{at:.0f}s")
    assert str(title) == "store wait_seconds"
    assert str(rows[0]).split()[0] == "9"
    first, last = str(rows[-1])[10:], str(rows[0])[10:]
    assert first[0] != "\u2800"
    assert last[0] == "\u2800" != last[-1]
    assert 20 < str(axis).index("|") < 50


def test_hostile_cells_are_shown_and_do_nothing():
    out = io.StringIO()
    evil = "\x1b[31m[red]x[/red]\u202e"
    table = Table(evil, (evil, "b"), ((evil, 1.0),))
    for width in (40, 100):
        draw(Reply((evil,), (table,)), Console(file=out, width=width, force_terminal=True), str)
    assert "\x1b[31m" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert "[red]" in out.getvalue(), "markup is text"

"""The terminal: the facts at any width, without colour, and nothing from outside acts in it."""

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from agent.report.model import Report, SeriesView
from agent.report.spark import sparkline
from agent.report.terminal import render_terminal


def shown(report: Report, width: int = 100, colour: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=colour, color_system="truecolor" if colour else None).print(
        render_terminal(report)
    )
    return out.getvalue()  # fmt: skip


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_facts_are_there_at_any_width_and_nothing_is_too_wide(incident: Report, width: int):
    text = shown(incident, width)
    assert max(map(cell_len, text.splitlines())) <= width
    words = " ".join(text.replace("│", " ").split())
    for fact in ("Pool exhaustion at ledger", "93 % that this is the cause", "15:17:20 UTC, 4m 10s before the alert", "Tomasz Wilk",
                 "+ pool: Pool = Pool(size=4, wait", "checkout ┄?┄▶ web", "ledger → payments verified", "checkout → web unverified: no order in time",
                 "C12", "▁|█", "traffic surge: requests a second", "5 % a surge of orders", "This is wrong if the following fails: within 15 minutes",
                 "spans of mailer are missing", "1 statement was removed", "$0.00, 9 tool calls, 4,210 points, 0.8 s", "5f0c19ab27de"):  # fmt: skip
        assert fact in words, fact


@pytest.mark.parametrize("width", [60, 100])
def test_nothing_from_outside_acts_in_it(hostile: Report, width: int):
    text = shown(hostile, width)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert "[red]x[/red]" in text  # shown as it is, not obeyed
    assert "Tomasz" not in text and "2026-09-21 15:05:20 UTC" in " ".join(text.replace("│", " ").split())


def test_the_only_escape_sequences_are_of_style(hostile: Report):
    assert set(re.findall(r"\x1b(?!\[[\d;]*m)", shown(hostile, colour=True))) == set()


def test_a_report_without_a_cause_says_which_ceiling_and_what_was_left_unasked(unsolved: Report):
    text = shown(unsolved)
    assert "Ceiling tool_calls of 3 was met (3 spent), 2 questions left unasked." in text
    assert "search_logs of orders" in text and "3m 10s" in text


def test_a_sparkline_marks_the_onset_and_keeps_its_gaps():
    view = SeriesView(
        entity="a", metric="b", times=(0, 1, 2, 3, 4, 5), values=(1, None, 1, 9, 9, 5), onset=3, evidence_id=""
    )
    assert sparkline(view, 20).plain == "▁ ▁|██▅"
    flat = view.model_copy(update={"values": (2.0,) * 6, "onset": None})
    assert sparkline(flat, 20).plain == "▁▁▁▁▁▁"
    assert len(sparkline(view.model_copy(update={"times": tuple(range(500)), "values": (1.0,) * 500}), 40).plain) == 40

"""Text, times and numbers as people read them, and the same report always gives the same renderings."""

from decimal import Decimal

import pytest
from rich.console import Console

from agent.report import times
from agent.report.as_json import render_json
from agent.report.html import render_html
from agent.report.markdown import render_markdown
from agent.report.model import Report
from agent.report.sections import chains, confidence
from agent.report.terminal import render_terminal
from agent.report.text import inert, inert_lines
from diagnosis.findings import Hop
from diagnosis.words import short_id


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (0.00025, "250 µs"), (0.04, "40 ms"), (0.84, "0.8 s"), (4.2, "4.2 s"), (9.97, "10 s"), (59.7, "1m 00s"),
     (190, "3m 10s"), (3599.8, "1h 00m"), (7500, "2h 05m"), (-5, "5.0 s"), (float("nan"), "an unknown time")],
)  # fmt: skip
def test_a_duration(seconds: float, shown: str):
    assert times.duration(seconds) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "under 1 %"), (0.002, "under 1 %"), (0.12, "12 %"), (0.9976, "over 99 %"), (1, "over 99 %")],
)
def test_a_probability_is_never_a_false_zero_or_hundred(share: float, shown: str):
    assert times.percent(share) == shown


@pytest.mark.parametrize(
    ("usd", "shown"), [("0", "$0.00"), ("0.5", "$0.50"), ("0.0312", "$0.0312"), ("0.00001", "$0.00001")]
)
def test_money_that_was_spent_is_never_shown_as_nothing(usd: str, shown: str):
    assert times.money(Decimal(usd)) == shown


@pytest.mark.parametrize(
    ("value", "metric", "shown"),
    [(1.824, "p99_seconds", "1.82 s"), (0.35, "p99_seconds", "350 ms"), (0.00025, "wait_seconds", "250 µs"), (0, "wait_seconds", "0 s"),
     (412e6, "rss_bytes", "412 MB"), (12, "rss_bytes", "12 B"), (24, "pool_max", "24"), (24_377, "requests", "24.4 k"), (5000, "queue", "5,000")],
)  # fmt: skip
def test_a_level_has_the_unit_of_its_metric(value: float, metric: str, shown: str):
    assert times.quantity(value, metric) == shown


def test_a_time_that_no_calendar_has_is_said_to_be_so():
    assert times.clock(1e20) == times.stamp(float("nan")) == "an impossible time"


def test_text_is_cut_and_made_inert():
    assert inert("a\x1b[31mb\nc") == "a\ufffd[31mb c"
    assert len(inert("x" * 10_000)) == 600
    assert inert("e" + "\u0301" * 50) == "e" + "\u0301" * 3


def test_a_quoted_diff_keeps_its_indentation_and_says_what_is_left_out():
    assert inert_lines("+\tif x:\x1b\n" * 14) == (*("+   if x:\ufffd",) * 12, "… and 2 more lines")
    assert inert_lines("") == ()


def test_a_path_without_branches_is_one_line():
    hops = [Hop(cause="a", effect="b"), Hop(cause="b", effect="c"), Hop(cause="b", effect="d")]
    assert [[hop.effect for hop in chain] for chain in chains(hops)] == [["b", "c"], ["d"]]


def test_only_a_hash_is_cut():
    assert (short_id("9c1f4e7a" + "d" * 32), short_id("new_receipt_mail_of_the_shop_2026")) == (
        "9c1f4e7add",
        "new_receipt_mail_of_the_shop_2026",
    )


def test_the_probability_says_of_what(incident: Report, unsolved: Report):
    assert confidence(incident) == "93 % that this is the cause"
    assert confidence(unsolved) == "no verdict"
    calm = unsolved.model_copy(update={"nothing_wrong": True, "probability": 0.8})
    assert confidence(calm) == "80 % that nothing is wrong"


@pytest.mark.parametrize("name", ["incident", "unsolved", "hostile"])
def test_the_same_report_gives_the_same_renderings(name: str, request: pytest.FixtureRequest):
    report = request.getfixturevalue(name)

    def terminal(report: Report) -> str:
        console = Console(width=100)
        with console.capture() as capture:
            console.print(render_terminal(report))
        return capture.get()

    again = report.model_copy(deep=True)
    for render in (render_html, render_markdown, render_json, terminal):
        assert render(report) == render(again)

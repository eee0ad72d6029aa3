"""Markdown: the same facts, and no text from outside becomes markup, a link, a picture or a mention."""

import re

import pytest

from agent.report.markdown import render_markdown, safe
from agent.report.model import Report


def test_the_facts_are_there_in_the_order_of_the_terminal(incident: Report):
    text = render_markdown(incident).replace("\\", "")
    order = ("# CheckoutSlow at web", "**Pool exhaustion", "93 %", "    -    pool: Pool", "## Causal path", "| C1 |", "## Series",
             "## Ruled out", "## Other hypotheses", "## Next steps", "This is wrong if", "## Timeline", "## Blind spots",
             "1 statement was removed", "$0.00, 9 tool calls")  # fmt: skip
    places = [text.index(fact) for fact in order]
    assert places == sorted(places)


def test_a_report_without_a_cause_has_its_ceiling(unsolved: Report):
    assert "Ceiling tool_calls of 3" in render_markdown(unsolved)


def test_nothing_from_outside_acts_in_it(hostile: Report):
    text = render_markdown(hostile)
    live = "\n".join(line for line in text.splitlines() if not line.startswith("    "))  # the rest is a block of code
    assert not re.search(r"(?<!\\)[<>`\[\]!@]", live)
    assert not re.search(r"https?:\S|www\.\S|@\w", live)
    titles = [line for line in live.splitlines() if line.startswith("#")]
    assert all(len(title) < 40 for title in titles[1:])
    rows = [line for line in live.splitlines() if line.startswith("| ") and "evil" in line]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4, 5}  # claims, series
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", "a\\|b"),
        ("http_requests_total", "http_requests_total"),
        ("_x_ *y*", "\\_x\\_ \\*y\\*"),
        ("see https://a.example", "see https ://a.example"),
        ("www.a.example", "www .a.example"),
        ("@all and a@b.example, store@2", "\\@ all and a\\@ b.example, store\\@2"),
        ("fixes #12", "fixes \\# 12"),
        ("- no list", "\\- no list"),
        ("1. no list", "1\\. no list"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("\\[x](y)", "\\\\\\[x\\]\\(y\\)"),
    ],
)
def test_markup_is_written_out(text: str, written: str):
    assert safe(text) == written

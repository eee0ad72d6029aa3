"""One report, four renderings: the facts are in all of them, and hostile text is inert in all of them."""

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from agent.alerts import parse_alert
from agent.events import Finished
from agent.investigate import investigate
from agent.report.as_json import render_json, report_schema
from agent.report.html import render_html
from agent.report.markdown import render_markdown
from agent.report.model import Report
from agent.report.slack import render_slack
from agent.report.terminal import render_terminal
from agent.report.text import inert
from agent.settings import Ceilings, Settings
from agent.sources import Source
from agent.state import Check

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    "<script>alert(1)</script> [red]x[/red] \x1b[31mred\x1b[0m ](http://evil.example/) ![i](http://evil.example/i.png) "
    "| pipe | `tick` \u202egnp\u202c \x00 \ud800 <img src=x onerror=alert(1)> {{ 7*7 }} @channel"
)


async def run(recording: Path, settings: Settings) -> Report:
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    events = [e async for e in investigate(alert, Source(kind="recording", place=str(recording)), settings)]
    assert isinstance(events[-1], Finished)
    return events[-1].report


@pytest.fixture
async def report(recording: Path, settings: Settings) -> Report:
    return await run(recording, settings)


def poisoned(value: object) -> object:
    """Every free text of a report replaced by hostile text; enumerations, ids and numbers stay."""
    keep = (
        "id",
        "role",
        "check",
        "attribution",
        "fault_kind",
        "remediation",
        "outcome",
        "kind",
        "tool",
        "digest",
        "source",
        "risk",
        "key",
    )
    if isinstance(value, dict):
        return {k: v if k in keep else poisoned(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [poisoned(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def hostile_of(report: Report) -> Report:
    raw = poisoned(report.model_dump())
    assert isinstance(raw, dict)
    raw["spend"] = report.spend.model_dump()
    return Report.model_validate(raw)


def terminal(report: Report, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(render_terminal(report))
    return out.getvalue()


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "line", "rect", "path", "polygon"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()


def page(html: str) -> Page:
    parser = Page()
    parser.feed(html)
    return parser


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_terminal_shows_verdict_change_path_evidence_and_cost(report: Report, width: int):
    text = " ".join(terminal(report, width).replace("│", " ").split())
    for fact in (
        "Pool exhaustion at store",
        "tidy store settings",
        "-STORE_POOL_SIZE = 24",
        "store → front verified",
        "$0.00",
    ):
        assert fact in text


def test_markdown_and_html_show_the_same_facts(report: Report):
    for text in (render_markdown(report).replace("\\", ""), render_html(report)):
        for fact in ("Pool exhaustion at store", "tidy store settings", "verified", "$0.00", "C1", "This is wrong if"):
            assert fact in text


def test_the_page_is_well_formed_and_asks_for_nothing(report: Report):
    html = render_html(report)
    parsed = page(html)
    assert parsed.open == []
    assert not {"script", "img", "link", "iframe", "form", "a"} & {tag for tag, _ in parsed.tags}
    assert not any({"src", "href", "onload", "onerror"} & set(attributes) for _, attributes in parsed.tags)
    assert "url(" not in html.replace("url(#head)", "") and "@import" not in html


def test_the_page_has_a_chart_with_the_onset_and_a_graph_of_the_path(report: Report):
    html = render_html(report)
    assert html.count('class="chart"') >= 3
    assert 'class="onset"' in html and 'class="guilty"' in html
    assert 'class="graph"' in html and 'class="sure"' in html


def test_hostile_text_is_inert_on_the_page(report: Report):
    parsed = page(render_html(hostile_of(report)))
    assert not {"script", "img", "a"} & {tag for tag, _ in parsed.tags}
    assert "{{" not in render_html(report)
    assert "\x1b" not in render_html(hostile_of(report)) and "\u202e" not in render_html(hostile_of(report))


def test_hostile_text_is_inert_in_the_terminal(report: Report):
    shown = terminal(hostile_of(report))
    assert "\x1b" not in shown and "\u202e" not in shown and "\x00" not in shown
    assert "[red]" in shown  # shown as it is, not obeyed


def test_hostile_text_is_inert_in_markdown(report: Report):
    shown = render_markdown(hostile_of(report))
    live = "\n".join(line for line in shown.splitlines() if not line.startswith("    "))  # the rest is a code block
    assert "](http" not in live and "<script" not in live.replace("\\<script", "") and "http://" not in live


def test_json_follows_the_published_schema(report: Report):
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    assert schema == report_schema(), "renew it with: python -m agent.report.as_json docs/report.schema.json"
    jsonschema.Draft202012Validator(schema).validate(json.loads(render_json(report)))


def test_json_reads_back_as_the_same_report(report: Report):
    assert Report.model_validate_json(render_json(report)) == report


async def test_a_report_without_a_cause_renders_everywhere(recording: Path, settings: Settings):
    empty = await run(recording, settings.model_copy(update={"ceilings": Ceilings(tool_calls=1)}))
    for text in (terminal(empty), render_markdown(empty), render_html(empty)):
        assert "No cause found" in text
        assert "tool_calls" in text.replace("\\", "")
    assert page(render_html(empty)).open == []


def test_text_is_cut_and_control_characters_are_replaced():
    assert inert("a\x1b[31mb\nc") == "a\ufffd[31mb c"
    assert len(inert("x" * 10_000)) == 600


@pytest.mark.parametrize("check", list(Check))
async def test_every_kind_of_claim_can_be_shown(report: Report, check: Check):
    claim = report.claims[0].model_copy(
        update={"check": check, "sentence": "what it says", "value": (0.25, 1.5, 1.79e9)}
    )
    shown = report.model_copy(update={"claims": (claim,)})
    console = Console(file=io.StringIO(), width=100)
    console.print(render_terminal(shown))
    texts = [render_html(shown), render_markdown(shown), str(render_slack(shown)), console.file.getvalue()]  # type: ignore[attr-defined]
    assert all("what it says" in text for text in texts)

"""How answers look: words, tables, charts. Everything arrives inert and is never markup; narrow windows get lists."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from agent.doors.chatting.chart import chart
from agent.questions.reply import Reply
from agent.report import sections
from agent.report.model import Report, SeriesView
from agent.report.spark import Sparklines
from agent.report.terminal import heading, plain
from agent.report.text import inert
from tools.spec import Table

_ROOM_FOR_A_TABLE = 64  # columns
_CHARTS = 2  # more series are sparklines


def draw(reply: Reply, console: Console, when: Callable[[float], str]) -> None:
    """Print a reply. ``when`` shows an epoch time."""
    if reply.tables:  # the figures first, then where they are from
        _draw_series(reply.series, console, when)
    for table in reply.tables:
        draw_table(table, console)
    for paragraph in reply.paragraphs:
        console.print(_paragraph(paragraph, console.width))
    if not reply.tables:
        _draw_series(reply.series, console, when)


def _draw_series(series: Sequence[SeriesView], console: Console, when: Callable[[float], str]) -> None:
    """One or two as charts, more of them as lines of blocks."""
    if len(series) > _CHARTS or not console.encoding.lower().startswith("utf"):
        console.print(Sparklines(series))
        return
    for view in series:
        for line in chart(view, console.width, when):
            console.print(line)


def draw_table(table: Table, console: Console) -> None:
    """As a table where there is room; else each row as lines of name and value."""
    if table.title:
        console.print(Text(inert(table.title), style="bold"))
    if console.width < _ROOM_FOR_A_TABLE:
        for row in table.rows:
            for name, cell in zip(table.columns, row, strict=True):
                if cell != "":
                    console.print(_paragraph(f"{inert(name)}: {inert(str(cell))}", console.width))
            console.print()
        return
    grid = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in table.columns:
        grid.add_column(Text(inert(name)), overflow="fold")
    for row in table.rows:
        grid.add_row(*(Text(inert(str(cell))) for cell in row))
    console.print(grid)


def _paragraph(text: str, width: int) -> Text:
    """Folded, so that nothing of a long word is lost."""
    return Text(inert(text, 2_000), overflow="fold")


def draw_verdict(report: Report, console: Console) -> None:
    """The verdict first, its particulars, and the series that show it; the rest is there for the asking."""
    console.print(heading("Verdict"))
    console.print(plain(report.headline, "bold"))
    for name, value in sections.facts(report):
        console.print(Text.assemble((f"{name}: ", "dim"), inert(value), overflow="fold"))
    if report.ceiling is not None:
        console.print(plain(sections.ceiling_line(report.ceiling), "bold"))
    for result in report.action_results:
        console.print(plain(f"{sections.words(result.outcome)}: {result.detail}"))
    if report.verification is not None:
        console.print(plain(report.verification.sentence))
    if report.series:
        console.print(heading("Series", "| is where it left its baseline"))
        console.print(Sparklines(report.series[:4]))
    console.print(plain(f"{sections.footer(report)}", "dim"))


def as_json(question: str, reply: Reply, more: dict[str, Any] | None = None) -> str:
    """A reply as one line of JSON."""
    told: dict[str, Any] = {
        "question": question, "paragraphs": list(reply.paragraphs), "tables": [asdict(table) for table in reply.tables],
        "series": [view.model_dump() for view in reply.series], **(more or {}),
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False)


def draw_card(card: Sequence[tuple[str, str]], console: Console) -> None:
    """Every line of an approval's card, whole."""
    wide = console.width >= _ROOM_FOR_A_TABLE
    for label, text in card:
        named = f"{label:>22}  " if wide else f"{label}: " if label else "  "
        console.print(Text.assemble((named, "bold"), text, overflow="fold"))

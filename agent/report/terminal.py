"""The report in a terminal: verdict first, readable at 60 columns and without colour."""

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agent.report import sections as say
from agent.report.model import Report
from agent.report.spark import Sparklines
from agent.report.text import inert, inert_lines
from agent.state import Claim
from diagnosis.findings import Hop


def render_terminal(report: Report) -> RenderableType:
    """One renderable for rich; all text from outside is inert and never markup."""
    return Group(*_parts(report))


def _parts(report: Report) -> Iterable[RenderableType]:
    yield _verdict(report)
    if report.ceiling is not None:
        yield plain(say.ceiling_line(report.ceiling), "bold")
    if report.change_quote:
        yield heading("What the change did")
        for line in inert_lines(report.change_quote):
            yield Text(f"  {line}", style="green" if line.startswith("+") else "red" if line.startswith("-") else "")
    if report.path:
        yield heading("Causal path")
        yield from _path(report)
    if report.claims:
        yield heading("Evidence", "each line was computed again before it was printed")
        yield _claims(report.claims)
    if report.series:
        yield heading("Series", "| is where it left its baseline")
        yield Sparklines(report.series)
    if say.because(report):
        yield heading("Why this and not another")
        yield from (_item(say.Row(reason)) for reason in say.because(report))
    for section in say.sections(report):
        yield heading(section.title, section.note)
        yield from (_item(row) for row in section.rows)
    yield Text(f"\n{inert(say.footer(report))}", style="dim")


def _verdict(report: Report) -> Panel:
    body = Table.grid(padding=(0, 2))
    body.add_column(no_wrap=True, style="dim")
    body.add_column(overflow="fold")
    for name, value in say.facts(report):
        body.add_row(name, plain(value, "bold" if name == "Do next" else ""))
    headline = Text(inert(report.headline), style="bold")
    title = Text(inert(report.title, 60))
    return Panel(Group(headline, Text(), body), title=title, title_align="left", box=box.ROUNDED, padding=(1, 2))


def heading(title: str, note: str = "") -> Text:
    """A heading with a note in the quiet style."""
    return Text.assemble("\n", (title, "bold"), (f"  {inert(note)}" if note else "", "dim"))


def plain(text: str, style: str = "") -> Text:
    """Text from outside, made inert."""
    return Text(inert(text), style=style)


def _path(report: Report) -> Iterable[RenderableType]:
    for chain in say.chains(report.path):
        yield Text("  ").append_text(arrows(chain))
    for hop in report.path:
        yield _item(say.Row(say.hop_mark(hop), f"{hop.cause} → {hop.effect}"))
    yield from (_item(say.Row(node.deviation, f"{node.name}:")) for node in report.nodes if node.deviation)


def arrows(chain: list[Hop]) -> Text:
    """cause ──▶ effect where verified, cause ┄?┄▶ effect where not: told apart without colour."""
    text = Text(inert(chain[0].cause, 80), style="bold")
    for hop in chain:
        text.append(" ──▶ " if hop.verified else " ┄?┄▶ ", style="not bold")
        text.append(inert(hop.effect, 80))
    return text


def _claims(claims: Iterable[Claim]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("  id", no_wrap=True, style="dim")
    table.add_column("says", overflow="fold")
    table.add_column("from", overflow="fold", max_width=16, style="dim")
    for claim in claims:
        table.add_row(Text(f"  {inert(claim.id, 12)}"), plain(claim.sentence), plain(", ".join(claim.evidence_ids)))
    return table


def _item(row: say.Row) -> Table:
    """A bullet with a hanging indent; smaller print goes below."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    lead = inert(row.lead, 120)
    grid.add_row("  •", Text.assemble((lead, "bold"), "  " if lead else "", inert(row.text)))
    for more in row.more:
        grid.add_row("", plain(more, "dim"))
    return grid

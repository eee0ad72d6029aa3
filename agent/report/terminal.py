"""The report in a terminal: verdict first, readable at 60 columns and without colour."""

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agent.report.sections import ceiling_line, change_line, confidence, footer, hop_mark, onset_line, removed_line
from agent.report.text import inert, share
from agent.state import Report, SeriesView
from agent.times import clock
from diagnosis.symptoms import amount

_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 36


def render_terminal(report: Report) -> RenderableType:
    """One renderable for rich; all text from outside is inert and never markup."""
    return Group(*_parts(report))


def _parts(report: Report) -> Iterable[RenderableType]:
    yield _verdict(report)
    if report.ceiling is not None:
        yield Text(ceiling_line(report.ceiling), style="bold yellow")
    if report.change_quote:
        yield _heading("What the change did")
        for line in report.change_quote.splitlines():
            style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
            yield Text(f"  {inert(line)}", style=style)
    if report.path:
        yield _heading("Causal path")
        for hop in report.path:
            yield Text.assemble(
                "  ", (inert(hop.cause), "bold"), " → ", (inert(hop.effect), "bold"), f"  {hop_mark(hop)}"
            )
    if report.series:
        yield _heading("Series")
        yield _series(report)
    if report.claims:
        yield _heading("Evidence, each line re-computed before it was printed")
        yield _claims(report)
    yield from _lists(report)
    if report.removed_claims:
        yield Text(f"\n{removed_line(report)}")
    yield Text(f"\n{footer(report)}", style="dim")


def _verdict(report: Report) -> Panel:
    body = Table.grid(padding=(0, 2))
    body.add_column(style="dim", no_wrap=True)
    body.add_column(overflow="fold")
    rows = [("sure?", confidence(report)), ("began", onset_line(report))]
    if report.cause_found:
        rows.append(("change", change_line(report)))
        rows.append(("remedy", report.remediation.value.replace("_", " ")))
    if report.blast_radius:
        rows.append(("also hit", ", ".join(map(inert, report.blast_radius))))
    for name, value in rows:
        body.add_row(name, Text(value))
    title = Text(inert(report.headline), style="bold")
    return Panel(Group(title, Text(), body), title=Text(inert(report.title, 60)), title_align="left", box=box.ROUNDED)


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _series(report: Report) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(overflow="fold", ratio=2)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    for view in report.series:
        known = [value for value in view.values if value is not None]
        ends = f"{amount(known[0])} → {amount(known[-1])}" if known else ""
        table.add_row(Text(f"  {inert(view.entity)} {inert(view.metric)}"), _spark(view), Text(ends))
    return table


def _spark(view: SeriesView) -> Text:
    """Blocks for the values; a bar where the deviation begins, so that it reads without colour."""
    count = len(view.values)
    step = max(1, -(-count // _SPARK_WIDTH))
    known = [value for value in view.values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    text = Text()
    marked = view.onset is None
    for begin in range(0, count, step):
        part = [value for value in view.values[begin : begin + step] if value is not None]
        if not marked and view.onset is not None and view.times[min(begin + step, count) - 1] >= view.onset:
            text.append("|", style="bold yellow")
            marked = True
        if not part:
            text.append(" ")
            continue
        level = 0 if high == low else int((max(part) - low) / (high - low) * (len(_BLOCKS) - 1))
        text.append(_BLOCKS[level])
    return text


def _claims(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True, style="dim")
    for claim in report.claims:
        table.add_row(f"  {claim.id}", Text(inert(claim.sentence)), Text(inert(", ".join(claim.evidence_ids[:2]), 40)))
    return table


def _lists(report: Report) -> Iterable[RenderableType]:
    steps = [
        inert(step.sentence) + (f"  [{inert(step.citation)}]" if step.citation else "") for step in report.next_steps
    ]
    results = [f"{result.outcome}: {inert(result.detail)}" for result in report.action_results]
    verification = (
        [f"{report.verification.outcome}: {inert(report.verification.sentence)}"] if report.verification else []
    )
    wrong = [f"This is wrong if it is not so that {inert(report.prediction.sentence)}."] if report.prediction else []
    ruled = [f"{inert(item.subject)}: {inert(item.reason)}" for item in report.ruled_out]
    others = [f"{share(item.probability)}  {inert(item.sentence)}" for item in report.hypotheses]
    times = [f"{clock(entry.time)}  {inert(entry.label)}" for entry in report.timeline]
    unasked = [inert(line) for line in report.ceiling.unasked] if report.ceiling else []
    for title, lines in (
        ("Next steps", steps),
        ("Actions", results),
        ("After the action", verification),
        ("How to prove this wrong", wrong),
        ("Hypotheses", others),
        ("Ruled out", ruled),
        ("Timeline (UTC)", times),
        ("Left unasked", unasked),
        ("Blind spots", [inert(spot) for spot in report.blind_spots]),
    ):
        if lines:
            yield _heading(title)
            for line in lines:
                yield _hanging(line)


def _hanging(line: str) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("  •", Text(line))
    return grid

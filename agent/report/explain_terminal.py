"""What stands behind a verdict in a terminal: bars of blocks, shares as signs and numbers, readable without colour."""

import itertools
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from agent.report import explain as say
from agent.report.explain_series import traced
from agent.report.sections import chains, hop_mark, words
from agent.report.spark import Sparklines
from agent.report.terminal import arrows, heading, plain
from agent.report.text import inert
from agent.report.times import clock, percent
from diagnosis.findings import Hop, Suspect
from diagnosis.weights import CHANNEL_WEIGHTS, WEIGHTS

_BAR, _SHORT = 24, 12
_EIGHTHS = " ▏▎▍▌▋▊▉"


def render_explained(found: say.Explanation) -> RenderableType:
    """One renderable for rich; all text from outside is inert and never markup."""
    return Group(*_parts(found))


def _parts(found: say.Explanation) -> Iterable[RenderableType]:
    diagnosis = found.diagnosis
    title = f"{inert(found.alert.name, 120)} at {inert(found.alert.entity or 'an unnamed service', 80)}"
    onset = f", onset {clock(diagnosis.onset)} UTC" if diagnosis.onset is not None else ""
    yield Text.assemble((title, "bold"), f"{onset}, alert {clock(found.alert.fired_at)} UTC")
    if diagnosis.suspects:
        yield heading("Where the fault may be", "the last column is the score in nats")
        yield _ranking(found)
        yield heading("What each channel adds", "in nats; “of” is what it would add alone")
        yield _shares(found)
        yield _reasons(found.channels)
    else:
        yield Text("No suspect: no channel found anything that only a fault would show.")
    yield heading("What the cause may be")
    for hypothesis in diagnosis.hypotheses:
        yield _row(percent(hypothesis.probability), plain(hypothesis.sentence))
    if series := traced(found):
        yield heading("Series behind the findings", "| is where it left its baseline")
        yield Sparklines([item.named for item in series])
    if diagnosis.path:
        yield heading("Causal path")
        for chain in chains(diagnosis.path):
            yield Text("  ").append_text(arrows(chain))
        for hop in diagnosis.path:
            yield _row("•", plain(f"{inert(hop.cause, 80)} → {inert(hop.effect, 80)}: {hop_mark(hop)}{_lacking(hop)}"))
    if diagnosis.findings:
        yield heading("Findings", f"before → after, deviation in robust standard deviations{_one_window(found)}")
        yield _findings(found)
    yield Text(f"\ninvestigation {inert(found.id, 40)}; more, with the call graph: --html FILE", style="dim")


def _lacking(hop: Hop) -> str:
    lacks = [lack for lack in say.missing(hop) if lack.startswith("deviation of")]
    return f" (no {', no '.join(inert(lack, 100) for lack in lacks)})" if lacks else ""


def bar(share: float, width: int = _BAR) -> str:
    """Blocks to an eighth of a cell: ``share`` of ``width``."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip().ljust(width, "·")


def _ranking(found: say.Explanation) -> Table:
    table = _grid("right", "left", "left", "right", "left", "right")
    for place, suspect in enumerate(found.diagnosis.suspects, 1):
        table.add_row(
            f"{place}",
            plain(suspect.entity, "bold" if place == 1 else ""),
            bar(suspect.probability, _SHORT),
            percent(suspect.probability),
            say.kind_of(suspect),
            say.nats(suspect.score),
        )
    table.add_row(
        "",
        Text("something I cannot see", "italic"),
        bar(found.elsewhere, _SHORT),
        percent(found.elsewhere),
        "",
        say.nats(WEIGHTS["place_unseen"]),
    )
    return table  # fmt: skip


def _shares(found: say.Explanation) -> Table:
    longest = max(sum(max(part.counts, 0.0) for part in say.parts(s)) for s in found.diagnosis.suspects)
    table = _grid("left", "right", "left")
    for suspect in found.diagnosis.suspects:
        numbers = ", ".join(f"{say.sign(part.method)} {say.counted(part)}" for part in say.parts(suspect))
        table.add_row(
            plain(suspect.entity, "bold"),
            say.nats(suspect.score),
            Group(Stack(suspect, longest), plain(numbers, "dim")),
        )
    return table


class Stack:
    """A rich renderable: one bar, its parts as long as what they count on the scale of the ``longest`` bar."""

    def __init__(self, suspect: Suspect, longest: float) -> None:
        self._pieces, self._longest = [part for part in say.parts(suspect) if part.counts > 0], longest

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(2 * _BAR, options.max_width) / (self._longest or 1.0)
        ends = [round(width * sum(part.counts for part in self._pieces[:n])) for n in range(len(self._pieces) + 1)]
        spans = zip(self._pieces, itertools.pairwise(ends), strict=True)
        yield Text("".join(_piece(part, end - begin) for part, (begin, end) in spans), no_wrap=True)


def _piece(part: say.Part, cells: int) -> str:
    return f"{say.sign(part.method)}{'█' * (cells - 3)}▏" if cells > 3 else "█" * cells


def _reasons(channels: Iterable[str]) -> Table:
    table = _grid("left", "left", "right", "left")
    for name in channels:
        weight = say.nats(CHANNEL_WEIGHTS[name]) if name in CHANNEL_WEIGHTS else say.NONE
        table.add_row(say.sign(name), plain(words(name)), weight, plain(say.reason(name), "dim"))
    return table


def _one_window(found: say.Explanation) -> str:
    """What all findings were compared over, where that is one window; "" where it differs."""
    windows = {say.finding_row(finding)[-1] for finding in found.diagnosis.findings}
    return f"; window {windows.pop()} UTC" if len(windows) == 1 else ""


def _findings(found: say.Explanation) -> Table:
    """Two lines each: what it says, and below that its numbers."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    several = not _one_window(found)
    for finding in found.diagnosis.findings:
        id, method, entity, sentence, before, after, deviation, onset, window = say.finding_row(finding)
        table.add_row(f"  {inert(id, 8)}", plain(sentence))
        numbers = f"{inert(method, 40)} · {inert(entity, 80)} · {before} → {after}, {deviation} · onset {onset}{f' · window {window}' if several else ''}"
        table.add_row("", plain(numbers, "dim"))
    return table


def _grid(*justify: str) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for place, side in enumerate(justify):
        table.add_column(justify=side, overflow="fold", no_wrap=side == "right" and place > 0)  # type: ignore[arg-type]
    return table


def _row(lead: str, text: Text) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(f"  {lead}", text)
    return grid

"""Series as lines of blocks, as wide as the terminal allows; the onset is a mark, so they read without colour."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from agent.report.model import SeriesView
from agent.report.text import inert
from agent.report.times import quantity

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDEST = 60
_ROOM_FOR_ONE_LINE = 96  # columns; below it the name stands above its line


class Sparklines:
    """A rich renderable: one series a row (wide terminal) or two rows (narrow)."""

    def __init__(self, series: Sequence[SeriesView]) -> None:
        self._series = series

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width < _ROOM_FOR_ONE_LINE:
            for view in self._series:
                yield _name(view)
                yield Text.assemble("  ", sparkline(view, min(_WIDEST, options.max_width - 26)), f"  {_ends(view)}")
            return
        table = Table.grid(padding=(0, 2))
        table.add_column(overflow="fold", ratio=1)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        for view in self._series:
            table.add_row(_name(view), sparkline(view, min(_WIDEST, options.max_width // 3)), Text(_ends(view)))
        yield table


def _name(view: SeriesView) -> Text:
    return Text(f"  {inert(view.entity, 80)} {inert(view.metric, 120)}")


def _ends(view: SeriesView) -> str:
    known = [value for value in view.values if value is not None]
    if not known:
        return "no samples"
    return f"{quantity(known[0], view.metric)} → {quantity(known[-1], view.metric)}"


def sparkline(view: SeriesView, width: int) -> Text:
    """At most ``width`` blocks, each the highest value of its stretch; ``|`` stands where the deviation begins."""
    known = [value for value in view.values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    text, marked = Text(), view.onset is None
    for last, part in _stretches(view, max(8, width - 1)):
        if not marked and view.onset is not None and last >= view.onset:
            text.append("|", style="bold")
            marked = True
        level = round((max(part) - low) / (high - low) * 7) if part and high > low else 0
        text.append(_BLOCKS[level] if part else " ")
    return text


def _stretches(view: SeriesView, most: int) -> Iterator[tuple[float, list[float]]]:
    """Equal stretches of samples: the time of the last one and the values that are there."""
    count = len(view.values)
    cells = min(most, count)
    for cell in range(cells):
        begin, end = cell * count // cells, (cell + 1) * count // cells
        yield view.times[end - 1], [value for value in view.values[begin:end] if value is not None]

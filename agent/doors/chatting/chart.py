"""A series as a small chart of braille dots: two by four a character, so that a terminal shows a curve."""

import math
from collections.abc import Callable

from rich.text import Text

from agent.report.model import SeriesView
from agent.report.text import inert
from agent.report.times import quantity

_ROWS = 6
_WIDEST, _NARROWEST = 72, 16
_LABEL = 9
_BLANK = 0x2800
# The bit of a dot, by its column and its row from the top.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def chart(view: SeriesView, width: int, when: Callable[[float], str]) -> list[Text]:
    """Lines of at most ``width`` columns: a title, the curve with its highest and lowest level, and the times below.

    ``when`` shows an epoch time. ``|`` marks the onset, below the curve, so that it reads without colour.
    """
    title = Text(f"{inert(view.entity, 80)} {inert(view.metric, 120)}", style="bold", no_wrap=True, overflow="ellipsis")
    known = [value for value in view.values if value is not None and math.isfinite(value)]
    if not known:
        return [title, Text("  no samples in this time")]
    columns = max(_NARROWEST, min(_WIDEST, width - _LABEL - 2))
    low, high = min(known), max(known)
    labels = [""] * _ROWS
    labels[-1] = _label(low, view.metric)
    if high > low:
        labels[0] = _label(high, view.metric)
    cells = _cells(view, columns, low, high)
    lines = [Text(f"{label:>{_LABEL}} {''.join(map(chr, row))}") for label, row in zip(labels, cells, strict=True)]
    return [title, *lines, Text(_axis(view, columns, when), style="dim")]


def _label(value: float, metric: str) -> str:
    told = quantity(value, metric)
    return told if len(told) <= _LABEL else f"{value:.2g}"


def _cells(view: SeriesView, columns: int, low: float, high: float) -> list[list[int]]:
    """Code points, shape (rows, columns); neighbouring samples are joined by a line of dots."""
    cells = [[_BLANK] * columns for _ in range(_ROWS)]
    tall, wide, last = 4 * _ROWS - 1, 2 * columns - 1, len(view.values) - 1
    before: tuple[int, int] | None = None
    for place, value in enumerate(view.values):
        if value is None or not math.isfinite(value):
            before = None
            continue
        x = round(place / last * wide) if last else 0
        y = round((high - value) / (high - low) * tall) if high > low else tall
        for dot_x, dot_y in _line(before or (x, y), (x, y)):
            cells[dot_y // 4][dot_x // 2] |= _DOTS[dot_x % 2][dot_y % 4]
        before = (x, y)
    return cells


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * step / steps), round(start[1] + (end[1] - start[1]) * step / steps))
        for step in range(steps + 1)
    ]


def _axis(view: SeriesView, columns: int, when: Callable[[float], str]) -> str:
    """The first and the last time, and a mark where the trouble began."""
    first, last = when(view.times[0]), when(view.times[-1])
    line = list(first + " " * max(1, columns - len(first) - len(last)) + last)
    if view.onset is not None and view.times[-1] > view.times[0]:
        place = round((view.onset - view.times[0]) / (view.times[-1] - view.times[0]) * (columns - 1))
        if 0 <= place < len(line) and line[place] == " ":
            line[place] = "|"
    return " " * (_LABEL + 1) + "".join(line)

"""The key series as small inline SVG charts, with the onset, the alert and the changes marked.

Colours are CSS variables of the page, so that dark mode and print need nothing here. Every text is inert and escaped,
and stands in an element, never in an attribute.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from agent.report.model import ChangeView, SeriesView
from agent.report.text import inert
from agent.report.times import clock, quantity
from diagnosis.words import short_id

_WIDTH, _HEIGHT = 360, 182
LEFT, RIGHT, TOP, BASE = 56, 350, 26, 126
_LABEL_ROOM = 104  # pixels that "onset 12:36:04" takes


@dataclass(frozen=True, slots=True)
class Span:
    """The time axis that all charts of a page share, in epoch seconds."""

    start: float
    end: float


def shared_span(series: Sequence[SeriesView]) -> Span:
    """From the first to the last sample of any series."""
    times = [time for view in series for time in view.times if math.isfinite(time)]
    return Span(min(times), max(times)) if times else Span(0.0, 0.0)


def series_chart(view: SeriesView, changes: Sequence[ChangeView], fired_at: float, span: Span, name: str) -> Markup:
    """A line chart of one series; gaps stay gaps. ``name`` is unique on the page. Empty below two samples."""
    points = [(t, v) for t, v in zip(view.times, view.values, strict=False) if v is not None and math.isfinite(v)]
    if len(points) < 2 or span.end <= span.start or not math.isfinite(max(map(abs, (v for _, v in points))) * 4):
        return Markup("")
    steps = ladder([value for _, value in points])

    def x(time: float) -> float:
        return round(LEFT + (time - span.start) / (span.end - span.start) * (RIGHT - LEFT), 1)

    def y(value: float) -> float:
        return round(BASE - (value - steps[0]) / (steps[-1] - steps[0]) * (BASE - TOP), 1)

    def inside(time: float | None) -> bool:
        return time is not None and span.start <= time <= span.end

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{name}-t {name}-d" class="chart">',
        f'<title id="{name}-t">{escape(inert(f"{view.entity} {view.metric}", 160))}</title>',
        f'<desc id="{name}-d">{escape(_said(view, points))}</desc>',
        *_grid(steps, span, x, y, view.metric),
    ]
    onset = view.onset if view.onset is not None and inside(view.onset) else None
    if onset is not None:
        parts.append(_rect("after", x(onset), TOP, RIGHT - x(onset), BASE - TOP))
    if inside(fired_at):
        parts.append(_upright("alert", x(fired_at)))
    parts += _line(view, x, y)
    parts += _marks([change for change in changes if inside(change.time)], x)
    parts += _labels(x(onset) if onset is not None else None, x(fired_at) if inside(fired_at) else None, onset)
    return Markup("".join((*parts, "</svg>")))  # noqa: S704 - every text in it was escaped above


def _said(view: SeriesView, points: Sequence[tuple[float, float]]) -> str:
    values = [value for _, value in points]
    first, last, top = (quantity(value, view.metric) for value in (values[0], values[-1], max(values)))
    onset = f"; left its baseline at {clock(view.onset)} UTC" if view.onset is not None else ""
    return f"From {first} to {last}, highest {top}{onset}."


def ladder(values: Sequence[float]) -> list[float]:
    """Round levels for the grid. Zero is the floor unless all values are far from it, where it would hide the change."""
    low, high = min(values), max(values)
    if low > 0 and low < high / 2:
        low = 0.0
    if high - low <= max(abs(high), abs(low)) * 1e-9 or high - low < 1e-290:
        return [min(0.0, low), max(0.0, high)] if low else [0.0, 1.0]
    size = 10.0 ** math.floor(math.log10((high - low) / 3))
    step = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size * 3 >= high - low)
    first = math.floor(low / step)
    return [step * place for place in range(first, max(first + 2, math.ceil(high / step - 1e-9) + 1))]


def _grid(steps: Sequence[float], span: Span, x: Callable[[float], float], y: Callable[[float], float], metric: str) -> Iterator[str]:  # fmt: skip
    for value in steps:
        yield f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y(value)}" y2="{y(value)}"/>'
        yield f'<text class="axis" x="{LEFT - 7}" y="{y(value) + 4}" text-anchor="end">{escape(quantity(value, metric))}</text>'
    digits = 8 if span.end - span.start < 900 else 5
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        time = span.start + share * (span.end - span.start)
        yield f'<text class="axis" x="{x(time)}" y="{_HEIGHT - 5}" text-anchor="{anchor}">{clock(time)[:digits]}</text>'


def _line(view: SeriesView, x: Callable[[float], float], y: Callable[[float], float]) -> Iterator[str]:
    runs: list[list[str]] = [[]]
    for time, value in zip(view.times, view.values, strict=False):
        if value is None or not math.isfinite(value):
            runs.append([])
        else:
            runs[-1].append(f"{x(time)} {y(value)}")
    for run in filter(None, runs):
        # A sample between two gaps is a dot: a path of zero length with round caps draws as one.
        yield f'<path class="line" d="M{" L".join(run if len(run) > 1 else run * 2)}"/>'


def _rect(css: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{css}" x="{x}" y="{y}" width="{round(width, 1)}" height="{height}"/>'


def _upright(css: str, x: float) -> str:
    return f'<line class="{css}" x1="{x}" x2="{x}" y1="{TOP}" y2="{BASE}"/>'


def _labels(onset: float | None, alert: float | None, time: float | None) -> Iterator[str]:
    """The onset's label on its quiet side; the alert's where the two do not meet."""
    left = onset is not None and onset - LEFT >= _LABEL_ROOM
    if onset is not None and time is not None:
        yield _upright("onset", onset)
        at, anchor = (onset + 3, "end") if left else (onset - 3, "start")
        yield f'<text class="mark" x="{at}" y="{TOP - 9}" text-anchor="{anchor}">onset {clock(time)}</text>'
    if alert is not None and (onset is None or (left and alert - onset > 8)):
        end = alert > RIGHT - 30
        yield f'<text class="axis" x="{RIGHT if end else alert - 3}" y="{TOP - 9}" text-anchor="{"end" if end else "start"}">alert</text>'


def _marks(changes: Sequence[ChangeView], x: Callable[[float], float]) -> Iterator[str]:
    """Signs below the axis, the guilty ones last so that nothing covers them; only the latest of those has a label."""
    for change in sorted(changes, key=lambda item: item.guilty):
        label = f"{change.kind} {change.title or short_id(change.id)} {change.entity}, {clock(change.time)} UTC"
        css = "guilty" if change.guilty else "change"
        yield f'<path class="{css}" d="{change_sign(change.kind, x(change.time), BASE + 9)}"><title>{escape(inert(label, 160))}</title></path>'
    guilty = max((c for c in changes if c.guilty), key=lambda c: c.time, default=None)
    if guilty is not None:
        at = x(guilty.time)
        place, anchor = (at + 6, "end") if at > (LEFT + RIGHT) / 2 else (at - 6, "start")
        name = guilty.title if guilty.kind == "deploy" and guilty.title else short_id(guilty.id)
        yield f'<text class="mark" x="{place}" y="{BASE + 30}" text-anchor="{anchor}">{escape(inert(f"{guilty.kind} {name}", 26))}</text>'


def change_sign(kind: str, x: float, y: float) -> str:
    """The path of a change's sign around a point: its shape tells the kind, so that colour need not."""
    match kind:
        case "deploy":
            return f"M{x} {y - 5}l5 9h-10z"
        case "commit":
            return f"M{x - 1} {y - 5}h2v9h-2z"
        case "flag":
            return f"M{x} {y - 5}l5 5l-5 5l-5 -5z"
        case _:
            return f"M{x - 4} {y - 4}h8v8h-8z"


def legend(kinds: Sequence[str]) -> list[tuple[str, Markup]]:
    """The sign of each kind of change with its name."""
    return [
        (kind, Markup(f'<svg viewBox="0 0 14 14" aria-hidden="true" class="sign"><path class="change" d="{change_sign(kind, 7, 7)}"/></svg>'))  # noqa: S704 - numbers only
        for kind in kinds
    ]  # fmt: skip

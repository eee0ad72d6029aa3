"""Pictures of a report as inline SVG: the key series with onset and changes, and the causal path.

Colours are CSS variables of the page, so that dark mode and print need nothing here. Text is inert and escaped.
"""

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from agent.report.sections import hop_mark
from agent.report.text import inert
from agent.state import ChangeView, NodeView, Report, SeriesView
from agent.times import clock
from diagnosis.symptoms import amount

Scale = Callable[[float], float]

_WIDTH, _HEIGHT = 640, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 14, 40


def series_chart(view: SeriesView, changes: Sequence[ChangeView], fired_at: float) -> Markup:
    """A line chart of one series; gaps stay gaps."""
    known = [value for value in view.values if value is not None]
    if len(known) < 2 or view.times[-1] <= view.times[0]:
        return Markup("")
    low, high = min([*known, 0.0]), max(known)
    high = high if high > low else low + 1.0
    start, end = view.times[0], view.times[-1]

    def x(time: float) -> float:
        return round(_LEFT + (time - start) / (end - start) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        return round(_HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    name = f"{inert(view.entity)} {inert(view.metric)}"
    said = f"from {amount(known[0])} to {amount(known[-1])}, highest {amount(max(known))}"
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(name)}: {escape(said)}" class="chart">',
        f"<title>{escape(name)}</title><desc>{escape(said)}</desc>",
        _frame(low, high, start, end, x, y),
        _marks(changes, start, end, x),
    ]
    if view.onset is not None and start <= view.onset <= end:
        at = x(view.onset)
        parts.append(f'<line class="onset" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
        # Before the onset the line is quiet, so that is where the label has room.
        anchor, shift = ("end", -5) if at > _LEFT + 120 else ("start", 5)
        parts.append(
            f'<text class="mark" x="{at + shift}" y="{_TOP + 10}" text-anchor="{anchor}">onset {clock(view.onset)}</text>'
        )
    if start <= fired_at <= end:
        at = x(fired_at)
        parts.append(f'<line class="alert" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
    parts.append(f'<path class="line" d="{_path(view, x, y)}"/></svg>')
    return Markup("".join(parts))  # noqa: S704 - every text in it was escaped above


def _path(view: SeriesView, x: Scale, y: Scale) -> str:
    steps, pen = [], "M"
    for time, value in zip(view.times, view.values, strict=True):
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{x(time)} {y(value)}")
        pen = "L"
    return " ".join(steps)


def _frame(low: float, high: float, start: float, end: float, x: Scale, y: Scale) -> str:
    parts = []
    for value in (low, (low + high) / 2, high):
        at = y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text class="axis" x="{_LEFT - 6}" y="{at + 4}" text-anchor="end">{amount(value)}</text>')
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        time = start + share * (end - start)
        parts.append(
            f'<text class="axis" x="{x(time)}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{clock(time)[:5]}</text>'
        )
    return "".join(parts)


def _marks(changes: Sequence[ChangeView], start: float, end: float, x: Scale) -> str:
    """Ticks under the axis: a filled triangle for the guilty change's deploy, an open one for the others."""
    parts, base = [], _HEIGHT - _BOTTOM + 4
    for change in changes:
        if not start <= change.time <= end or (change.kind == "commit" and not change.guilty):
            continue
        at, label = x(change.time), f"{change.kind} {inert(change.title or change.id, 60)} {inert(change.entity)}"
        css = "guilty" if change.guilty else "change"
        points = f"{at},{base} {at - 5},{base + 9} {at + 5},{base + 9}"
        parts.append(
            f'<polygon class="{css}" points="{points}"><title>{escape(label)} {clock(change.time)}</title></polygon>'
        )
    return "".join(parts)


_BOX_HEIGHT, _GAP = 58, 44


def path_graph(report: Report) -> Markup:
    """The causal path from top to bottom: boxes with roles, solid arrows where verified, dashed where not."""
    names: list[str] = []
    for hop in report.path:
        names += [name for name in (hop.cause, hop.effect) if name not in names]
    views = {node.name: node for node in report.nodes}
    if not names:
        names = [node.name for node in report.nodes[:1]]
    if not names:
        return Markup("")
    height = len(names) * (_BOX_HEIGHT + _GAP) - _GAP + 8
    said = " to ".join(inert(name) for name in names)
    parts = [
        f'<svg viewBox="0 0 420 {height}" role="img" aria-label="Causal path: {escape(said)}" class="graph">',
        f"<title>Causal path</title><desc>{escape(said)}</desc>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" class="head"/></marker></defs>',
    ]
    for place, name in enumerate(names):
        parts.append(_box(views.get(name), name, 4 + place * (_BOX_HEIGHT + _GAP)))
    for hop in report.path:
        top = 4 + names.index(hop.cause) * (_BOX_HEIGHT + _GAP) + _BOX_HEIGHT
        css = "sure" if hop.verified else "unsure"
        parts.append(
            f'<line class="{css}" x1="124" x2="124" y1="{top + 2}" y2="{top + _GAP - 4}" marker-end="url(#head)"/>'
        )
        parts.append(f'<text class="axis" x="136" y="{top + _GAP / 2 + 4}">{escape(hop_mark(hop))}</text>')
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704 - every text in it was escaped above


def _box(view: NodeView | None, name: str, top: int) -> str:
    role = view.role if view else "path"
    deviation = inert(view.deviation, 58) if view else ""
    return (
        f'<rect class="box {role}" x="4" y="{top}" width="412" height="{_BOX_HEIGHT}" rx="8"/>'
        f'<text class="name" x="18" y="{top + 24}">{escape(inert(name, 40))}</text>'
        f'<text class="role" x="402" y="{top + 24}" text-anchor="end">{escape(role)}</text>'
        f'<text class="axis" x="18" y="{top + 44}">{escape(deviation)}</text>'
    )

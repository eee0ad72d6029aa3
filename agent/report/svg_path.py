"""The causal path as a small inline SVG graph: boxes from cause to symptom, arrows solid where a hop is verified."""

from collections.abc import Iterator

from markupsafe import Markup, escape

from agent.report.model import NodeView, Report
from agent.report.sections import hop_mark
from agent.report.text import inert
from diagnosis.findings import Hop

_WIDTH, _BOX, _GAP = 420, 62, 46
_SIDE = 44  # room on the right for hops that skip a box
_MOST = 12


def path_graph(report: Report) -> Markup:
    """The path from top to bottom; "" where nothing is known to fail. A hop past the next box runs along the side."""
    names = list(dict.fromkeys(name for hop in report.path for name in (hop.cause, hop.effect)))[:_MOST]
    names = names or [node.name for node in report.nodes if node.role == "cause"][:1]
    if not names:
        return Markup("")
    place = {name: index for index, name in enumerate(names)}
    hops = [
        (hop, place[hop.cause], place[hop.effect]) for hop in report.path if hop.cause in place and hop.effect in place
    ]
    width = _WIDTH - 8 - (_SIDE if any(end != start + 1 for _, start, end in hops) else 0)
    said = ". ".join(f"{hop.cause} to {hop.effect}: {hop_mark(hop)}" for hop, _, _ in hops) or names[0]
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {len(names) * (_BOX + _GAP) - _GAP + 8}" role="img" aria-labelledby="path-t path-d" class="graph">',
        f'<title id="path-t">Causal path</title><desc id="path-d">{escape(inert(said))}</desc>',
    ]  # fmt: skip
    views = {node.name: node for node in report.nodes}
    for name, index in place.items():
        parts += _box(views.get(name), name, _top(index), width)
    for hop, start, end in hops:
        css = "sure" if hop.verified else "unsure"
        parts += _down(css, _top(start), hop_mark(hop)) if end == start + 1 else _aside(css, start, end, width)
    return Markup("".join((*parts, "</svg>")))  # noqa: S704 - every text in it was escaped above


def aside(report: Report) -> list[Hop]:
    """Hops that the graph draws along the side, where a label has no room: the page says in words what they lack."""
    names = list(dict.fromkeys(name for hop in report.path for name in (hop.cause, hop.effect)))
    return [hop for hop in report.path if names.index(hop.effect) != names.index(hop.cause) + 1]


def _top(index: int) -> int:
    return 4 + index * (_BOX + _GAP)


def _box(view: NodeView | None, name: str, top: int, width: int) -> Iterator[str]:
    role, deviation = (view.role, view.deviation) if view else ("path", "")
    css = "box cause" if role == "cause" else "box"
    yield f'<rect class="{css}" x="4" y="{top}" width="{width}" height="{_BOX}" rx="6"/>'
    yield f'<text class="name" x="18" y="{top + 26}">{escape(inert(name, 36))}</text>'
    yield f'<text class="role" x="{width - 10}" y="{top + 26}" text-anchor="end">{escape(inert(role, 12))}</text>'
    yield f'<text class="small" x="18" y="{top + 47}"><title>{escape(inert(deviation))}</title>{escape(inert(deviation, width // 7))}</text>'


def _down(css: str, top: int, mark: str) -> Iterator[str]:
    begin, end = top + _BOX + 3, top + _BOX + _GAP - 4
    yield f'<path class="{css}" d="M30 {begin}V{end - 7}"/>'
    yield f'<path class="head" d="M30 {end}l-5 -8h10z"/>'
    yield f'<text class="small" x="46" y="{(begin + end) // 2 + 4}">{escape(inert(mark, 52))}</text>'


def _aside(css: str, start: int, end: int, width: int) -> Iterator[str]:
    """A hop that does not lead to the next box: out at the right edge, along the side, and in again."""
    right, out = width + 4, width + 4 + 18 + 4 * ((start + end) % 4)
    begin, stop = _top(start) + _BOX // 2 + 6, _top(end) + _BOX // 2 - 6
    yield f'<path class="{css}" d="M{right} {begin}H{out}V{stop}H{right + 8}"/>'
    yield f'<path class="head" d="M{right + 1} {stop}l8 -5v10z"/>'

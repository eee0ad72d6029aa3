"""The call graph around the suspects as inline SVG: who deviates how, how the fault would have travelled, what is unproved.

Colours are CSS variables of the page. Every text is inert, escaped, and stands in an element, never in an attribute.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from rich.cells import cell_len

from agent.report.explain import Explanation, kind_of, level, sigmas, strongest
from agent.report.explain_layout import WIDTH, Pair, Plan, Point, curve, head, plan
from agent.report.text import inert
from agent.report.times import percent
from diagnosis.findings import Finding, Hop

_MOST = 40
_TAG, _NAME, _LINE, _TOP, _FOOT = 17, 17, 16, 4, 9  # heights: the words above a box, lines of its name and below, air
_NAME_CELLS, _CELLS, _TAG_CELLS = 18, 26, 35  # what fits into a line of a box, in a font as wide as they come
_MOST_SHRUNK = 8  # columns up to which the page may make the picture smaller; more are scrolled


@dataclass(frozen=True, slots=True)
class Drawing:
    """The picture, how many services it shows, and how many it leaves out."""

    picture: Markup
    shown: int
    left_out: int


def call_graph(found: Explanation, most: int = _MOST) -> Drawing:
    """Suspects, path, blast radius and alerted service, then the neighbours that deviate most, at most ``most``."""
    names, left_out = _chosen(found, most)
    if not names:
        return Drawing(Markup(""), 0, left_out)
    shown = frozenset(names)
    hops = {_called(hop, found): (place, hop) for place, hop in enumerate(found.diagnosis.path, 1)}
    hops = {pair: numbered for pair, numbered in hops.items() if set(pair) <= shown}
    calls = {(edge.caller, edge.callee) for edge in found.topology.edges if {edge.caller, edge.callee} <= shown}
    lines = {name: _lines(found, name) for name in names}
    layout = plan({name: _TAG + _height(name, lines[name]) for name in names}, calls | set(hops))
    parts = [
        f'<svg viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" width="{layout.width:.0f}" role="img" aria-labelledby="calls-t calls-d" class="calls columns-{min(layout.columns, _MOST_SHRUNK)}">',
        f'<title id="calls-t">Call graph</title><desc id="calls-d">{escape(inert(_said(found, names), 4000))}</desc>',
        *(_call(layout.ways[pair]) for pair in sorted(calls - set(hops))),
    ]
    for pair, (place, hop) in sorted(hops.items()):
        parts += _hop(_towards(layout.ways[pair], pair, hop), place, hop)
    for name in names:
        parts += _box(found, name, lines[name], layout)
    return Drawing(Markup("".join((*parts, "</svg>"))), len(names), left_out)  # noqa: S704 - every text in it was escaped


def _chosen(found: Explanation, most: int) -> tuple[list[str], int]:
    diagnosis, topology = found.diagnosis, found.topology
    core = [name for hop in diagnosis.path for name in (hop.cause, hop.effect)]
    core += [found.alert.entity, diagnosis.first_failing, *(suspect.entity for suspect in diagnosis.suspects)]
    core += diagnosis.blast_radius
    near = {other for name in core for other in topology.callers(name) | topology.callees(name)}
    worst = _by_entity(diagnosis.findings)
    around = sorted(near, key=lambda name: (-abs(worst[name].deviation) if name in worst else 0.0, name))
    names = [name for name in dict.fromkeys((*core, *around)) if name]
    known = {node.name for node in topology.nodes} | {finding.entity for finding in diagnosis.findings} | set(names)
    return names[:most], len({name for name in known if name} - set(names[:most]))


def _by_entity(findings: Iterable[Finding]) -> dict[str, Finding]:
    own: dict[str, list[Finding]] = {}
    for finding in findings:
        own.setdefault(finding.entity, []).append(finding)
    worst = {name: strongest(mine) for name, mine in own.items()}
    return {name: finding for name, finding in worst.items() if finding is not None}


def _called(hop: Hop, found: Explanation) -> Pair:
    """A hop as caller and callee; a fault travels up the calls unless the topology has only the other way."""
    down = hop.effect in found.topology.callees(hop.cause) and hop.effect not in found.topology.callers(hop.cause)
    return (hop.cause, hop.effect) if down else (hop.effect, hop.cause)


def _lines(found: Explanation, name: str) -> tuple[str, ...]:
    """What a box says below its name: the strongest deviation there."""
    suspect = next((s for s in found.diagnosis.suspects if s.entity == name), None)
    behind = set(suspect.finding_ids) if suspect else set()
    worst = strongest(f for f in found.diagnosis.findings if f.entity == name or f.id in behind)
    if worst is None:
        return ()
    levels = f"{level(worst, worst.before)} → {level(worst, worst.after)}, " if worst.after is not None else ""
    return (f"{worst.id} {worst.subject}", f"{levels}{sigmas(worst.deviation)}")


def _tags(found: Explanation, name: str) -> str:
    """What a service is here, in words above its box."""
    diagnosis = found.diagnosis
    place = next((i for i, s in enumerate(diagnosis.suspects, 1) if s.entity == name), 0)
    tags = [f"{place}. suspect, {percent(diagnosis.suspects[place - 1].probability)}"] if place else []
    tags += ["alerted"] if name == found.alert.entity else []
    tags += ["also hit"] if name in diagnosis.blast_radius and name != found.alert.entity else []
    return " · ".join(tags)


def _height(name: str, lines: Sequence[str]) -> int:
    return _TOP + _NAME * len(_folded(name)) + _LINE * len(lines) + _FOOT


def _box(found: Explanation, name: str, lines: Sequence[str], layout: Plan) -> Iterator[str]:
    """The more probable a suspect, the thicker its outline and the longer the bar at its foot."""
    x, top = layout.boxes[name]
    y, height = top + _TAG, _height(name, lines)
    suspect = next((s for s in found.diagnosis.suspects if s.entity == name), None)
    likely = min(max(suspect.probability, 0.0), 1.0) if suspect else 0.0
    look = f'class="node suspect" stroke-width="{1.2 + 2.8 * likely:.2f}"' if suspect else 'class="node"'
    yield _text("small", x, y - 5, _fit(_tags(found, name), _TAG_CELLS))
    yield f'<rect {look} x="{x:.1f}" y="{y:.1f}" width="{WIDTH}" height="{height}" rx="6"/>'
    if suspect:
        yield f'<rect class="likely" x="{x + 8:.1f}" y="{y + height - 7:.1f}" width="{(WIDTH - 16) * likely:.1f}" height="3"/>'
    title = f"{name}: {kind_of(suspect)}" if suspect else name
    for row in _folded(name):
        y += _NAME
        yield _text("name", x + 9, y + 1, row, title)
    for line in lines:
        y += _LINE
        yield _text("small", x + 9, y, _fit(line, _CELLS), line)


def _text(css: str, x: float, y: float, shown: str, whole: str = "") -> str:
    hint = f"<title>{escape(inert(whole, 300))}</title>" if whole else ""
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}">{hint}{escape(shown)}</text>'


def _folded(name: str) -> tuple[str, ...]:
    """A name in one line, or in two of about the same length."""
    if cell_len(inert(name, 300)) <= _NAME_CELLS:
        return (_fit(name, _NAME_CELLS),)
    shown = _fit(name, 2 * _NAME_CELLS - 1)
    half = next(place for place in range(len(shown)) if cell_len(shown[place + 1 :]) <= cell_len(shown) // 2)
    breaks = [
        place
        for place in range(1, len(shown))
        if shown[place - 1].isalnum() > shown[place].isalnum() and _folds(shown, place)
    ]
    at = min(breaks, key=lambda place: abs(place - half), default=half + 1)
    return (shown[:at], shown[at:])


def _folds(text: str, place: int) -> bool:
    return max(cell_len(text[:place]), cell_len(text[place:])) <= _NAME_CELLS


def _call(way: Sequence[Point]) -> str:
    return f'<path class="call" d="{curve(way)}"/><path class="call-head" d="{head(way, 6)}"/>'


def _towards(way: Sequence[Point], pair: Pair, hop: Hop) -> tuple[Point, ...]:
    """The way from cause to effect, whoever calls whom."""
    return tuple(way if pair == (hop.cause, hop.effect) else reversed(way))


def _hop(way: Sequence[Point], place: int, hop: Hop) -> Iterator[str]:
    """A hop with its number, and below that in a word or two what its proof lacks."""
    yield f'<path class="{"hop" if hop.verified else "hop unproved"}" d="{curve(way)}"/><path class="hop-head" d="{head(way, 10)}"/>'
    middle = 2 * (len(way) // 4)  # of the gap that is nearest to the middle of the way
    x, y = ((way[middle][axis] + way[middle + 1][axis]) / 2 for axis in (0, 1))
    yield f'<circle class="number" cx="{x:.1f}" cy="{y:.1f}" r="10"/><text class="mark" x="{x:.1f}" y="{y + 4.2:.1f}" text-anchor="middle">{place}{"" if hop.verified else "?"}</text>'
    for row, lack in enumerate(_lacks(hop)):
        yield f'<text class="lack" x="{x:.1f}" y="{y + 23 + 13 * row:.1f}" text-anchor="middle">{lack}</text>'


def _lacks(hop: Hop) -> list[str]:
    there: Mapping[str, bool] = {"deviation?": bool(hop.cause_finding and hop.effect_finding), "call edge?": hop.edge, "order?": hop.ordered}  # fmt: skip
    return [lack for lack, has in there.items() if not has]


def _fit(text: str, cells: int) -> str:
    """A text cut in its middle, where names that share a beginning and an end still differ least."""
    whole = inert(text, 300)
    if cell_len(whole) <= cells:
        return whole
    head, tail = list(whole), list[str]()
    while cell_len("".join(head)) > (cells - 1) // 2:
        head.pop()
    for char in reversed(whole):
        if cell_len("".join((char, *tail))) > cells // 2:
            break
        tail.insert(0, char)
    return f"{''.join(head)}…{''.join(tail)}"


def _said(found: Explanation, names: Sequence[str]) -> str:
    """The picture in words, for who does not see it; the hops stand in a table below it."""
    told = (", ".join((name, *filter(None, (_tags(found, name), *_lines(found, name))))) for name in names)
    return f"{len(names)} services, callers left of what they call. {'. '.join(told)}."

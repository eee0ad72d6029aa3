"""Where the boxes of a call graph stand: columns by call depth, callers left of what they call.

The classical layered drawing (Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
structures", 1981): turn round the edges that close a cycle, depth by the longest way from an entry, barycentres for the
order in a column, and room for an edge in every column that it passes.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Pair = tuple[str, str]  # caller, callee
Point = tuple[float, float]
_Slot = tuple[str, str, int]  # a box (name, "", column), or the place where an edge passes a column

WIDTH, GAP = 184, 62
_BETWEEN, _PASSING, _MARGIN = 10, 12, 6
_SWEEPS = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """``boxes``: left and top of each; ``ways``: from the right of the caller to the left of the callee."""

    boxes: Mapping[str, Point]
    ways: Mapping[Pair, tuple[Point, ...]]
    width: float
    height: float
    columns: int


def plan(heights: Mapping[str, float], edges: Iterable[Pair]) -> Plan:
    """Boxes of these heights, in the order that equal ones keep. Boxes without an edge stand in rows below."""
    pairs = sorted({(a, b) for a, b in edges if a != b and a in heights and b in heights})
    linked = {name for pair in pairs for name in pair}
    joined = [name for name in heights if name in linked]
    forward = {pair: _forward(pair, turned) for turned in (_turned(joined, pairs),) for pair in pairs}
    columns, chains = _columns(joined, sorted(set(forward.values())))
    tall = {slot: _PASSING if slot[1] else heights[slot[0]] for column in columns for slot in column}
    middles = _middles(columns, chains, tall)
    boxes = {
        slot[0]: (_left(x), middles[slot] - tall[slot] / 2)
        for x, column in enumerate(columns)
        for slot in column
        if not slot[1]
    }
    ways = {pair: _way(pair, chains[forward[pair]], middles) for pair in pairs}
    bottom = max((y + heights[name] for name, (_, y) in boxes.items()), default=_MARGIN - _BETWEEN)
    bottom = max([bottom, *(y for way in ways.values() for _, y in way)])
    across = max(len(columns), min(4, len(heights) - len(linked)))
    alone, height = _rows([name for name in heights if name not in linked], heights, bottom + 2 * _BETWEEN, across)
    return Plan(boxes | alone, ways, _left(across) - GAP + _MARGIN, height + _MARGIN, across)


def _left(column: int) -> float:
    return _MARGIN + column * (WIDTH + GAP)


def _turned(names: Sequence[str], pairs: Sequence[Pair]) -> frozenset[Pair]:
    """The edges that lead back to a box on the way to them: turned round, no cycle is left."""
    below = _beside(pairs, lambda pair: pair)
    entries = [name for name in names if not any(callee == name for _, callee in pairs)]
    turned: set[Pair] = set()
    done: set[str] = set()

    def visit(name: str, above: frozenset[str]) -> None:
        done.add(name)
        for callee in below.get(name, ()):
            if callee in above or callee == name:
                turned.add((name, callee))
            elif callee not in done:
                visit(callee, above | {name})

    for name in (*entries, *names):
        if name not in done:
            visit(name, frozenset())
    return frozenset(turned)


def _forward(pair: Pair, turned: frozenset[Pair]) -> Pair:
    return (pair[1], pair[0]) if pair in turned else pair


def _beside(pairs: Iterable[Pair], key: Callable[[Pair], Pair]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in pairs:
        one, other = key(pair)
        found.setdefault(one, []).append(other)
    return found


def _depths(names: Sequence[str], edges: Sequence[Pair]) -> dict[str, int]:
    """The longest way from an entry; an entry itself stands right before the first that it calls."""
    depth = dict.fromkeys(names, 0)
    for _ in names:  # no way is longer than there are boxes
        for caller, callee in edges:
            depth[callee] = max(depth[callee], depth[caller] + 1)
    called = {callee for _, callee in edges}
    below = _beside(edges, lambda pair: pair)
    for name in names:
        if name not in called:
            depth[name] = min(depth[callee] for callee in below[name]) - 1
    return depth


def _columns(names: Sequence[str], edges: Sequence[Pair]) -> tuple[list[list[_Slot]], dict[Pair, list[_Slot]]]:
    """The slots of each column, and of each edge the slots that it connects, from left to right."""
    depth = _depths(names, edges)
    columns: list[list[_Slot]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    box = {name: (name, "", depth[name]) for name in names}
    for name in names:
        columns[depth[name]].append(box[name])
    chains = {}
    for caller, callee in edges:
        passed = [(caller, callee, column) for column in range(depth[caller] + 1, depth[callee])]
        for slot in passed:
            columns[slot[2]].append(slot)
        chains[caller, callee] = [box[caller], *passed, box[callee]]
    return columns, chains


def _middles(
    columns: list[list[_Slot]], chains: Mapping[Pair, list[_Slot]], tall: Mapping[_Slot, float]
) -> dict[_Slot, float]:
    """The height of each slot's middle: sweeps to and fro order each column by its neighbours and pull it to them."""
    links = [link for chain in chains.values() for link in itertools.pairwise(chain)]
    near: tuple[dict[_Slot, list[_Slot]], dict[_Slot, list[_Slot]]] = ({}, {})
    for left, right in links:
        near[0].setdefault(right, []).append(left)
        near[1].setdefault(left, []).append(right)
    middles: dict[_Slot, float] = {}
    for column in columns:
        middles |= _stacked(column, dict.fromkeys(column, 0.0), tall)
    for sweep in range(_SWEEPS):
        side = near[sweep % 2]
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            wanted = {slot: _mean([middles[other] for other in side.get(slot, [slot])]) for slot in column}
            column.sort(key=wanted.__getitem__)
            middles |= _stacked(column, wanted, tall)
    top = min((middles[slot] - tall[slot] / 2 for slot in middles), default=0.0)
    return {slot: middle - top + _MARGIN for slot, middle in middles.items()}


def _stacked(column: Sequence[_Slot], wanted: Mapping[_Slot, float], tall: Mapping[_Slot, float]) -> dict[_Slot, float]:
    """As near to where they want to be as their heights allow, in their order."""
    placed: dict[_Slot, float] = {}
    floor = float("-inf")
    for slot in column:
        placed[slot] = max(wanted[slot], floor + tall[slot] / 2)
        floor = placed[slot] + tall[slot] / 2 + _BETWEEN
    shift = _mean([wanted[slot] - placed[slot] for slot in column])
    return {slot: middle + shift for slot, middle in placed.items()}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _way(pair: Pair, chain: Sequence[_Slot], middles: Mapping[_Slot, float]) -> tuple[Point, ...]:
    first, *passed, last = chain
    points = [(_left(first[2]) + WIDTH, middles[first])]
    for slot in passed:
        points += [(_left(slot[2]), middles[slot]), (_left(slot[2]) + WIDTH, middles[slot])]
    points.append((_left(last[2]), middles[last]))
    return tuple(points if pair[0] == first[0] else reversed(points))


def _rows(
    names: Sequence[str], heights: Mapping[str, float], top: float, across: int
) -> tuple[dict[str, Point], float]:
    """What has no edge, ``across`` in a row, and where the last row ends."""
    found: dict[str, Point] = {}
    bottom = top - 2 * _BETWEEN
    for begin in range(0, len(names), max(across, 1)):
        row = names[begin : begin + across]
        found |= {name: (_left(place), top) for place, name in enumerate(row)}
        bottom = top + max(heights[name] for name in row)
        top = bottom + _BETWEEN
    return found, bottom


def curve(way: Sequence[Point]) -> str:
    """Through the gaps as curves that leave and arrive level, past the columns straight."""
    (x, y), *rest = way
    steps = [f"M{x:.1f} {y:.1f}"]
    for place, (u, v) in enumerate(rest):
        half = (x + u) / 2
        steps.append(f"L{u:.1f} {v:.1f}" if place % 2 else f"C{half:.1f} {y:.1f} {half:.1f} {v:.1f} {u:.1f} {v:.1f}")
        x, y = u, v
    return "".join(steps)


def head(way: Sequence[Point], size: float) -> str:
    """An arrow's head at the end of a way, which arrives level."""
    (before, _), (x, y) = way[-2], way[-1]
    back = -size if x > before else size
    return f"M{x:.1f} {y:.1f}l{back} {-size / 2:.1f}v{size}z"

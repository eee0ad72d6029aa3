"""Circles of a directed graph: the groups of names that reach each other (its strongly connected components)."""

from collections.abc import Callable, Iterable, Iterator


def circles(names: Iterable[str], below: Callable[[str], Iterable[str]]) -> Iterator[frozenset[str]]:
    """Every name in exactly one group, mostly alone; what a group points to comes before the group itself.

    Tarjan, "Depth-first search and linear graph algorithms", 1972, with a list in place of the recursion.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}  # the least number known to be reached; only of names whose group is not complete
    for start in names:
        way = [] if start in number else [(start, iter(below(start)))]
        path = [start]
        while way:
            name, rest = way[-1]
            number.setdefault(name, len(number))
            low.setdefault(name, number[name])
            callee = next(rest, None)
            if callee is not None and callee not in number:
                way.append((callee, iter(below(callee))))
                path.append(callee)
            elif callee is not None:
                low[name] = min(low[name], low.get(callee, low[name]))
            else:
                way.pop()
                if way:
                    low[way[-1][0]] = min(low[way[-1][0]], low[name])
                if low[name] == number[name]:
                    group = _popped_until(name, path)
                    for one in group:
                        del low[one]
                    yield group


def _popped_until(name: str, path: list[str]) -> frozenset[str]:
    group = {path.pop()}
    while name not in group:
        group.add(path.pop())
    return frozenset(group)

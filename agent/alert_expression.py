"""The PromQL behind an alert, as its generator URL carries it: which metric it watches, and against which number.

The expression is data: it is read, never asked of any backend.
"""

import math
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import promql_parser as promql

# The parser recurses natively, once a nesting level, and a stack that overflows there ends the process. A text of this
# length cannot nest deep enough.
_LONGEST = 1_500
_MOST_NODES = 300  # looked at; each look copies what is below it
_MOST_BRACKETS = 8  # around a number
_COMPARISONS = frozenset(("==", "!=", ">", "<", ">=", "<="))


def metric_of(generator_url: str) -> tuple[str, float | None]:
    """The metric that the alert's rule watches and its threshold; "" and None for what cannot be told. Never raises."""
    expression = _expression(generator_url)
    if not 0 < len(expression) <= _LONGEST:
        return "", None
    try:
        tree = promql.parse(expression)
    except ValueError:
        return "", None
    for node in _walk(tree):
        if isinstance(node, promql.BinaryExpr) and str(node.op) in _COMPARISONS:
            for watched, limit in ((node.lhs, _number(node.rhs)), (node.rhs, _number(node.lhs))):
                if limit is not None and (metric := _first_metric(watched)):
                    return metric, limit
    return _first_metric(tree), None


def _expression(url: str) -> str:
    """``g0.expr`` of a Prometheus graph link, ``expr`` of its newer pages; "" where there is none."""
    try:
        asked = parse_qs(urlsplit(url[:20_000]).query)
    except ValueError:
        return ""
    return next((asked[name][0] for name in ("g0.expr", "expr") if asked.get(name)), "")


def _first_metric(tree: object) -> str:
    """The name of the first series selected, in reading order."""
    for node in _walk(tree):
        if isinstance(node, promql.VectorSelector):
            named = (m.value for m in node.matchers.matchers if m.name == "__name__" and m.op == promql.MatchOp.Equal)
            if metric := node.name or next(named, ""):
                return str(metric)
    return ""


def _number(node: object) -> float | None:
    """The finite number that an expression is, with its sign and brackets."""
    sign = 1.0
    for _ in range(_MOST_BRACKETS):
        if not isinstance(node, promql.ParenExpr | promql.UnaryExpr):
            break
        sign *= -1.0 if isinstance(node, promql.UnaryExpr) else 1.0
        node = node.expr
    if not isinstance(node, promql.NumberLiteral) or not math.isfinite(node.val):
        return None
    return float(sign * node.val)


def _walk(tree: object) -> Iterator[object]:
    """The first nodes in reading order; no recursion, since the depth is somebody else's choice."""
    waiting = [tree]
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        node = waiting.pop()
        yield node
        match node:
            case promql.BinaryExpr():
                waiting += [node.rhs, node.lhs]
            case promql.Call():
                waiting += reversed(list(node.args))
            case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
                waiting.append(node.expr)
            case promql.MatrixSelector():
                waiting.append(node.vector_selector)
            case _:
                pass

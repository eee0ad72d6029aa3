"""How heavy a query is, found out before it is sent. What is too heavy, unbounded or not understood is refused."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import promql_parser as ast

from tools.metrics.regexes import is_bounded, matches_everything
from tools.spec import ToolError

_STRINGS_AND_COMMENTS = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`|#[^\n]*')
_OPERATORS = re.compile(r"[-+*/%^<>=!]+|\b(?:and|or|unless)\b", re.IGNORECASE)
_BEFORE_1970 = re.compile(r"@\s*-")
_DAY = 86_400.0


class QueryRefused(ToolError):  # noqa: N818 - a state, named as one reads it
    """The query was not sent; the message says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a query is evaluated: from ``start`` to ``end`` every ``step`` seconds (all in seconds)."""

    start: float
    end: float
    step: float

    @property
    def steps(self) -> int:
        return int((self.end - self.start) // self.step) + 1


@dataclass(frozen=True, slots=True)
class Limits:
    """``series_of`` gives the series of a metric name where they are known; otherwise ``unknown_series`` are assumed.

    Weights are in samples; ``sample_seconds`` is how far samples lie apart.
    """

    most_samples: float
    now: float
    series_of: Callable[[str], int | None] = lambda _: None
    most_points: int = 11_000
    most_characters: int = 4_000
    most_regex_characters: int = 300
    most_depth: int = 24
    most_operators: int = 60
    longest_range_seconds: float = 7 * _DAY
    longest_span_seconds: float = 31 * _DAY
    furthest_seconds: float = 31 * _DAY
    ahead_seconds: float = 3600.0
    unknown_series: int = 1_000
    sample_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class _At:
    """Where in the query we are: how often this part is evaluated, and over which range of samples each time."""

    evaluations: float
    range_seconds: float = 0.0


def weigh(query: str, span: Span, limits: Limits) -> int:
    """Samples that the query reads at most. Raises ``QueryRefused``; nothing is sent for it."""
    _check_span(span, limits)
    _check_text(query, limits)
    tree = _parsed(query)
    weight = sum(_weights(tree, _At(span.steps), limits))
    if weight > limits.most_samples:
        raise QueryRefused(
            f"the query would read up to {_short(weight)} samples, more than {_short(limits.most_samples)}; "
            "name more labels, or take a shorter range or a longer step"
        )
    return int(weight)


def _parsed(query: str) -> Any:  # noqa: ANN401 - the parser's nodes share no useful type
    try:
        return ast.parse(query)
    except (ValueError, UnicodeError) as error:
        raise QueryRefused(f"this is no PromQL: {str(error)[:200]}") from None
    except BaseException as error:
        # A panic of the parser, which is written in Rust, is no Exception and has no name to catch it by.
        if type(error).__name__ != "PanicException":
            raise
        raise QueryRefused("this is no PromQL: the parser gave up on it") from None


def _check_span(span: Span, limits: Limits) -> None:
    if not all(math.isfinite(value) for value in (span.start, span.end, span.step)) or span.step < 1:
        raise QueryRefused(f"a step of {span.step:g} s is no step; take one second or more")
    if span.end < span.start:
        raise QueryRefused("the end lies before the start; swap them")
    if span.end - span.start > limits.longest_span_seconds:
        raise QueryRefused(f"{_days(span.end - span.start)} are too long; ask for {_days(limits.longest_span_seconds)}")
    if span.steps > limits.most_points:
        raise QueryRefused(f"{span.steps} points a series are too many; take a step of {_enough(span, limits):.0f} s")


def _enough(span: Span, limits: Limits) -> float:
    return math.ceil((span.end - span.start) / (limits.most_points - 1))


def _check_text(query: str, limits: Limits) -> None:
    """What could trouble the parser itself, which recurses, is refused by looking at the text."""
    if not query.strip():
        raise QueryRefused("the query is empty")
    if len(query) > limits.most_characters:
        raise QueryRefused(f"{len(query)} characters are too many; write it in {limits.most_characters}")
    bare = _STRINGS_AND_COMMENTS.sub('""', query)
    depth = deepest = 0
    for char in bare:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    if deepest > limits.most_depth:
        raise QueryRefused(f"it is nested {deepest} deep; {limits.most_depth} are enough")
    if _BEFORE_1970.search(bare):
        raise QueryRefused("@ with a negative time lies before 1970; give a time of the window")
    operators = sum(len(match) if set(match) <= set("+-") else 1 for match in _OPERATORS.findall(bare))
    if operators > limits.most_operators:
        raise QueryRefused(f"it has {operators} operators; split it into several queries")


def _weights(node: Any, at: _At, limits: Limits) -> Iterator[float]:  # noqa: ANN401 - the parser's nodes share no useful type
    match node:
        case ast.NumberLiteral() | ast.StringLiteral():
            return
        case ast.VectorSelector():
            yield _selected(node, at, limits)
        case ast.MatrixSelector():
            yield _selected(node.vector_selector, _At(at.evaluations, _range(node.range, limits)), limits)
        case ast.SubqueryExpr():
            yield from _weights(node.expr, _inside(node, at, limits), limits)
        case ast.ParenExpr() | ast.UnaryExpr():
            yield from _weights(node.expr, at, limits)
        case ast.AggregateExpr():
            yield from _weights(node.expr, at, limits)
            if isinstance(node.param, ast.Expr):
                yield from _weights(node.param, at, limits)
        case ast.BinaryExpr():
            _check_matching(node)
            yield from _weights(node.lhs, at, limits)
            yield from _weights(node.rhs, at, limits)
        case ast.Call():
            for argument in node.args:
                yield from _weights(argument, at, limits)
        case _:
            raise QueryRefused(f"{type(node).__name__} is not known here, so its weight is not; leave it out")


def _inside(node: Any, at: _At, limits: Limits) -> _At:  # noqa: ANN401
    length = _range(node.range, limits)
    step = node.step.total_seconds() if node.step is not None else 60.0
    if step < 1:
        raise QueryRefused(f"a subquery every {step:g} s is too dense; take one second or more")
    _check_time(node, limits)
    return _At(at.evaluations * (length / step + 1))


def _range(value: timedelta, limits: Limits) -> float:
    length = value.total_seconds()
    if not 0 < length <= limits.longest_range_seconds:
        raise QueryRefused(f"a range of {_days(length)} is too long; {_days(limits.longest_range_seconds)} are enough")
    return length


def _selected(node: Any, at: _At, limits: Limits) -> float:  # noqa: ANN401
    _check_time(node, limits)
    if node.matchers.or_matchers:
        raise QueryRefused("`or` between matchers is not standard PromQL; join two selectors with `or`")
    bounded, series = bool(node.name), limits.series_of(node.name) if node.name else None
    for matcher in node.matchers.matchers:
        if matcher.op in (ast.MatchOp.Re, ast.MatchOp.NotRe):
            _check_regex(matcher, limits)
        if matcher.name != "__name__":  # a label such as cluster="prod" may be one of all series
            continue
        if matcher.op == ast.MatchOp.Equal and matcher.value:
            bounded, series = True, limits.series_of(matcher.value)
        elif matcher.op == ast.MatchOp.Re and is_bounded(matcher.value):
            bounded = True
            if "\\" not in matcher.value:
                known = [limits.series_of(name) for name in matcher.value.split("|")]
                series = None if None in known else sum(count for count in known if count is not None)
    if not bounded:
        raise QueryRefused(
            f"{str(node)[:80]} selects without bound; name the metric, or match __name__ with a regular expression that "
            "begins with three or more plain characters"
        )
    assumed = limits.unknown_series if node.name or series is not None else 10 * limits.unknown_series
    each = max(1.0, at.range_seconds / limits.sample_seconds)
    return (assumed if series is None else series) * at.evaluations * each


def _check_regex(matcher: Any, limits: Limits) -> None:  # noqa: ANN401
    if len(matcher.value) > limits.most_regex_characters:
        raise QueryRefused(f"a regular expression of {len(matcher.value)} characters is too long")
    if matches_everything(matcher.value):
        raise QueryRefused(f'{matcher.name}=~"{matcher.value}" matches all there is; leave it out, or write != ""')


def _check_time(node: Any, limits: Limits) -> None:  # noqa: ANN401
    offset = _offset_seconds(node.offset)
    if not -limits.ahead_seconds <= offset <= limits.furthest_seconds:
        raise QueryRefused(f"an offset of {_days(offset)} leads too far; {_days(limits.furthest_seconds)} are enough")
    if node.at is None or node.at.type != ast.AtModifierType.At:
        return
    try:
        moment = node.at.at.timestamp()
    except (OverflowError, ValueError, OSError):
        moment = math.inf
    if not limits.now - limits.furthest_seconds <= moment <= limits.now + limits.ahead_seconds:
        shown = datetime.fromtimestamp(moment, UTC).isoformat() if abs(moment) < 1e11 else "that moment"
        raise QueryRefused(f"@ {shown} lies too far away; stay within {_days(limits.furthest_seconds)}")


def _offset_seconds(offset: timedelta | None) -> float:
    return offset.total_seconds() if offset is not None else 0.0


def _check_matching(node: Any) -> None:  # noqa: ANN401
    """Refuse what pairs everything with everything: the answer grows with the product of both sides."""
    modifier = node.modifier
    if modifier is None or modifier.matching is None:
        return
    on = modifier.matching.type == ast.LabelModifierType.Include
    if on and not modifier.matching.labels:
        raise QueryRefused("`on ()` pairs everything with everything; name labels, or use scalar() on one side")


def _days(seconds: float) -> str:
    if abs(seconds) < 2 * _DAY:
        return f"{seconds:g} s"
    return f"{seconds / _DAY:.0f} days" if abs(seconds) < 1e6 * _DAY else "more than a million days"


def _short(samples: float) -> str:
    return f"{samples / 1e6:.1f} M" if samples < 1e12 else "billions of"

"""Building PromQL. Every value of a label passes ``quoted``; every name is checked."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tools.spec import ToolError

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_KEYWORDS = frozenset({"count_values", "group_left", "group_right", "limit_ratio"})
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_TO_ESCAPE = re.compile(r'[\\"\x00-\x1f\x7f]')


ROW = "pcause_row"  # a label that tells which part of a joined query a series answers


class NotAskable(ToolError):  # noqa: N818 - a state, named as one reads it
    """A name or value that Prometheus cannot hold, so no query is made of it."""


class Op(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"


@dataclass(frozen=True, slots=True)
class Match:
    """One matcher of a selector; ``value`` is as it is meant, neither quoted nor escaped for the query."""

    label: str
    op: Op
    value: str

    def __str__(self) -> str:
        return f"{label_name(self.label)}{self.op.value}{quoted(self.value)}"


def quoted(value: str) -> str:
    """A string literal that stands for exactly ``value``. Raises ``NotAskable`` for text that is no UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotAskable(f"{value[:60]!r} is no valid text, so no label has this value") from None
    return '"' + _TO_ESCAPE.sub(_escape, value) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return "\\" + char if char in '\\"' else f"\\x{ord(char):02x}"


def label_name(name: str) -> str:
    """``name`` when it is one of a label. Raises ``NotAskable``."""
    if not _LABEL.fullmatch(name):
        raise NotAskable(f"{name[:60]!r} is no name of a label: use letters, digits and _")
    return name


def equal(label: str, value: str) -> Match:
    """A matcher for one value; the empty one stands for series without the label."""
    return Match(label, Op.EQUAL, value)


def one_of(label: str, values: Iterable[str]) -> Match:
    """A matcher for exactly these values."""
    distinct = sorted(set(values))
    if len(distinct) == 1:
        return Match(label, Op.EQUAL, distinct[0])
    return Match(label, Op.REGEX, "|".join(literal(value) for value in distinct))


def literal(value: str) -> str:
    """A regular expression (RE2) that matches exactly ``value``."""
    return _SPECIAL.sub(lambda match: "\\" + match[0], value)


def selector(names: Sequence[str], matches: Sequence[Match] = ()) -> str:
    """A selector for one name or several.

    A name that could be a word of the language (all but a few of those have no "_"), or that has other than the
    classic letters, is matched as a value of ``__name__``.
    """
    if len(names) == 1 and _METRIC.fullmatch(names[0]) and "_" in names[0] and names[0].lower() not in _KEYWORDS:
        inner = ",".join(str(match) for match in matches)
        return f"{names[0]}{{{inner}}}" if inner else names[0]
    return "{" + ",".join(str(match) for match in (one_of("__name__", names), *matches)) + "}"


def all_of(matches: Sequence[Match]) -> str:
    """A selector for all series that match, of whatever name."""
    return "{" + ",".join(str(match) for match in matches) + "}"


def grouping(labels: Iterable[str]) -> str:
    """The clause that groups by labels."""
    return f"by ({', '.join(label_name(label) for label in labels)})"


def seconds(value: float) -> str:
    """A duration of PromQL, to the millisecond."""
    return f"{max(round(value * 1000), 1)}ms" if value % 1 else f"{round(value)}s"


def joined(queries: Iterable[str]) -> str:
    """One query for several: each series of the answer has the place of its query as label ``ROW``."""
    return " or ".join(f'label_replace({query}, "{ROW}", "{place}", "", "")' for place, query in enumerate(queries))

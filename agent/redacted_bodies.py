"""Evidence without secrets: what a source answered, before anything of it is stored, weighed or shown.

Names (of entities, metrics, indices) stay as they are: they are what telemetry is joined by.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from agent.redaction import cut_secrets
from diagnosis.telemetry import Change, LogPattern, LogRecord, PatternTable, Span
from tools.spec import Body, ChangeList, FoundRunbook, FoundRunbooks, LogBatch, SpanBatch, Table

_SHORTEST_SECRET = 8  # characters; below that nothing can be told from a word
_DIGITS = re.compile(r"\d+")
Attributes = Mapping[str, str | float | bool]


def redacted(body: Body) -> Body:
    """The same body with every free text cut; the same object where nothing was."""
    match body:
        case PatternTable():
            return replace(body, patterns=tuple(map(_pattern, body.patterns)))
        case LogBatch():
            return replace(body, records=tuple(map(_record, body.records)))
        case SpanBatch():
            return replace(body, spans=tuple(map(_span, body.spans)))
        case ChangeList():
            return replace(body, changes=tuple(map(redacted_change, body.changes)))
        case Change():
            return redacted_change(body)
        case Table():
            return replace(body, rows=tuple(tuple(_cell(cell) for cell in row) for row in body.rows))
        case FoundRunbooks():
            return replace(body, runbooks=tuple(map(_runbook, body.runbooks)))
        case _:
            return body  # names and numbers only


@lru_cache(maxsize=20_000)
def _text(text: str) -> str:
    return cut_secrets(text) if len(text) >= _SHORTEST_SECRET else text


def _cell(value: str | float) -> str | float:
    return _text(value) if isinstance(value, str) else value


def _attributes(attributes: Attributes) -> Attributes:
    # With its name before it, since that is what tells a password from a word; then as a text of its own.
    cleaned: dict[str, str | float | bool] = {}
    for name, value in attributes.items():
        if isinstance(value, str) and len(value) >= _SHORTEST_SECRET:
            whole = _text(f"{name}={value}")
            cleaned[name] = _text(whole[len(name) + 1 :]) if whole.startswith(f"{name}=") else "[secret]"
        else:
            cleaned[name] = value
    return cleaned


def _pattern(pattern: LogPattern) -> LogPattern:
    example = _text(pattern.example)
    # A template has holes, and a secret with a hole in it is not recognised: then the cut line stands for it.
    template = _text(pattern.template) if example == pattern.example else _DIGITS.sub("<*>", example)
    attributes = {
        name: {str(_attributes({name: value})[name]): count for value, count in counts.items()}
        for name, counts in pattern.attributes.items()
    }
    return replace(pattern, template=template, example=example, attributes=attributes)


def _record(record: LogRecord) -> LogRecord:
    return replace(record, body=_text(record.body), attributes=_attributes(record.attributes))


def _span(span: Span) -> Span:
    return replace(span, name=_text(span.name), message=_text(span.message), attributes=_attributes(span.attributes))


def redacted_change(change: Change) -> Change:
    """A change without secrets in its title, its values and its diff."""

    def valued(value: str) -> str:
        return str(_attributes({change.key or "value": value})[change.key or "value"])

    return replace(
        change,
        title=_text(change.title),
        before=valued(change.before),
        after=valued(change.after),
        diff=cut_secrets(change.diff) if change.diff else change.diff,
    )


def _runbook(found: FoundRunbook) -> FoundRunbook:
    steps = tuple((_text(text), heading, line) for text, heading, line in found.steps)
    return replace(found, about=_text(found.about), passage=_text(found.passage), steps=steps)

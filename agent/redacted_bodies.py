"""Evidence without secrets: what a source answered, before anything of it is stored, weighed or shown.

Names (of entities, metrics, ids) are what telemetry is joined by: they lose only tokens that are certain, the same
name always in the same way.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import assert_never

from agent.redaction import cut_secrets, cut_tokens
from diagnosis.telemetry import (
    Change,
    Edge,
    LineSequence,
    LogPattern,
    LogRecord,
    Node,
    PatternTable,
    SeriesKey,
    SeriesMatrix,
    Span,
    Topology,
)  # fmt: skip
from tools.spec import Body, ChangeList, FoundRunbook, FoundRunbooks, LogBatch, MetricCatalogue, SpanBatch, Table

_SHORTEST_SECRET = 8  # characters; below that nothing can be told from a word
_DIGITS = re.compile(r"\d+")
Attributes = Mapping[str, str | float | bool]


def redacted(body: Body) -> Body:
    """The same body with every free text and every name cut."""
    match body:
        case SeriesMatrix():
            return replace(body, keys=tuple(map(_key, body.keys)))
        case MetricCatalogue():
            metrics = ((cut_tokens(entity), tuple(map(cut_tokens, names))) for entity, names in body.metrics)
            return replace(body, metrics=tuple(metrics))
        case Topology():
            return _topology(body)
        case PatternTable():
            sequence = _sequence(body.sequence) if body.sequence else None
            return replace(body, patterns=tuple(map(_pattern, body.patterns)), sequence=sequence)
        case LogBatch():
            return replace(body, records=tuple(map(_record, body.records)))
        case SpanBatch():
            return replace(body, spans=tuple(map(_span, body.spans)))
        case ChangeList():
            return replace(body, changes=tuple(map(redacted_change, body.changes)))
        case Change():
            return redacted_change(body)
        case Table():
            rows = tuple(tuple(_cell(cell) for cell in row) for row in body.rows)
            return Table(_text(body.title), tuple(map(cut_tokens, body.columns)), rows)
        case FoundRunbooks():
            return replace(body, runbooks=tuple(map(_runbook, body.runbooks)))
        case _:
            assert_never(body)


@lru_cache(maxsize=20_000)
def _text(text: str) -> str:
    return cut_secrets(text) if len(text) >= _SHORTEST_SECRET else text


def _cell(value: str | float) -> str | float:
    return _text(value) if isinstance(value, str) else value


def _attributes(attributes: Attributes) -> Attributes:
    return {cut_tokens(name): _valued(name, value) for name, value in attributes.items()}


def _valued(name: str, value: str | float | bool) -> str | float | bool:
    return _named(name, value) if isinstance(value, str) and len(value) >= _SHORTEST_SECRET else value


@lru_cache(maxsize=20_000)
def _named(name: str, value: str) -> str:
    # With its name before it, since that is what tells a password from a word; then as a text of its own.
    whole = _text(f"{name}={value}")
    return _text(whole[len(name) + 1 :]) if whole.startswith(f"{name}=") else "[secret]"


def _key(key: SeriesKey) -> SeriesKey:
    entity, metric = cut_tokens(key.entity), cut_tokens(key.metric)
    return key if (entity, metric) == (key.entity, key.metric) else SeriesKey(entity, metric)


def _topology(topology: Topology) -> Topology:
    return Topology(
        tuple(Node(cut_tokens(node.name), node.owned, cut_tokens(node.host)) for node in topology.nodes),
        tuple(Edge(cut_tokens(edge.caller), cut_tokens(edge.callee)) for edge in topology.edges),
    )


def _sequence(sequence: LineSequence) -> LineSequence:
    requests = (tuple(map(cut_tokens, request)) for request in sequence.requests)
    return replace(sequence, requests=tuple((entity, trace, span) for entity, trace, span in requests))


def _pattern(pattern: LogPattern) -> LogPattern:
    example = _text(pattern.example)
    # A template has holes, and a secret with a hole in it is not recognised: then the cut line stands for it.
    template = _text(pattern.template) if example == pattern.example else _DIGITS.sub("<*>", example)
    attributes = {
        cut_tokens(name): {str(_valued(name, value)): count for value, count in counts.items()}
        for name, counts in pattern.attributes.items()
    }
    return replace(
        pattern,
        entity=cut_tokens(pattern.entity),
        template=template,
        severity=cut_tokens(pattern.severity),
        example=example,
        attributes=attributes,
    )


def _record(record: LogRecord) -> LogRecord:
    return LogRecord(
        time=record.time,
        entity=cut_tokens(record.entity),
        severity=cut_tokens(record.severity),
        body=_text(record.body),
        trace_id=cut_tokens(record.trace_id),
        attributes=_attributes(record.attributes),
        span_id=cut_tokens(record.span_id),
    )


def _span(span: Span) -> Span:
    return Span(
        trace_id=cut_tokens(span.trace_id),
        span_id=cut_tokens(span.span_id),
        parent_id=cut_tokens(span.parent_id),
        entity=cut_tokens(span.entity),
        name=_text(span.name),
        kind=cut_tokens(span.kind),
        start=span.start,
        duration=span.duration,
        error=span.error,
        message=_text(span.message),
        attributes=_attributes(span.attributes),
    )


def redacted_change(change: Change) -> Change:
    """A change without secrets in its title, its values and its diff, nor tokens in its names."""
    name = change.key or "value"
    return replace(
        change,
        id=cut_tokens(change.id),
        entity=cut_tokens(change.entity),
        title=_text(change.title),
        author=cut_tokens(change.author),
        files=tuple(map(cut_tokens, change.files)),
        diff=cut_secrets(change.diff) if change.diff else change.diff,
        commit=cut_tokens(change.commit),
        version=cut_tokens(change.version),
        before=str(_valued(name, change.before)),
        after=str(_valued(name, change.after)),
        key=cut_tokens(change.key),
    )


def _runbook(found: FoundRunbook) -> FoundRunbook:
    steps = tuple((_text(text), heading, line) for text, heading, line in found.steps)
    return replace(found, about=_text(found.about), passage=_text(found.passage), steps=steps)

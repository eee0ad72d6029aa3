"""The body behind an id of evidence, for the eye: the beginning of what came back, inert."""

import numpy as np

from agent.questions.reply import Reply, say
from agent.questions.series import view_of
from agent.report.text import inert, inert_lines
from agent.report.times import clock, stamp
from agent.state import Evidence
from diagnosis.telemetry import Change, PatternTable, SeriesMatrix, Topology
from diagnosis.words import short_id
from tools.spec import Body, ChangeList, FoundRunbooks, LogBatch, MetricCatalogue, SpanBatch, Table

_ROWS, _SERIES, _LINE = 15, 6, 160


def show_evidence(item: Evidence, body: Body | None) -> Reply:
    """What was asked, what came back, and the first of it."""
    told = (
        f"{item.id}: {inert(item.tool)} {inert(item.arguments)}",
        f"{item.outcome.value}: {inert(item.summary)}{f'; {inert(item.note)}' if item.note else ''}",
    )
    match body:
        case None:
            return say(*told)
        case SeriesMatrix():
            return say(*told, _rest(len(body.keys), _SERIES), series=tuple(view_of(body, row, item.id, None) for row in _liveliest(body)))  # fmt: skip
        case Change():
            return say(*told, f"{inert(body.title)} by {inert(body.author)}, {stamp(body.time)} UTC", *inert_lines(body.diff or "no diff", most=40))  # fmt: skip
        case _:
            table = _table(body)
            return say(*told, _rest(_size(body), _ROWS), tables=(table,) if table.rows else ())


def _liveliest(matrix: SeriesMatrix) -> list[int]:
    """The series that move most against their own size."""
    values = np.where(np.isfinite(matrix.values), matrix.values, 0.0)
    move = values.std(axis=1) / (np.abs(values).mean(axis=1) + 1e-12)
    return [int(row) for row in np.argsort(-move, kind="stable")[:_SERIES]]


def _table(body: Body) -> Table:
    match body:
        case PatternTable():
            patterns = sorted(body.patterns, key=lambda p: (p.severity not in ("ERROR", "FATAL"), -p.total))
            rows = [
                (f"{p.total:,}", inert(p.entity, 60), p.severity, inert(p.example, _LINE)) for p in patterns[:_ROWS]
            ]
            return Table("Log patterns", ("lines", "service", "severity", "for example"), tuple(rows))
        case LogBatch():
            rows = [
                (clock(r.time), inert(r.entity, 60), r.severity, inert(r.body, _LINE)) for r in body.records[:_ROWS]
            ]
            return Table("Log lines (UTC)", ("time", "service", "severity", "line"), tuple(rows))
        case SpanBatch():
            slowest = sorted(body.spans, key=lambda s: (not s.error, -s.duration))[:_ROWS]
            rows = [(clock(s.start), inert(s.entity, 60), inert(s.name, 60), f"{s.duration:.3f} s{' error' if s.error else ''}") for s in slowest]  # fmt: skip
            return Table("Spans, failed and slow first (UTC)", ("time", "service", "operation", "took"), tuple(rows))
        case Topology():
            edges = tuple((inert(edge.caller, 80), inert(edge.callee, 80)) for edge in body.edges[:_ROWS])
            return Table("Call edges", ("caller", "callee"), edges)
        case ChangeList():
            newest = sorted(body.changes, key=lambda c: -c.time)[:_ROWS]
            rows = [(stamp(c.time), c.kind.value, inert(short_id(c.id), 28), inert(c.entity, 60) + " " + inert(c.title, 100)) for c in newest]  # fmt: skip
            return Table("Changes (UTC)", ("time", "kind", "id", "what"), tuple(rows))
        case MetricCatalogue():
            listed = tuple((inert(name, 80), f"{len(metrics):,}") for name, metrics in body.metrics[:_ROWS])
            return Table("Metrics", ("service", "metrics"), listed)
        case FoundRunbooks():
            found = tuple((inert(b.path, 120), inert(b.title, 120)) for b in body.runbooks[:_ROWS])
            return Table("Runbooks", ("place", "title"), found)
        case Table():
            cells = tuple(tuple(inert(str(cell), 100) for cell in row) for row in body.rows[:_ROWS])
            return Table(inert(body.title, 80), tuple(inert(name, 40) for name in body.columns), cells)
        case _:
            return Table("", (), ())


def _size(body: Body) -> int:
    match body:
        case PatternTable():
            return len(body.patterns)
        case LogBatch():
            return body.matched
        case SpanBatch():
            return body.matched
        case Topology():
            return len(body.edges)
        case ChangeList():
            return len(body.changes)
        case MetricCatalogue():
            return len(body.metrics)
        case Table():
            return len(body.rows)
        case _:
            return 0


def _rest(there: int, shown: int) -> str:
    return f"{shown} of {there:,} are shown." if there > shown else ""

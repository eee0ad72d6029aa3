"""Answers from the tools: what came back, with where it is from. What telemetry says is shown inert and decides nothing."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from agent.questions.desk import Seen
from agent.questions.intents import Intent, Query
from agent.questions.metric_words import metrics_for
from agent.questions.reply import Case, Reply, say
from agent.questions.series import view_of
from agent.questions.windows import window_of
from agent.report.text import inert
from agent.report.times import count, quantity
from diagnosis.telemetry import Change, LogPattern, PatternTable, SeriesMatrix, Topology
from diagnosis.words import short_id
from tools.spec import ChangeList, ExtraTool, FoundRunbooks, LogBatch, Table, ToolName

_MOST_SERIES, _MOST_ROWS = 6, 15
_LONGEST_PATTERNS_SECONDS = 6 * 3600.0
_LOUD = ("ERROR", "FATAL", "CRITICAL", "WARN")
_LINE = 160


async def answer_from_telemetry(query: Query, case: Case) -> Reply:
    """One question, one to three looks. Raises ``LedgerError``, ``EvidenceError``."""
    match query.intent:
        case Intent.METRIC:
            return await _metric(query, case)
        case Intent.LOGS:
            return await (_lines(query, case) if query.contains else _patterns(query, case))
        case Intent.CHANGES:
            return await _changes(query, case)
        case Intent.CALLERS | Intent.CALLEES | Intent.CALL_GRAPH:
            return await _calls(query, case)
        case Intent.UP:
            return await _up(query, case)
        case Intent.FIRING:
            return await _firing(query, case)
        case Intent.METRIC_NAMES:
            return _metric_names(query, case)
        case Intent.RUNBOOK | Intent.PAST:
            return await _found(query, case)
        case _:
            names = case.names.services
            return say(f"{count(len(names), 'service')}: {', '.join(inert(name, 80) for name in names[:200])}." if names else NO_NAMES)  # fmt: skip


NO_NAMES = "No service is known: no telemetry answered. pcause doctor says what is missing."


async def _metric(query: Query, case: Case) -> Reply:
    if not case.names.metrics:
        return say(NO_NAMES)
    wanted = {name: metrics_for(query.measures, case.names.metrics[name]) for name in query.services}
    missing = [name for name, metrics in wanted.items() if not metrics]
    if missing:
        has = ", ".join(inert(metric, 80) for metric in case.names.metrics[missing[0]][:20])
        return say(f"{inert(missing[0])} has no metric for “{' '.join(query.measures)}”. It has {has or 'no metrics'}.")
    metrics = sorted({metric for found in wanted.values() for metric in found})
    start, end = window_of(query, case)
    asked = {"start": start, "end": end, "entities": sorted(wanted), "metrics": metrics[: _MOST_SERIES * 2]}
    seen = await case.desk.look(ToolName.QUERY_METRICS, asked, "somebody asks for a metric")
    if not isinstance(seen.body, SeriesMatrix):
        return say(seen.why_not, _window(query, case, start, end))
    matrix = seen.body
    order = [row for row, _ in sorted(enumerate(matrix.keys), key=lambda pair: (query.services.index(pair[1].entity) if pair[1].entity in query.services else 99, pair[1]))]  # fmt: skip
    shown = order[:_MOST_SERIES]
    views = tuple(view_of(matrix, row, seen.evidence.id, case.clock.it) for row in shown)
    rows = tuple(_levels(matrix, row) for row in shown)
    more = f"{len(order) - _MOST_SERIES} more series fit; name one of them." if len(order) > _MOST_SERIES else ""
    table = Table("Levels", ("service", "metric", "first", "lowest", "median", "highest", "last"), rows)
    return say(_source(seen), _window(query, case, start, end), more, tables=(table,), series=views)


def _levels(matrix: SeriesMatrix, row: int) -> tuple[str, ...]:
    key, values = matrix.keys[row], matrix.values[row]
    known = values[np.isfinite(values)]
    if not known.size:
        return (inert(key.entity, 80), inert(key.metric, 120), *("no samples",) * 5)
    levels = (known[0], known.min(), np.median(known), known.max(), known[-1])
    return (inert(key.entity, 80), inert(key.metric, 120), *(quantity(float(level), key.metric) for level in levels))


async def _patterns(query: Query, case: Case) -> Reply:
    """The loud patterns of a window, the most frequent first; all where none is loud."""
    start, end = window_of(query, case)
    cut = (
        ""
        if end - start <= _LONGEST_PATTERNS_SECONDS
        else "Patterns are made of 6 hours at most, so these are the last of it."
    )
    start = max(start, end - _LONGEST_PATTERNS_SECONDS)
    asked = {"start": start, "end": end, "entities": sorted(query.services)}
    seen = await case.desk.look(ToolName.LOG_PATTERNS, asked, "somebody asks for logs")
    if not isinstance(seen.body, PatternTable):
        return say(seen.why_not, _window(query, case, start, end))
    loud = [pattern for pattern in seen.body.patterns if pattern.severity.startswith(_LOUD)]
    shown = sorted(loud or seen.body.patterns, key=_loudness)[:_MOST_ROWS]
    rows = tuple(
        (f"{p.total:,}", inert(p.entity, 60), p.severity, _time(case, p.first_seen), inert(p.example, _LINE))
        for p in shown
    )
    told = "" if loud else "No line is a warning or an error; the most frequent patterns are:"
    more = f"{len(loud) - len(shown)} more patterns are not shown." if len(loud) > len(shown) else ""
    table = Table("Log patterns", ("lines", "service", "severity", "first seen", "for example"), rows)
    return say(told, _source(seen), _window(query, case, start, end), cut, more, tables=(table,))


def _loudness(pattern: LogPattern) -> tuple[bool, int, str]:
    return pattern.severity.startswith("WARN"), -pattern.total, pattern.template


async def _lines(query: Query, case: Case) -> Reply:
    start, end = window_of(query, case)
    asked = {
        "start": start,
        "end": end,
        "entities": sorted(query.services),
        "contains": query.contains,
        "limit": _MOST_ROWS,
    }
    seen = await case.desk.look(ToolName.SEARCH_LOGS, asked, "somebody asks for log lines")
    if not isinstance(seen.body, LogBatch):
        return say(seen.why_not, _window(query, case, start, end))
    rows = tuple(
        (_time(case, r.time), inert(r.entity, 60), r.severity, inert(r.body, _LINE)) for r in seen.body.records
    )
    table = Table("Log lines", ("time", "service", "severity", "line"), rows)
    return say(f"{seen.body.matched:,} lines match; the first are shown.", _source(seen), _window(query, case, start, end), tables=(table,))  # fmt: skip


async def _changes(query: Query, case: Case) -> Reply:
    start, end = window_of(query, case)
    seen = await case.desk.look(ToolName.LIST_CHANGES, {"start": start, "end": end}, "somebody asks what changed")
    if not isinstance(seen.body, ChangeList):
        return say(seen.why_not, _window(query, case, start, end))
    changes = sorted(seen.body.changes, key=lambda change: -change.time)
    told = ""
    if query.services:
        changes = [change for change in changes if not change.entity or change.entity in query.services]
        told = f"Those of {', '.join(map(inert, query.services))}, and those that name no service."
    guilty = case.report.change.id if case.report and case.report.change else ""
    rows = tuple(_change(case, change, guilty) for change in changes[:_MOST_ROWS])
    more = f"{len(changes) - _MOST_ROWS} earlier changes are not shown." if len(changes) > _MOST_ROWS else ""
    table = Table("Changes, newest first", ("time", "kind", "id", "service", "what", "by"), rows)
    blamed = "* the verdict blames this one" if any(row[2].startswith("*") for row in rows) else ""
    return say("" if rows else "Nothing changed.", told, blamed, _source(seen), _window(query, case, start, end), more, tables=(table,) if rows else ())  # fmt: skip


def _change(case: Case, change: Change, guilty: str) -> tuple[str, ...]:
    mark = "*" if guilty and guilty in (change.id, change.commit) else ""
    what = change.title or change.version or (f"{change.key} {change.before} → {change.after}" if change.after else "")
    return (_time(case, change.time), change.kind.value, f"{mark}{inert(short_id(change.id), 28)}", inert(change.entity, 40), inert(what, 120), inert(change.author, 40))  # fmt: skip


async def _calls(query: Query, case: Case) -> Reply:
    around = case.clock.it if case.clock.it is not None else case.clock.now
    seen = await case.desk.look(ToolName.GET_TOPOLOGY, {"around": around}, "somebody asks who calls whom")
    if not isinstance(seen.body, Topology):
        return say(seen.why_not)
    graph = seen.body
    if query.intent is Intent.CALL_GRAPH or not query.services:
        callers = sorted({edge.caller for edge in graph.edges})
        rows = tuple(
            (inert(name, 80), ", ".join(inert(c, 80) for c in sorted(graph.callees(name)))) for name in callers[:40]
        )
        return say("" if rows else "No calls are known.", _source(seen), tables=(Table("Who calls whom", ("caller", "callees"), rows),) if rows else ())  # fmt: skip
    told = []
    for name in query.services:
        direct, all_of_them = (
            (graph.callers(name), graph.dependants(name)) if query.intent is Intent.CALLERS
            else (graph.callees(name), graph.reach(name))
        )  # fmt: skip
        verb, none = ("called by", "nobody") if query.intent is Intent.CALLERS else ("calling", "nothing else")
        further = sorted(all_of_them - direct)
        told.append(f"{inert(name)} is {verb} {_names(sorted(direct)) or none}{f'; further away: {_names(further)}' if further else ''}.")  # fmt: skip
    return say(*told, _source(seen))


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 30} more" if len(names) > 30 else ""
    return ", ".join(inert(name, 80) for name in names[:30]) + more


async def _up(query: Query, case: Case) -> Reply:
    """No guess at a verdict: how fresh the samples are, and the levels that tell."""
    start, end = window_of(query, case)
    services = sorted(query.services) or list(case.names.services)[:40]
    metrics = sorted({m for name in services for measure in (("requests",), ("errors",)) for m in metrics_for(measure, case.names.metrics.get(name, ()))})  # fmt: skip
    asked = {"start": start, "end": end, "entities": services, "metrics": metrics[:40]}
    seen = await case.desk.look(ToolName.QUERY_METRICS, asked, "somebody asks whether it is up")
    tables = []
    if isinstance(seen.body, SeriesMatrix):
        rows = tuple(_fresh(case, seen.body, name) for name in services)
        tables.append(Table("Newest samples", ("service", "newest sample", "and levels"), rows))
    told = [_source(seen) if seen.body is not None else seen.why_not]
    if ExtraTool.LIST_TARGETS in case.desk.tools:
        targets = await case.desk.look(ExtraTool.LIST_TARGETS, {"around": end, "entities": services}, "somebody asks whether it is up")  # fmt: skip
        if isinstance(targets.body, Table):
            tables.append(_cut(targets.body, ("entity", "instance", "health", "last error")))
            told.append(_source(targets))
    return say(*told, _window(query, case, start, end), tables=tuple(tables))


def _fresh(case: Case, matrix: SeriesMatrix, name: str) -> tuple[str, ...]:
    rows = [row for row, key in enumerate(matrix.keys) if key.entity == name]
    known = np.isfinite(matrix.values[rows]).any(axis=0) if rows else np.zeros(0, dtype=bool)
    if not known.any():
        return inert(name, 80), "none in this time", "it may be down, or not measured"
    newest = float(matrix.times[known][-1])
    levels = []
    for row in rows[:4]:
        values = matrix.values[row][np.isfinite(matrix.values[row])]
        if values.size:
            levels.append(
                f"{inert(matrix.keys[row].metric, 60)} {quantity(float(values[-1]), matrix.keys[row].metric)}"
            )
    return inert(name, 80), _time(case, newest), ", ".join(levels)


async def _firing(query: Query, case: Case) -> Reply:
    if ExtraTool.LIST_FIRING not in case.desk.tools:
        return say("This source cannot tell which alerts fire: that needs a live Prometheus.")
    asked = {"around": case.clock.now, "entities": sorted(query.services)}
    seen = await case.desk.look(ExtraTool.LIST_FIRING, asked, "somebody asks which alerts fire")
    if not isinstance(seen.body, Table):
        return say(seen.why_not)
    return say(_source(seen), tables=(_cut(seen.body, ("alert", "severity", "entity", "state", "since", "summary")),))


def _metric_names(query: Query, case: Case) -> Reply:
    if not query.services:
        return say(NO_NAMES)
    told = [f"{inert(name)} has {', '.join(inert(metric, 120) for metric in case.names.metrics[name][:60]) or 'no metrics'}." for name in query.services]  # fmt: skip
    return say(*told)


async def _found(query: Query, case: Case) -> Reply:
    """Runbooks, or confirmed incidents, for what was found; the report's own citations first."""
    runbooks = query.intent is Intent.RUNBOOK
    tool = ToolName.SEARCH_RUNBOOKS if runbooks else ToolName.SEARCH_INCIDENTS
    cited = list(dict.fromkeys(step.citation for step in case.report.next_steps if step.citation)) if case.report and runbooks else []  # fmt: skip
    told = [f"The report cites {', '.join(inert(place, 200) for place in cited)}."] if cited else []
    if tool not in case.desk.tools:
        missing = "No runbooks are indexed: pcause runbooks index FOLDER." if runbooks else "No incident was confirmed yet: pcause confirm ID keeps one."  # fmt: skip
        return say(*told, missing)
    report = case.report
    about = (
        report.headline
        if report
        else (case.alert.summary or case.alert.name if case.alert else " ".join(query.services))
    )
    if not about:
        return say("A runbook for what? Open an investigation, or name a service.")
    kinds = [report.fault_kind.value] if report and report.cause_found else []
    seen = await case.desk.look(tool, {"question": about[:2000], "fault_kinds": kinds, "limit": 3}, "somebody asks what is written")  # fmt: skip
    if not isinstance(seen.body, FoundRunbooks):
        return say(*told, seen.why_not)
    rows = tuple(
        (f"{inert(b.path, 120)}:{b.first_line}", inert(b.title, 120), inert(b.heading, 80)) for b in seen.body.runbooks
    )
    title = "Runbooks" if runbooks else "Confirmed incidents"
    return say(*told, _source(seen), tables=(Table(title, ("place", "title", "section"), rows),))


def _cut(table: Table, columns: tuple[str, ...]) -> Table:
    places = [table.columns.index(name) for name in columns if name in table.columns]
    rows = tuple(tuple(inert(str(row[place]), 120) for place in places) for row in table.rows[:_MOST_ROWS])
    return dataclasses.replace(table, columns=tuple(table.columns[place] for place in places), rows=rows)


def _time(case: Case, at: float) -> str:
    return f"{case.clock.local(at):%m-%d %H:%M:%S}"


def _source(seen: Seen) -> str:
    note = f"; {inert(seen.evidence.note)}" if seen.evidence.note else ""
    return f"{seen.evidence.id}, {seen.evidence.tool}: {inert(seen.evidence.summary, 160)}{note}."


def _window(query: Query, case: Case, start: float, end: float) -> str:
    return " ".join(text for text in (f"{case.clock.told(start, end)}.", query.note) if text)

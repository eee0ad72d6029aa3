"""What Prometheus knows beside series, as tables: scrape targets, firing alerts, exemplars."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from diagnosis.telemetry import Window
from tools.http.errors import BackendError
from tools.metrics.api import NotOffered, PrometheusApi
from tools.metrics.entities import entity_label, entity_of
from tools.metrics.policy import MetricPolicy
from tools.metrics.promql import Match, selector
from tools.metrics.weighing import Limits, Span, weigh
from tools.spec import Absent, Answer, Empty, LookAt, Rows, Table

_AROUND_SECONDS = 900.0
_MOST_ROWS = 500
_MOST_CHARACTERS = 200
_MOST_FAMILIES = 30

Row = tuple[str | float, ...]


def list_targets(api: PrometheusApi, policy: MetricPolicy, arguments: LookAt) -> Answer:
    """Scrape targets as they are now, the sick ones first."""
    try:
        targets = api.targets()
    except NotOffered:
        return Absent(f"{api.name} scrapes no targets itself")
    rows = []
    for target in targets:
        labels = _fields(target.get("labels"))
        entity = _entity(labels, policy)
        if not arguments.entities or entity in arguments.entities:
            row: Row = (
                _text(labels.get("job")), _text(labels.get("instance")), entity, _text(target.get("health")),
                _text(target.get("lastError")), _text(target.get("lastScrape")),
                _number(target.get("lastScrapeDuration")), _text(target.get("scrapeInterval")),
            )  # fmt: skip
            rows.append(row)
    columns = ("job", "instance", "entity", "health", "last error", "last scrape", "scrape seconds", "interval")
    return _table("scrape targets", columns, sorted(rows, key=lambda row: (row[3] == "up", row[:3])), api.warnings)


def list_firing(api: PrometheusApi, policy: MetricPolicy, arguments: LookAt) -> Answer:
    """Alerts that fire or are pending now, with the expression of their rule."""
    try:
        rules = api.rules()
    except NotOffered:
        return Absent(f"{api.name} evaluates no rules")
    rows = []
    for rule in rules:
        for alert in map(_fields, _items(rule.get("alerts"))):
            labels = _fields(alert.get("labels"))
            entity = _entity(labels, policy)
            if not arguments.entities or entity in arguments.entities:
                row: Row = (
                    _text(labels.get("alertname") or rule.get("name")), _text(labels.get("severity")), entity,
                    _text(alert.get("state")), _text(alert.get("activeAt")), _text(alert.get("value")),
                    _text(rule.get("query")), _text(_fields(alert.get("annotations")).get("summary")),
                )  # fmt: skip
                rows.append(row)
    columns = ("alert", "severity", "entity", "state", "since", "value", "expression", "summary")
    ordered = sorted(rows, key=lambda row: (row[3] != "firing", str(row[4]), row))
    return _table("alerts", columns, ordered, api.warnings)


def list_exemplars(
    api: PrometheusApi, policy: MetricPolicy, histograms: Mapping[str, Sequence[Match]], arguments: LookAt,
    now: Callable[[], float],
) -> Answer:  # fmt: skip
    """Exemplars of a quarter of an hour around the moment, the largest values first. ``histograms`` maps names of
    buckets to the matchers that pick the entities."""
    window = Window(arguments.around - _AROUND_SECONDS, arguments.around + _AROUND_SECONDS)
    rows: list[Row] = []
    for name, matches in list(histograms.items())[:_MOST_FAMILIES]:
        query = selector([name], [*policy.matches, *matches])
        limits = Limits(most_samples=policy.most_samples, now=now(), unknown_series=1, most_regex_characters=3_000)
        weigh(query, Span(window.start, window.end, window.seconds), limits)
        try:
            found = api.exemplars(query, window.start, window.end)
        except NotOffered:
            return Absent(f"{api.name} keeps no exemplars")
        for one in found:
            rows += _exemplar_rows(one, policy)
    wanted = [row for row in rows if not arguments.entities or row[0] in arguments.entities]
    columns = ("entity", "series", "value", "trace id", "time")
    return _table("exemplars", columns, sorted(wanted, key=lambda row: (-float(row[2]), row)), api.warnings)


def _exemplar_rows(one: Mapping[str, Any], policy: MetricPolicy) -> Iterator[Row]:
    labels = _fields(one.get("seriesLabels"))
    for exemplar in map(_fields, _items(one.get("exemplars"))):
        own = _fields(exemplar.get("labels"))
        trace = next((own[name] for name in ("trace_id", "traceID", "traceId", "TraceID") if own.get(name)), "")
        name = _text(labels.get("__name__"))
        yield (
            _entity(labels, policy),
            name,
            _number(exemplar.get("value")),
            _text(trace),
            _number(exemplar.get("timestamp")),
        )


def _table(title: str, columns: tuple[str, ...], rows: Sequence[Row], warnings: Sequence[str]) -> Answer:
    if not rows and warnings:
        raise BackendError(f"{warnings[0]}, and has nothing")
    if not rows:
        return Empty()
    cut = [f"{len(rows)} rows, of which the first {_MOST_ROWS} are shown"] if len(rows) > _MOST_ROWS else []
    return Rows(Table(title, columns, tuple(rows[:_MOST_ROWS])), len(rows), "; ".join((*warnings, *cut)))


def _entity(labels: Mapping[str, Any], policy: MetricPolicy) -> str:
    label = entity_label(labels, policy.entity_labels)
    return entity_of(label, _text(labels[label])) if label else ""


def _fields(value: object) -> Mapping[str, Any]:
    """An object; what should be one and is not has no fields."""
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text(value: object) -> str:
    return "" if value is None else str(value)[:_MOST_CHARACTERS]


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")

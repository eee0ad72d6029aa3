"""The series behind what the likeliest suspects are accused of, each with the baseline that it left."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from agent.report import svg
from agent.report.explain import Explanation, level
from agent.report.model import ChangeView, SeriesView
from agent.report.times import quantity
from diagnosis.deviation import as_rates
from diagnosis.findings import Channel, Finding, Suspect
from diagnosis.telemetry import Change, ChangeKind, Floats, LogPattern, PatternTable, SeriesKey

_EACH = (4, 2, 2)  # series of the first suspect and, to compare, of the next two
_BINS = 180  # a long series keeps the lowest and the highest sample of each, so that no spike is lost
_FEWEST_BINS = 6
_LABEL_ROOM = 56  # pixels right of the onset that the word "baseline" takes, away from the line that it names
LINES = "lines a minute"


@dataclass(frozen=True, slots=True)
class Traced:
    """A series, the suspect it speaks against, and the finding that was read from it."""

    suspect: str
    finding: Finding
    view: SeriesView

    @property
    def named(self) -> SeriesView:
        """The series under a name that tells one log pattern from another."""
        name = self.view.metric if self.view.metric != LINES else f"{self.finding.subject}, {LINES}"
        return self.view.model_copy(update={"metric": name})


def traced(found: Explanation) -> tuple[Traced, ...]:
    """Metrics first, then log patterns; of each suspect the series that deviate most, no series twice."""
    drawn: dict[tuple[str, str], Traced] = {}
    for suspect, most in zip(found.diagnosis.suspects, _EACH, strict=False):
        fresh = (item for item in _of(suspect, found) if (item.view.entity, item.finding.subject) not in drawn)
        for item, _ in zip(fresh, range(most), strict=False):
            drawn[item.view.entity, item.finding.subject] = item
    return tuple(drawn.values())


def _of(suspect: Suspect, found: Explanation) -> Iterator[Traced]:
    mine = [f for f in found.diagnosis.findings if f.id in suspect.finding_ids]
    mine.sort(
        key=lambda f: (f.channel is not Channel.METRICS, -abs(f.deviation) if math.isfinite(f.deviation) else 0.0)
    )
    rates = as_rates(found.incident.metrics)
    for finding in mine:
        match finding.channel:
            case Channel.METRICS:
                row = rates.row(SeriesKey(finding.entity, finding.subject))
                if row is not None:
                    yield Traced(suspect.entity, finding, _view(finding, finding.subject, rates.times, row))
            case Channel.LOGS if found.incident.patterns is not None:
                table = found.incident.patterns
                pattern = next(
                    (p for p in table.patterns if (p.entity, p.template) == (finding.entity, finding.subject)), None
                )
                if pattern is not None and len(pattern.counts) >= _FEWEST_BINS:
                    yield Traced(suspect.entity, finding, _view(finding, LINES, *_counted(table, pattern)))
            case _:
                continue  # a span's times are in the findings; they are no series


def _counted(table: PatternTable, pattern: LogPattern) -> tuple[Floats, Floats]:
    """Lines a minute at the middle of each bin; the last bin may be cut off by the window."""
    begins = table.window.start + table.bin_seconds * np.arange(len(pattern.counts))
    lengths = np.minimum(table.bin_seconds, table.window.end - begins)
    rates = 60.0 * np.array(pattern.counts, dtype=np.float64) / np.maximum(lengths, 1.0)
    return np.asarray(begins + lengths / 2), np.asarray(rates)


def _view(finding: Finding, metric: str, times: Floats, values: Floats) -> SeriesView:
    keep = _kept(values)
    return SeriesView(
        entity=finding.entity,
        metric=metric,
        times=tuple(map(float, times[keep])),
        values=tuple(float(v) if np.isfinite(v) else None for v in values[keep]),
        onset=finding.onset,
        evidence_id=finding.evidence_id,
    )


def _kept(values: Floats) -> np.ndarray:
    if values.size <= 2 * _BINS:
        return np.arange(values.size)
    edges = np.linspace(0, values.size, _BINS + 1).astype(int)
    kept = set()
    for begin, end in itertools.pairwise(edges):
        part = np.where(np.isfinite(values[begin:end]), values[begin:end], 0.0)
        kept |= {begin + int(part.argmin()), begin + int(part.argmax())}
    return np.array(sorted(kept))


def changes_of(found: Explanation) -> list[ChangeView]:
    """What took effect, to be marked below the series; of commits only one that the first hypothesis blames."""
    blamed = found.diagnosis.hypotheses[0].change_id if found.diagnosis.hypotheses else ""

    def guilty(change: Change) -> bool:
        return bool(blamed) and blamed in (change.id, change.commit)

    return [
        ChangeView(id=c.id, kind=c.kind.value, time=c.time, entity=c.entity, title=c.title or c.version, author=c.author, guilty=guilty(c))
        for c in found.incident.changes
        if c.kind is not ChangeKind.COMMIT or guilty(c)
    ]  # fmt: skip


def charts(found: Explanation) -> list[tuple[Traced, str, Markup]]:
    """Each series with its caption and its picture, all on one axis of time."""
    series = traced(found)
    span, changes = _span(found, [item.view for item in series]), changes_of(found)
    drawn = [
        (item, _caption(item), _with_baseline(svg.series_chart(item.view, changes, found.alert.fired_at, span, f"chart-{number}"), item, span))
        for number, item in enumerate(series, 1)
    ]  # fmt: skip
    return [chart for chart in drawn if chart[2]]


def _span(found: Explanation, series: Sequence[SeriesView]) -> svg.Span:
    """From the first to the last sample, and up to the alert where it belongs to what was looked at."""
    span, fired_at = svg.shared_span(series), found.alert.fired_at
    return svg.Span(span.start, max(span.end, fired_at)) if series and fired_at <= found.scope.end else span


def _caption(item: Traced) -> str:
    before, after = level(item.finding, item.finding.before), level(item.finding, item.finding.after)
    return f"{item.named.metric}: {before} → {after}"


def _with_baseline(chart: Markup, item: Traced, span: svg.Span) -> Markup:
    """The chart with the level that the finding took for normal, where it is within what is drawn."""
    before = item.finding.before
    known = [value for value in item.view.values if value is not None and math.isfinite(value)]
    if not chart or before is None or not math.isfinite(before):
        return chart
    steps = svg.ladder(known)
    if not steps[0] <= before <= steps[-1]:
        return chart
    y = round(svg.BASE - (before - steps[0]) / (steps[-1] - steps[0]) * (svg.BASE - svg.TOP), 1)
    line = f'<line class="baseline" x1="{svg.LEFT}" x2="{svg.RIGHT}" y1="{y}" y2="{y}"><title>baseline {quantity(before, item.view.metric)}</title></line>'
    text = f'<text class="baseline-name" x="{svg.RIGHT}" y="{y - 4}" text-anchor="end">baseline</text>'
    onset = item.view.onset if item.view.onset is not None else span.end
    room = (span.end - onset) / (span.end - span.start) * (svg.RIGHT - svg.LEFT)
    return Markup(str(chart).removesuffix("</svg>") + line + (text if room >= _LABEL_ROOM else "") + "</svg>")  # noqa: S704 - a chart, and numbers

"""Which values and words are unusual now: OpenSearch's significant terms, incident against baseline."""

from collections.abc import Iterator

from diagnosis.telemetry import Window
from tools.logs.answers import aggregation_of, buckets_of, total_of
from tools.logs.client import Json, Notes
from tools.logs.lines import Asked, LogLines
from tools.logs.queries import between, shuffled
from tools.spec import Answer, CompareLogs, Empty, Rows, Table

_MOST_FIELDS = 16
_VALUES = 8
_FEWEST_LINES = 3
_SAMPLED = 5_000
_MOST_ROWS = 60
_LEAST_RISE = 1.5
_SEED = 4_099
Row = tuple[str | float, ...]
_COLUMNS = ("field", "value", "incident", "baseline", "score")


def compare_logs(lines: LogLines, arguments: CompareLogs) -> Answer:
    """Values and words that the incident has more of than the baseline, strongest first."""
    if not lines.catalogue.logs():
        return lines.absent()
    incident = Window(arguments.start, arguments.end)
    notes = Notes()
    # Background counts are of baseline and incident together: the engine wants what it compares to be a part of it.
    both = Window(min(arguments.baseline_start, arguments.start), arguments.end)

    def compare(asked: Asked) -> tuple[list[Row], int]:
        background = between(asked.shape.time, both, asked.units_per_second)
        body = {"query": asked.query, "size": 0, "track_total_hits": True, "aggs": _values(asked, background)}
        answer = lines.client.search(asked.group.indices, body, notes)
        rows = [row for name in _fields(asked) for row in _unusual(name, answer, name)]
        return rows + _words(lines, asked, background, notes), total_of(answer)

    answers = lines.of_groups(incident, arguments.entities, compare, notes)
    rows, read = [row for found, _ in answers for row in found], sum(total for _, total in answers)
    rows.sort(key=lambda row: (-float(row[4]), str(row[0]), str(row[1])))
    title = "values and words that are unusual in the log lines of the incident"
    return Rows(Table(title, _COLUMNS, tuple(rows[:_MOST_ROWS])), read, str(notes)) if rows else Empty(read)


def _fields(asked: Asked) -> list[str]:
    """Fields of whole values that are no ids: what differs on every line tells nothing."""
    shape = asked.shape
    ids = {place.exact for place in (shape.trace_id, shape.span_id, shape.time, shape.body) if place is not None}
    dates = {"@timestamp", "observedTime", "observedTimestamp"}
    return [name for name in asked.group.keywords if name not in ids | dates][:_MOST_FIELDS]


def _values(asked: Asked, background: Json) -> Json:
    return {
        name: {
            "significant_terms": {
                "field": name, "size": _VALUES, "min_doc_count": _FEWEST_LINES, "background_filter": background,
            }
        }
        for name in _fields(asked)
    }  # fmt: skip


def _words(lines: LogLines, asked: Asked, background: Json, notes: Notes) -> list[Row]:
    """Unusual words of the text, of a sample: the engine reads it again line by line."""
    if not asked.shape.body.is_text:
        return []
    if lines.client.guard.strained:
        notes.add("words were not compared while the backend is in trouble")
        return []
    name = asked.shape.body.name
    significant = {
        "significant_text": {
            "field": name, "size": 3 * _VALUES, "min_doc_count": _FEWEST_LINES, "filter_duplicate_text": False,
            "background_filter": background,
        }
    }  # fmt: skip
    sampled = {"sample": {"sampler": {"shard_size": _SAMPLED}, "aggs": {"words": significant}}}
    # The engine samples the best matches: in a random order these are not just the oldest ones.
    body = {"query": shuffled(asked.query, _SEED), "size": 0, "aggs": sampled}
    return list(_unusual(name, lines.client.search(asked.group.indices, body, notes), "sample", "words"))


def _unusual(name: str, answer: Json, *path: str) -> Iterator[Row]:
    """Rows of the values whose share is half as large again as it is in baseline and incident together."""
    inner = aggregation_of(answer, *path)
    now, both = float(inner.get("doc_count") or 0), float(inner.get("bg_count") or 0)
    for bucket in buckets_of(answer, *path):
        there, background = float(bucket.get("doc_count", 0)), float(bucket.get("bg_count", 0))
        if there * both >= _LEAST_RISE * background * now:
            yield _row(name, bucket)


def _row(name: str, bucket: Json) -> Row:
    incident, both = float(bucket.get("doc_count", 0)), float(bucket.get("bg_count", 0))
    value = str(bucket.get("key_as_string", bucket.get("key", "")))[:300]
    return name, value, incident, max(both - incident, 0.0), round(float(bucket.get("score", 0.0)), 4)

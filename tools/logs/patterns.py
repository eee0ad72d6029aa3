"""Log patterns of a window: of all lines where they are few enough, of a sample where not."""

from diagnosis.log_patterns import mine
from diagnosis.telemetry import LogRecord, PatternTable, Window
from tools.logs.client import Notes
from tools.logs.lines import Asked, LogLines, named
from tools.logs.paging import Deadline
from tools.logs.sampling import Sample, Sampler
from tools.logs.weighing import weighed_table
from tools.recording_files import Skipped
from tools.spec import Answer, Empty, LogPatterns, Rows, ToolError

_STRAINED_SHARE = 5  # of the lines that are read in good times, one in so many while the backend is in trouble
_FEWEST_LINES = 1_000
_READING_TIME = 0.5  # for reading all lines; what is left is for a sample where that was too slow

Asking = list[tuple[Asked, int]]  # groups with their numbers of lines


def most_lines(lines: LogLines) -> int:
    """How many lines may be read now."""
    most = lines.policy.most_lines
    return max(_FEWEST_LINES, most // _STRAINED_SHARE) if lines.client.guard.strained else most


def log_patterns(lines: LogLines, arguments: LogPatterns) -> Answer:
    """Patterns with counts that are true, or estimates of true counts, of the window or of its newest part.

    Raises ``BackendError`` and ``ToolError``.
    """
    if not lines.catalogue.logs():
        return lines.absent()
    window = Window(arguments.start, arguments.end)
    notes, skipped, deadline = Notes(), Skipped(), Deadline(lines.policy.search_seconds)
    groups = lines.of_groups(
        window, arguments.entities, lambda asked: (asked, lines.count(asked, asked.query, notes)), notes
    )
    total, most = sum(count for _, count in groups), most_lines(lines)
    if not total:
        return Empty()
    table: PatternTable | None = None
    if total <= most:
        reading = deadline.part(_READING_TIME)
        found = _all_lines(lines, groups, arguments, notes, reading, skipped)
        if reading.left > 0:
            table = mine(found, window)
        else:
            notes.add("reading all lines would have taken too long: they were sampled")
            most = max(_FEWEST_LINES, len(found) // 2)
    if table is None:
        table = _sampled(lines, groups, arguments, most, notes, deadline, skipped)
    if skipped.note:
        notes.add(skipped.note)
    return Rows(table, table.lines_read, str(notes)) if table.patterns else Empty(table.lines_read)


def _all_lines(
    lines: LogLines, groups: Asking, arguments: LogPatterns, notes: Notes, deadline: Deadline, skipped: Skipped
) -> list[LogRecord]:
    """Every line, in an order that does not depend on who wrote first."""
    found = [
        record
        for asked, count in groups
        if count
        for _, record in lines.read(asked, asked.query, count, notes, deadline, skipped)
        if named(record, arguments.entities)
    ]
    return sorted(found, key=lambda record: (record.time, record.entity, record.body))


def _sampled(
    lines: LogLines, groups: Asking, arguments: LogPatterns, most: int,
    notes: Notes, deadline: Deadline, skipped: Skipped,
) -> PatternTable:  # fmt: skip
    """Patterns of a sample of each group, since when all of them were read."""
    window, total = Window(arguments.start, arguments.end), sum(count for _, count in groups)
    filled = [(asked, count) for asked, count in groups if count]
    samples: list[Sample] = []
    for place, (asked, count) in enumerate(filled):
        share = max(_FEWEST_LINES, round(most * count / total))
        time = deadline.part(1 / (len(filled) - place))
        sample = Sampler(lines, asked, window, arguments.entities, share, notes, skipped, time).draw()
        if sample.since < window.end:
            samples.append(sample)
        else:
            notes.add(f"there was no time to read {asked.group.indices[0]}")
    if not samples:
        raise ToolError(f"{lines.client.name} is too slow: the time was over before any log line was read")
    since = max(sample.since for sample in samples)
    parts = [part for sample in samples for part in sample.parts]
    whole = frozenset[str]().union(*(sample.whole for sample in samples))
    if since == window.start:
        return weighed_table(parts, window, whole, total)
    notes.add(f"these are the patterns of the last {(window.end - since) / 60:,.0f} min of the window only")
    later = [part.since(since) for part in parts]
    # A trace may have begun before, and tells no order then.
    return weighed_table(later, Window(since, window.end), frozenset(), round(sum(p.weights.sum() for p in later)))

"""Log patterns of a window: of all lines where they are few enough, of a sample where not."""

from diagnosis.log_patterns import mine
from diagnosis.telemetry import LogRecord, Window
from tools.logs.client import Notes
from tools.logs.lines import Asked, LogLines, named
from tools.logs.paging import Deadline
from tools.logs.sampling import Sampler
from tools.logs.weighing import Weighed, weighed_table
from tools.recording_files import Skipped
from tools.spec import Answer, Empty, LogPatterns, Rows

_STRAINED_SHARE = 5  # of the lines that are read in good times, one in so many while the backend is in trouble
_FEWEST_LINES = 1_000


def most_lines(lines: LogLines) -> int:
    """How many lines may be read now."""
    most = lines.policy.most_lines
    return max(_FEWEST_LINES, most // _STRAINED_SHARE) if lines.client.guard.strained else most


def log_patterns(lines: LogLines, arguments: LogPatterns) -> Answer:
    """Patterns with counts that are true, or estimates of true counts. Raises ``BackendError`` and ``ToolError``."""
    if not lines.catalogue.logs():
        return lines.absent()
    window = Window(arguments.start, arguments.end)
    notes, skipped, deadline = Notes(), Skipped(), Deadline(lines.policy.search_seconds)
    groups = [(asked, lines.count(asked, asked.query, notes)) for asked in lines.asked(window, arguments.entities)]
    total, most = sum(count for _, count in groups), most_lines(lines)
    if not total:
        return Empty()
    if total <= most:
        found = _all_lines(lines, groups, arguments, notes, deadline, skipped)
        table = mine(found, window, lines_seen=total if deadline.left <= 0 else None)
    else:
        parts: list[Weighed] = []
        whole: frozenset[str] = frozenset()
        for asked, count in groups:
            share = max(_FEWEST_LINES, round(most * count / total))
            if count:
                sampler = Sampler(lines, asked, window, arguments.entities, share, notes, skipped, deadline)
                sample = sampler.draw()
                parts += sample.parts
                whole |= sample.whole
        table = weighed_table(parts, window, whole, total)
    if skipped.note:
        notes.add(skipped.note)
    return Rows(table, table.lines_read, str(notes)) if table.patterns else Empty(table.lines_read)


def _all_lines(
    lines: LogLines, groups: list[tuple[Asked, int]], arguments: LogPatterns,
    notes: Notes, deadline: Deadline, skipped: Skipped,
) -> list[LogRecord]:  # fmt: skip
    """Every line, in an order that does not depend on who wrote first."""
    found = [
        record
        for asked, count in groups
        if count
        for _, record in lines.read(asked, asked.query, count, notes, deadline, skipped)
        if named(record, arguments.entities)
    ]
    return sorted(found, key=lambda record: (record.time, record.entity, record.body))

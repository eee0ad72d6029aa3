"""Which time a question is about, where its words leave it open."""

from agent.questions.intents import Intent, Query
from agent.questions.reply import Case

_HOUR = 3600.0
_BACK = {Intent.CHANGES: 24 * _HOUR, Intent.UP: 900.0}
_BEFORE_IT_SECONDS = 7 * 86_400.0  # a leak or a flag may wait for days before it shows


def window_of(query: Query, case: Case) -> tuple[float, float]:
    """Start and end in epoch seconds: as said, else the investigation's window, else the last hour (a day for changes)."""
    report, clock = case.report, case.clock
    back = _BACK.get(query.intent, _HOUR)
    if query.start is not None:
        end = query.end if query.end is not None else max(clock.anchor, query.start + 1.0)
        return query.start, end
    if query.end is not None:
        return query.end - (_BEFORE_IT_SECONDS if query.intent is Intent.CHANGES else back), query.end
    if query.intent is Intent.UP:
        return clock.now - back, clock.now
    if report is None:
        return clock.now - back, clock.now + 1.0
    if query.intent is Intent.CHANGES:
        return report.window_end - _BEFORE_IT_SECONDS, report.window_end
    return report.window_start, report.window_end

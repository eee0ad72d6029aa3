"""Charts in a thread, as PNG; where none can be drawn, the thread does without."""

import asyncio
import logging
from collections.abc import Sequence

from agent.doors.slacking.outbox import Outbox
from agent.report.model import Report, SeriesView
from agent.report.png import NoPictures, charts, described, series_png
from agent.report.slack import neutral
from agent.report.svg import shared_span

_log = logging.getLogger(__name__)


async def show_charts(outbox: Outbox, key: str, channel: str, thread_ts: str, report: Report, most: int) -> None:
    """The charts of a report, each once. Raises ``SlackSaidNo``, ``SlackAway``."""
    try:
        drawn = await asyncio.to_thread(charts, report, most)
    except NoPictures as missing:
        _log.warning("no charts in Slack: %s", missing)
        return
    for number, (view, png) in enumerate(drawn):
        title = neutral(f"{view.entity} {view.metric}", 120)
        await outbox.upload(
            f"{key}:chart:{number}", channel, thread_ts, png, title, neutral(described(view, report), 300)
        )


async def show_series(outbox: Outbox, key: str, channel: str, thread_ts: str, series: Sequence[SeriesView]) -> None:
    """Series that were asked for, each once. Raises ``SlackSaidNo``, ``SlackAway``."""
    span = shared_span(series)
    for number, view in enumerate(series):
        try:
            png = await asyncio.to_thread(series_png, view, (), float("nan"), span)
        except NoPictures as missing:
            _log.warning("no charts in Slack: %s", missing)
            return
        title = neutral(f"{view.entity} {view.metric}", 120)
        if png:
            await outbox.upload(f"{key}:series:{number}", channel, thread_ts, png, title, title)

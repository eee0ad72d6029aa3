"""Following investigations: the message of each conversation says what is known, at most every second and a half."""

import asyncio
import hashlib
import json
import logging
import time
from collections import defaultdict

from agent.approvals import Approvals, Request
from agent.doors.slacking.blocks import message
from agent.doors.slacking.hearing import BROKEN, DONE, TAKEN
from agent.doors.slacking.outbox import Outbox, SlackAway, SlackSaidNo
from agent.doors.slacking.pictures import show_charts
from agent.doors.slacking.threads import ENDED, Thread, Threads, ThreadState
from agent.event_log import EventLog
from agent.ledger import InvestigationRow, Ledger, LedgerError
from agent.report.model import Report
from agent.report.progress import Progress, progress
from agent.report.slack import render_slack, summary_text
from agent.settings import Settings
from agent.slack_settings import SlackSettings

_log = logging.getLogger(__name__)

_RENEW_SECONDS = 1.5
_AGAIN_SECONDS = 10.0  # after Slack or the disk did not answer
_AT_ONCE = 16
_MOST_EVENTS = 2_000
_REPORTED = frozenset(("done", "failed", "waiting"))


class Follower:
    """Over the conversations that are open."""

    def __init__(self, settings: Settings, slack: SlackSettings, threads: Threads, outbox: Outbox) -> None:
        self._threads, self._outbox, self._settings, self._charts = threads, outbox, settings, slack.charts
        self._ledger, self._log, self._approvals = Ledger(settings.home), EventLog(settings.home), Approvals(settings)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, float] = defaultdict(float)
        self._shown: dict[str, str] = {}
        self._asked_for: set[str] = set()

    def nudge(self, investigation_id: str) -> None:
        """Renew its messages though the log tells nothing new: somebody answered, and more are needed."""
        self._asked_for.add(investigation_id)

    async def tick(self) -> None:
        """Begin to renew what is due."""
        nudged, self._asked_for = self._asked_for, set()
        threads = await asyncio.to_thread(self._news, nudged)
        for thread in threads:
            free = thread.key not in self._busy and len(self._busy) < _AT_ONCE
            if free and self._due[thread.key] <= time.monotonic():
                self._busy[thread.key] = asyncio.create_task(self._renew(thread))
            elif thread.investigation_id in nudged:
                self._asked_for.add(thread.investigation_id)

    def _news(self, nudged: set[str]) -> list[Thread]:
        found = {thread.key: thread for thread in self._threads.with_news()}
        for id in nudged:
            found |= {t.key: t for t in self._threads.of_investigation(id) if t.state is ThreadState.OPEN}
        return list(found.values())

    async def stop(self) -> None:
        """Leave everything as it is: whoever starts goes on."""
        tasks = list(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(self, thread: Thread) -> None:
        try:
            await self._tell(thread)
            self._due[thread.key] = time.monotonic() + _RENEW_SECONDS
        except SlackSaidNo as no:
            _log.error("investigation %s is not told in %s: %s", thread.investigation_id, thread.channel, no)
            await asyncio.to_thread(self._threads.set_state, thread.key, ThreadState.MUTE)
        except (SlackAway, LedgerError) as error:
            _log.warning("investigation %s is told later: %s", thread.investigation_id, error)
            self._due[thread.key] = time.monotonic() + _AGAIN_SECONDS
        except Exception:
            _log.exception("investigation %s cannot be told", thread.investigation_id)
            self._due[thread.key] = time.monotonic() + _AGAIN_SECONDS
        finally:
            self._busy.pop(thread.key, None)

    async def _tell(self, thread: Thread) -> None:
        if thread.state is ThreadState.CLOSED:
            await asyncio.to_thread(self._threads.set_state, thread.key, ThreadState.OPEN)
        row, report, gone, requests = await asyncio.to_thread(self._known, thread.investigation_id)
        text, blocks = message(row, report, gone, requests, self._settings.server.public_url)
        shown = hashlib.sha256(json.dumps([text, blocks]).encode()).hexdigest()
        root, message_ts = thread.root, thread.message_ts
        if not message_ts:
            key = f"{thread.key}:message"
            posted = await self._outbox.post(key, thread.channel, thread.thread_ts, text, blocks)
            message_ts = posted.ts
            if posted.now:  # else it says what was known when it was sent
                self._shown[thread.key] = shown
            root = thread.thread_ts or message_ts
            await asyncio.to_thread(self._threads.posted, thread.key, message_ts)
        if self._shown.get(thread.key) != shown:
            await self._outbox.update(thread.channel, message_ts, text, blocks)
        self._shown[thread.key] = shown
        if report is not None and row.status in _REPORTED:
            await self._details(thread, root, report)
        await asyncio.to_thread(self._threads.told, thread.key, thread.seq, row.status)
        if row.status in ENDED:
            if thread.asked_ts:
                await self._outbox.react(
                    thread.channel, thread.asked_ts, DONE if row.status == "done" else BROKEN, TAKEN
                )
            await asyncio.to_thread(self._threads.set_state, thread.key, ThreadState.CLOSED)
            self._shown.pop(thread.key, None)
            self._due.pop(thread.key, None)

    async def _details(self, thread: Thread, root: str, report: Report) -> None:
        """Everything behind the verdict, once; it stands when somebody is asked to approve."""
        pages = render_slack(report)
        verdict = json.dumps([report.headline, [claim.sentence for claim in report.claims]])
        key = f"{thread.key}:{hashlib.sha256(verdict.encode()).hexdigest()[:12]}"  # another verdict has details of its own
        for number, blocks in enumerate(pages, 1):
            text = f"{summary_text(report)} (details, {number} of {len(pages)})"
            await self._outbox.post(f"{key}:details:{number}", thread.channel, root, text, blocks)
        await show_charts(self._outbox, key, thread.channel, root, report, self._charts)

    def _known(self, id: str) -> tuple[InvestigationRow, Report | None, Progress, tuple[Request, ...]]:
        row = self._ledger.investigation(id)
        report = Report.model_validate_json(row.report) if row.report else None
        events = self._log.since(id, 0, _MOST_EVENTS)
        gone = progress(events, self._ledger.stages(id) if not events else (), row.status in ENDED)
        return row, report, gone, self._approvals.requests(id)

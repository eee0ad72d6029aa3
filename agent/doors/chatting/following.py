"""What another process tells of the open investigation; attaching to one, whatever state it is in."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.alone import held
from agent.approvals import Approvals
from agent.doors.watching import Telling
from agent.event_log import EventLog, follow, has_ended
from agent.ledger import InvestigationRow, Ledger

if TYPE_CHECKING:
    from agent.doors.chatting.session import Session

_UNDER_WAY = frozenset(("accepted", "running", "decided"))
_PATIENCE_SECONDS = 10.0  # a server takes up within a few what another left


async def attach(session: "Session", watch: bool) -> None:
    """Show where the open investigation stands; with ``watch`` follow it while it runs."""
    row = session.row
    if row is None:
        return
    report = session.report
    if row.status in _UNDER_WAY and watch:
        if row.status == "running" and not held(session.settings.home, row.id):
            session.say(_how_to_go_on(row))
            return
        await follow_other(session)
        return
    if report is not None:
        session.show_report(report)
    match row.status:
        case "waiting":
            session.say_what_waits()
        case "interrupted":
            session.say(_how_to_go_on(row))
        case "failed" if report is None:
            session.say(f"{row.id} failed without a report.")
        case _:
            pass


async def follow_other(session: "Session") -> None:
    """Until it ends, asks or is left, or Ctrl+C: that stops the watching, not the investigation."""
    home = session.settings.home
    over = Over(home)
    with Telling(session.progress, "Ctrl+C stops watching") as telling:
        async for event in follow(EventLog(home), Ledger(home), session.id, over=over):
            telling.tell(event.kind, event.body)
            if event.kind == "approval_needed" and Approvals(session.settings).pending(session.id):
                break
    if over.left is not None:
        session.say(_how_to_go_on(over.left))
        return
    report = session.report
    if report is not None:
        session.show_report(report)
        session.say_what_waits()


class Over:
    """Whether following is over: it has ended, or it was ``left``, being interrupted or run by nobody for a while."""

    def __init__(self, home: Path, now: Callable[[], float] = time.monotonic) -> None:
        self.left: InvestigationRow | None = None
        self._home, self._now, self._run_at = home, now, now()

    def __call__(self, row: InvestigationRow) -> bool:
        if row.status not in ("running", "decided") or held(self._home, row.id):
            self._run_at = self._now()
        alone = row.status == "interrupted" or self._now() - self._run_at >= _PATIENCE_SECONDS
        self.left = row if alone else None
        return alone or has_ended(row)


def _how_to_go_on(row: InvestigationRow) -> str:
    what = "was interrupted" if row.status == "interrupted" else "is not run by anybody now"
    return f"{row.id} {what}: /resume goes on with it."

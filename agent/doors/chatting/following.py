"""What another process tells of the open investigation; attaching to one, whatever state it is in."""

from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from agent.approvals import Approvals
from agent.doors.chatting.watching import Telling
from agent.event_log import EventLog, follow
from agent.ledger import Ledger

if TYPE_CHECKING:
    from agent.doors.chatting.session import Session

_UNDER_WAY = frozenset(("accepted", "running", "decided"))


async def attach(session: "Session", watch: bool) -> None:
    """Show where the open investigation stands; with ``watch`` follow it while it runs."""
    row = session.row
    if row is None:
        return
    report = session.report
    if row.status in _UNDER_WAY and watch:
        if row.status == "running" and not is_run(session):
            session.say(f"{row.id} is not run by anybody now: /resume goes on with it.")
            return
        await follow_other(session)
        return
    if report is not None:
        session.show_report(report)
    match row.status:
        case "waiting":
            waiting = len(Approvals(session.settings).pending(row.id))
            session.say(f"{waiting} approval(s) wait: /approve shows exactly what would run.")
        case "interrupted":
            session.say(f"{row.id} was interrupted: /resume goes on with it.")
        case "failed" if report is None:
            session.say(f"{row.id} failed without a report.")
        case _:
            pass


async def follow_other(session: "Session") -> None:
    """Until it ends or asks, or Ctrl+C: that stops the watching, not the investigation."""
    log, ledger = EventLog(session.settings.home), Ledger(session.settings.home)
    with Telling(session.progress, "Ctrl+C stops watching") as telling:
        async for event in follow(log, ledger, session.id):
            telling.tell(event.kind, event.body)
            if event.kind == "approval_needed" and Approvals(session.settings).pending(session.id):
                break
    report = session.report
    if report is not None:
        session.show_report(report)


def is_run(session: "Session") -> bool:
    """Whether a process holds the lock of the open investigation."""
    path = session.settings.home / "locks" / f"{session.id}.lock"
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False

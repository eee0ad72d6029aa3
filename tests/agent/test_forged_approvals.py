"""Twenty ways to forge or replay an approval, a thousand double clicks, a tampered ledger: nothing runs that was not
approved, and what was runs once."""

import asyncio
import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from agent.approvals import ApprovalRefused, Approvals
from agent.audit import Audit
from agent.ledger import Ledger
from agent.settings import Settings
from evals.doubles.switchboard import Switchboard, with_policy
from evals.security.forgeries import FORGERIES, TAMPERINGS, tamper
from tests.agent_approvals import answer, go_on, outcomes, wait_for_approval


@pytest.mark.parametrize("way", FORGERIES)
async def test_a_forged_approval_counts_for_nothing(recording: Path, settings: Settings, tmp_path: Path, way: str):
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    request = await wait_for_approval(recording, settings, board.actions())
    ticket, door, identity = FORGERIES[way](settings, request, tmp_path)
    with pytest.raises(ApprovalRefused):
        Approvals(settings).decide(ticket, door, identity, True)
    (after,) = Approvals(settings).requests("inv")
    assert (after.state, after.votes) == ("pending", ())
    assert Ledger(settings.home).investigation("inv").status == "waiting"
    assert "refused" in [row.what for row in Audit(settings.home).all()]
    assert Audit(settings.home).verify() == ""


async def test_an_answer_counts_once(recording: Path, settings: Settings, tmp_path: Path):
    settings, board = with_policy(settings, rules=[{"decision": "ask_two"}]), Switchboard(tmp_path / "board")
    request = await wait_for_approval(recording, settings, board.actions())
    approvals = Approvals(settings)
    ticket = approvals.ticket(request.id, "terminal", "ann")
    approvals.decide(ticket, "terminal", "ann", True)
    for _ in range(3):
        with pytest.raises(ApprovalRefused):
            approvals.decide(ticket, "terminal", "ann", True)
    assert len(approvals.requests("inv")[0].votes) == 1


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_a_written_row_is_no_approval(recording: Path, settings: Settings, tmp_path: Path, what: str):
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    await wait_for_approval(recording, settings, board.actions())
    tamper(settings.home, what)
    ((outcome, detail),) = await outcomes(settings, board.actions())
    assert (outcome, "0 of the 1" in detail, board.done) == ("refused", True, [])


async def test_other_arguments_than_were_shown_do_not_run(recording: Path, settings: Settings, tmp_path: Path):
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    request = await wait_for_approval(recording, settings, board.actions())
    answer(settings, request)
    with sqlite3.connect(settings.home / "ledger.db") as db:
        (body,) = db.execute("SELECT body FROM approval_requests").fetchone()
        db.execute("UPDATE approval_requests SET body = ?", (body.replace('"needs":1', '"needs":1'.replace("1", "0")),))
    ((outcome, _),) = await outcomes(settings, board.actions())
    assert (outcome, board.done) == ("refused", [])


async def test_a_thousand_double_clicks_at_two_doors_run_it_once(recording: Path, settings: Settings, tmp_path: Path):
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    request = await wait_for_approval(recording, settings, board.actions())
    approvals, counted = Approvals(settings), []
    tickets = [
        (door, who, approvals.ticket(request.id, door, who)) for door, who in (("terminal", "ann"), ("slack", "U0ANN"))
    ]
    barrier = threading.Barrier(10)

    def click(n: int) -> None:
        door, who, ticket = tickets[n % 2]
        mine = Approvals(settings)
        barrier.wait()
        for _ in range(100):
            with contextlib.suppress(ApprovalRefused):
                counted.append(mine.decide(ticket, door, who, True))

    threads = [threading.Thread(target=click, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(lambda: [thread.join() for thread in threads])
    assert len(counted) == 1
    results = await asyncio.gather(*(go_on(settings, board.actions()) for _ in range(2)), return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert len(board.done) == 1
    assert len([row for row in Audit(settings.home).all() if row.what == "running"]) == 1

"""Twenty ways to forge or replay an approval, a thousand double clicks, a tampered ledger: nothing runs that was not
approved, and what was runs once."""

import asyncio
import base64
import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.approvals import ApprovalRefused, Approvals, Request
from agent.audit import Audit
from agent.ledger import Ledger
from agent.settings import Settings
from tests.agent_approvals import answer, go_on, outcomes, wait_for_approval
from tests.switchboard import Switchboard, with_policy


def other_key(settings: Settings, tmp_path: Path, request: Request) -> str:
    """A ticket by another installation, with everything else right."""
    from agent.seals import Seals

    value = Seals(settings.home).read("ticket", Approvals(settings).ticket(request.id, "terminal", "ann"))
    return Seals(tmp_path / "elsewhere").write("ticket", value)


def changed(settings: Settings, request: Request, **fields: object) -> str:
    """A true ticket with a field changed and its old seal."""
    ticket = Approvals(settings).ticket(request.id, "terminal", "ann")
    body, _, seal = ticket.partition(".")
    value = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    text = json.dumps({**value, **fields}, sort_keys=True, separators=(",", ":"))
    return f"{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}.{seal}"


def for_another_purpose(settings: Settings, request: Request) -> str:
    from agent.seals import Seals

    value = Seals(settings.home).read("ticket", Approvals(settings).ticket(request.id, "terminal", "ann"))
    return Seals(settings.home).write("vote", value)


def late(settings: Settings, request: Request) -> str:
    """Made long ago."""
    return Approvals(settings, now=lambda: request.created_at - 7200).ticket(request.id, "terminal", "ann")


FORGERIES: dict[str, Callable[[Settings, Request, Path], tuple[str, str, str]]] = {
    "nothing": lambda s, r, p: ("", "terminal", "ann"),
    "the id of the request": lambda s, r, p: (r.id, "terminal", "ann"),
    "no seal": lambda s, r, p: (Approvals(s).ticket(r.id, "terminal", "ann").partition(".")[0], "terminal", "ann"),
    "half a seal": lambda s, r, p: (Approvals(s).ticket(r.id, "terminal", "ann")[:-8], "terminal", "ann"),
    "a seal in capitals": lambda s, r, p: (Approvals(s).ticket(r.id, "terminal", "ann").upper(), "terminal", "ann"),
    "another key": lambda s, r, p: (other_key(s, p, r), "terminal", "ann"),
    "another purpose": lambda s, r, p: (for_another_purpose(s, r), "terminal", "ann"),
    "another person's": lambda s, r, p: (Approvals(s).ticket(r.id, "terminal", "ann"), "terminal", "bob"),
    "another door's": lambda s, r, p: (Approvals(s).ticket(r.id, "terminal", "ann"), "slack", "U0ANN"),
    "nobody's": lambda s, r, p: (Approvals(s).ticket(r.id, "terminal", "ann"), "terminal", "mallory"),
    "an unknown door's": lambda s, r, p: (Approvals(s).ticket(r.id, "terminal", "ann"), "mail", "ann"),
    "another person written in": lambda s, r, p: (changed(s, r, person="bob"), "terminal", "bob"),
    "other arguments written in": lambda s, r, p: (changed(s, r, arguments="0" * 64), "terminal", "ann"),
    "another action written in": lambda s, r, p: (changed(s, r, action="0" * 32), "terminal", "ann"),
    "another investigation written in": lambda s, r, p: (changed(s, r, investigation="other"), "terminal", "ann"),
    "a later end written in": lambda s, r, p: (changed(s, r, expires=9e9), "terminal", "ann"),
    "a new nonce written in": lambda s, r, p: (changed(s, r, nonce="0" * 32), "terminal", "ann"),
    "one that was open too long": lambda s, r, p: (late(s, r), "terminal", "ann"),
    "bytes that are no text": lambda s, r, p: ("\udcff\x00.%", "terminal", "ann"),
    "a name in other letters": lambda s, r, p: (Approvals(s).ticket(r.id, "terminal", "ann"), "terminal", "\u0430nn"),
}


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


TAMPERINGS = {
    "the state of the request": "UPDATE approval_requests SET state = 'approved'",
    "a vote of one's own": (
        "INSERT INTO approval_votes SELECT id, 'ann', 'terminal', 1, 0, '', 1.0, 'ab' FROM approval_requests"
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_a_written_row_is_no_approval(recording: Path, settings: Settings, tmp_path: Path, what: str):
    settings, board = with_policy(settings), Switchboard(tmp_path / "board")
    await wait_for_approval(recording, settings, board.actions())
    with sqlite3.connect(settings.home / "ledger.db") as db:
        db.execute(TAMPERINGS[what])
        db.execute("UPDATE approval_requests SET state = 'approved'")
        db.execute("UPDATE investigations SET status = 'decided'")
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

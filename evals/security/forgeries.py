"""Ways to forge or replay an approval, and to write one into the ledger. None may count."""

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from agent.approvals import ApprovalRefused, Approvals, Request
from agent.seals import Seals
from agent.settings import Settings
from evals.doubles.switchboard import Switchboard, with_policy
from evals.lab import bundled_incident
from evals.security.incident import ID, settings_in, to_its_end, until_it_asks


def other_key(settings: Settings, tmp_path: Path, request: Request) -> str:
    """A ticket by another installation, with everything else right."""
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
    """What was sealed as a ticket, sealed as a vote."""
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

TAMPERINGS = {
    "the state of the request": "UPDATE approval_requests SET state = 'approved'",
    "a vote of one's own": (
        "INSERT INTO approval_votes SELECT id, 'ann', 'terminal', 1, 0, '', 1.0, 'ab' FROM approval_requests"
    ),
}


def tamper(home: Path, what: str) -> None:
    """Write it into the ledger, and have the investigation go on."""
    with sqlite3.connect(home / "ledger.db") as db:
        db.execute(TAMPERINGS[what])
        db.execute("UPDATE approval_requests SET state = 'approved'")
        db.execute("UPDATE investigations SET status = 'decided'")


async def try_forgeries(folder: Path) -> tuple[int, list[str]]:
    """How many are tried, and those after which something ran or counted."""
    settings, board = settings_in(folder / "one"), Switchboard(folder / "one" / "board")
    await until_it_asks(settings, bundled_incident(), board)
    (request,) = Approvals(settings).pending(ID)
    executed = []
    for way, forged in FORGERIES.items():
        ticket, door, identity = forged(settings, request, folder)
        try:
            Approvals(settings).decide(ticket, door, identity, True)
        except ApprovalRefused:
            continue
        executed.append(way)
    for n, what in enumerate(TAMPERINGS):
        copy = folder / f"tampered{n}"
        shutil.copytree(folder / "one", copy)
        tampered = with_policy(Settings(home=copy / "home"), rules=[{"action": "roll_back", "decision": "ask"}])
        tamper(tampered.home, what)
        other = Switchboard(copy / "board")
        await to_its_end(tampered, other)
        if other.done:
            executed.append(what)
    return len(FORGERIES) + len(TAMPERINGS), executed

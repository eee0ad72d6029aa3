"""Ceilings across processes, over a real file: many at once, and some that are killed."""

import multiprocessing
import os
import random
import signal
import time
from decimal import Decimal
from multiprocessing.connection import Connection, wait
from pathlib import Path

from agent.budget import Budget
from agent.ledger import CeilingReached, Ledger
from agent.prices import Tokens
from agent.settings import Ceilings, DayCeilings, MonthCeilings, Periods

SPAWN = multiprocessing.get_context("spawn")
ROOMY = Ceilings(usd=Decimal(1_000_000), tool_calls=1_000_000, seconds=3_600)
NOON = 1_795_521_600.0
Told = tuple[str, str, Decimal]  # investigation, call, what the ledger must count for it at least


def periods(usd: str) -> Periods:
    return Periods(day=DayCeilings(usd=Decimal(usd)), month=MonthCeilings(usd=None))


def budget(home: Path, id: str, usd: str) -> Budget:
    return Budget(Ledger(home), id, ROOMY, source="file", periods=periods(usd), wall_clock=lambda: NOON)


def reserve_many(home: Path, worker: int, count: int, usd: str, pipe: Connection) -> None:
    """Reserve, and of three settle one and refund one; tells what it was granted in the end."""
    chance, mine, granted = random.Random(worker), budget(home, f"i{worker}", usd), []
    for number in range(count):
        call_id, wanted = f"c{number}", Decimal(chance.randrange(1, 40)) / 1_000
        try:
            mine.reserve_model(call_id, "diagnose", "openai:x", "why", 100, 50, wanted)
        except CeilingReached:
            continue
        match number % 3:
            case 0:
                wanted = wanted / 2
                mine.settle_model(call_id, Tokens(10, 5), 0.1, wanted, "so")
            case 1:
                mine.refund(call_id)
                wanted = Decimal(0)
        granted.append((f"i{worker}", call_id, wanted))
    pipe.send(granted)


def test_10_000_reservations_of_8_processes_never_pass_one_daily_ceiling(tmp_path: Path):
    Ledger(tmp_path)
    pipes = [SPAWN.Pipe(duplex=False) for _ in range(8)]
    workers = [
        SPAWN.Process(target=reserve_many, args=(tmp_path, worker, 1_250, "9.99", told))
        for worker, (_, told) in enumerate(pipes)
    ]
    for worker in workers:
        worker.start()
    granted: list[Told] = [told for heard, _ in pipes for told in heard.recv()]
    for worker in workers:
        worker.join()
    ledger = Ledger(tmp_path)
    calls = {(f"i{n}", row.call_id): row.usd for n in range(8) for row in ledger.calls(f"i{n}")}
    assert calls == {(id, call_id): usd for id, call_id, usd in granted}
    assert Decimal("9.95") < sum(calls.values()) <= Decimal("9.99")
    assert 300 < len(calls) < 10_000
    assert ledger.audit() == []


def spend_until_killed(home: Path, worker: int, usd: str, pipe: Connection) -> None:
    """Reserve, settle and refund without end; each thing is told after the ledger has it."""
    chance, mine = random.Random(), budget(home, f"i{worker}", usd)
    number = 0
    while True:
        number += 1
        call_id, wanted = f"c{os.getpid()}-{number}", Decimal(chance.randrange(1, 40)) / 1_000
        try:
            mine.reserve_model(call_id, "diagnose", "openai:x", "why", 100, 50, wanted)
        except CeilingReached:
            pipe.send(None)
            return
        pipe.send((f"i{worker}", call_id, wanted / 2))
        if number % 3 == 0:
            mine.refund(call_id)
            pipe.send((f"i{worker}", call_id, Decimal(0)))
        elif number % 3 == 1:
            mine.settle_model(call_id, Tokens(10, 5), 0.1, wanted / 2, "so")


def hear(pipe: Connection, told: dict[tuple[str, str], Decimal]) -> bool:
    """Note what a process told; False where it met the ceiling or is dead."""
    try:
        while pipe.poll():
            message = pipe.recv()
            if message is None:
                return False
            told[message[:2]] = message[2]
    except (EOFError, OSError):
        return False
    return True


def test_kill_9_leaks_nothing_and_counts_nothing_twice(tmp_path: Path):
    ceiling, kills, chance, told = "6.00", 12, random.Random(5), dict[tuple[str, str], Decimal]()
    ledger = Ledger(tmp_path)

    def begin(worker: int) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        heard, tells = SPAWN.Pipe(duplex=False)
        process = SPAWN.Process(target=spend_until_killed, args=(tmp_path, worker, ceiling, tells))
        process.start()
        tells.close()
        return process, heard

    running = dict(enumerate(begin(worker) for worker in range(4)))
    while running:
        wait([pipe for _, pipe in running.values()], timeout=1)
        for worker, (process, pipe) in list(running.items()):
            if not hear(pipe, told):
                process.join()
                pipe.close()
                del running[worker]
        if kills and running and len(told) > 5 * (13 - kills):
            worker, (process, pipe) = chance.choice(list(running.items()))
            time.sleep(chance.uniform(0.0, 0.02))
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            hear(pipe, told)
            pipe.close()
            kills -= 1
            running[worker] = begin(worker)
        assert sum(row.amounts.usd for row in ledger.spends("")) <= Decimal(ceiling)
    assert kills == 0
    ledger.settle_lost(NOON)
    rows = {(id, row.call_id): row for id in ("i0", "i1", "i2", "i3") for row in ledger.calls(id)}
    assert {row.state for row in rows.values()} == {"settled", "refunded", "lost"}
    assert told.keys() <= rows.keys()
    assert all(rows[key].usd >= usd or rows[key].state == "refunded" for key, usd in told.items())
    total = sum(row.usd for row in rows.values())
    assert Decimal(ceiling) - Decimal("0.04") < total <= Decimal(ceiling)
    assert ledger.audit() == []

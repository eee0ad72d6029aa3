"""A ledger file of before the ceilings of periods is opened, its calls count, and it can be written."""

import multiprocessing
import sqlite3
from decimal import Decimal
from pathlib import Path

from agent.budget import Budget
from agent.ledger import Ledger
from agent.ledger_database import Database
from agent.settings import Ceilings

BEFORE = """
CREATE TABLE investigations (id VARCHAR NOT NULL PRIMARY KEY, status VARCHAR NOT NULL, alert TEXT NOT NULL,
    source TEXT NOT NULL, settings TEXT NOT NULL, created_at FLOAT NOT NULL, updated_at FLOAT NOT NULL,
    headline TEXT NOT NULL, probability FLOAT NOT NULL, report TEXT NOT NULL);
CREATE TABLE calls (investigation_id VARCHAR NOT NULL, call_id VARCHAR NOT NULL, tool VARCHAR NOT NULL,
    arguments TEXT NOT NULL, state VARCHAR NOT NULL, points BIGINT NOT NULL, seconds FLOAT NOT NULL, usd TEXT NOT NULL,
    evidence TEXT NOT NULL, PRIMARY KEY (investigation_id, call_id));
INSERT INTO investigations VALUES ('one', 'done', '{"id": "a", "source": "alertmanager"}', '{}', '{}', 1795521600.0, 0, '', 0, '');
INSERT INTO calls VALUES ('one', 'a', 'look', '{}', 'settled', 7, 0.5, '0.1', '{"x": 1}');
INSERT INTO calls VALUES ('one', 'b', 'look', '{}', 'reserved', 9, 0.0, '0.07', '');
INSERT INTO calls VALUES ('one', 'c', 'look', '{}', 'refunded', 0, 0.0, '0', '');
INSERT INTO calls VALUES ('gone', 'a', 'look', '{}', 'settled', 1, 0.5, '0', '');
"""


def old_file(home: Path) -> None:
    with sqlite3.connect(home / "ledger.db") as db:
        db.executescript(BEFORE)
    db.close()


def test_an_earlier_ledger_is_brought_up_to_date(tmp_path: Path):
    old_file(tmp_path)
    ledger = Ledger(tmp_path)
    spent = ledger.spent("one")
    assert (spent.tool_calls, spent.points, spent.usd, spent.model_calls) == (1, 7, Decimal("0.1"), 0)
    assert [(row.day, row.source, row.amounts.usd) for row in ledger.spends("2026-01-01")] == [
        ("2026-11-24", "alertmanager", Decimal("0.07")), ("2026-11-24", "alertmanager", Decimal("0.1")),
    ]  # fmt: skip
    assert ledger.audit() == []
    mine = Budget(ledger, "one", Ceilings())  # what nobody owns any more is lost
    assert {row.call_id: row.state for row in ledger.calls("one")} == {"a": "settled", "b": "lost", "c": "refunded"}
    known = mine.reserve("a", "look", "{}", 7)
    assert known is not None and known.evidence == '{"x": 1}'
    assert mine.reserve("b", "look", "{}", 9) is None
    assert ledger.audit() == []


def test_opening_again_changes_nothing(tmp_path: Path):
    old_file(tmp_path)
    Database(tmp_path)
    before = (tmp_path / "ledger.db").read_bytes()
    open_in_another_process(tmp_path)
    assert (tmp_path / "ledger.db").read_bytes() == before


def open_in_another_process(home: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=Ledger, args=(home,))
    process.start()
    process.join()
    assert process.exitcode == 0


def test_two_processes_open_an_earlier_ledger_at_once(tmp_path: Path):
    old_file(tmp_path)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=Ledger, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert Ledger(tmp_path).audit() == []

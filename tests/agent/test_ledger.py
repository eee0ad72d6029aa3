import multiprocessing
import time
from decimal import Decimal
from pathlib import Path

import pytest

from agent.ledger import ActionRow, CeilingReached, Ledger, LedgerError, UnknownInvestigation
from agent.ledger_database import Database
from agent.settings import Ceilings, Settings, SettingsError, load_settings


def reserve_many(home: Path, name: str, count: int, ceilings: Ceilings, won: "multiprocessing.Queue[int]") -> None:
    ledger, got = Ledger(home), 0
    for i in range(count):
        try:
            ledger.reserve("one", f"{name}-{i}", "look", "{}", 10, Decimal("0.01"), ceilings)
            got += 1
        except CeilingReached:
            continue
    won.put(got)


@pytest.mark.parametrize(
    ("ceilings", "allowed"),
    [(Ceilings(tool_calls=25), 25), (Ceilings(points=170), 17), (Ceilings(usd=Decimal("0.09")), 9)],
)
def test_four_processes_never_pass_one_ceiling(tmp_path: Path, ceilings: Ceilings, allowed: int):
    Ledger(tmp_path).create_investigation("one", "{}", "{}", "{}")
    context = multiprocessing.get_context("spawn")
    won: multiprocessing.Queue[int] = context.Queue()
    workers = [context.Process(target=reserve_many, args=(tmp_path, f"p{n}", 20, ceilings, won)) for n in range(4)]
    for worker in workers:
        worker.start()
    total = sum(won.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    assert total == allowed


def test_a_refund_gives_the_reservation_back(tmp_path: Path):
    ledger = Ledger(tmp_path)
    ledger.create_investigation("one", "{}", "{}", "{}")
    ceilings = Ceilings(tool_calls=1)
    ledger.reserve("one", "a", "look", "{}", 1, Decimal(0), ceilings)
    with pytest.raises(CeilingReached, match="ceiling tool_calls of 1"):
        ledger.reserve("one", "b", "look", "{}", 1, Decimal(0), ceilings)
    ledger.refund("one", "a")
    assert ledger.reserve("one", "b", "look", "{}", 1, Decimal(0), ceilings) is None


def test_money_is_exact(tmp_path: Path):
    ledger = Ledger(tmp_path)
    ledger.create_investigation("one", "{}", "{}", "{}")
    for i in range(10):
        ledger.reserve("one", f"c{i}", "look", "{}", 0, Decimal("0.1"), Ceilings(usd=Decimal(1)))
        ledger.settle("one", f"c{i}", 0, 0.0, Decimal("0.1"), "{}")
    assert ledger.spent("one").usd == Decimal(1)


def test_what_was_committed_outlives_a_power_cut(tmp_path: Path):
    with Database(tmp_path).transaction() as db:
        assert db.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL: a commit is on the disk


def test_an_id_may_be_shortened_but_not_guessed(tmp_path: Path):
    ledger = Ledger(tmp_path)
    for id in ("abc1", "abd2"):
        ledger.create_investigation(id, "{}", "{}", "{}")
    assert ledger.investigation("abc").id == "abc1"
    for wrong, words in (("ab", "more than one"), ("x", "no investigation"), ("", "no investigation"), ("%", "no inv")):
        with pytest.raises(UnknownInvestigation, match=words):
            ledger.investigation(wrong)


def test_an_action_is_claimed_once(tmp_path: Path):
    ledger = Ledger(tmp_path)
    assert ledger.claim_action("key", "one")
    assert not ledger.claim_action("key", "one")
    ledger.finish_action("key", "{}")
    row = ledger.action("key")
    assert row is not None and row == ActionRow("finished", "{}", "", row.begun_at)
    assert abs(row.begun_at - time.time()) < 60


def test_a_damaged_ledger_is_a_clear_error(tmp_path: Path):
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(LedgerError, match="ledger"):
        Ledger(tmp_path).investigations()


def test_settings_come_from_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "pcause.yaml"
    file.write_text("max_rounds: 2\nceilings:\n  usd: 1.50\n  tool_calls: 9\n")
    monkeypatch.setenv("PCAUSE_CONFIG", str(file))
    monkeypatch.setenv("PCAUSE_BUDGET_USD", "0.25")
    monkeypatch.setenv("PCAUSE_HOME", str(tmp_path))
    settings = load_settings()
    assert settings == Settings(home=tmp_path, max_rounds=2, ceilings=Ceilings(usd=Decimal("0.25"), tool_calls=9))


@pytest.mark.parametrize(
    ("text", "words"),
    [("rounds: 3", "rounds"), ("max_rounds: many", "max_rounds"), ("- a", "keys and values"), ("a: [", "cannot read")],
)
def test_a_bad_settings_file_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
):
    file = tmp_path / "pcause.yaml"
    file.write_text(text)
    monkeypatch.setenv("PCAUSE_CONFIG", str(file))
    with pytest.raises(SettingsError, match=words):
        load_settings()

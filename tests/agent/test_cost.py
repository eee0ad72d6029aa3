import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from agent.budget import Budget
from agent.doors.serving.meters import Meters
from agent.ledger import Ledger
from agent.ledger_database import Database
from agent.ledger_schema import TOTALS
from agent.prices import Tokens
from agent.settings import (
    Ceilings,
    DayCeilings,
    MonthCeilings,
    PeriodCeilings,
    Periods,
    SettingsError,
    load_settings,
)

ROOT = Path(__file__).parents[2]
MINI, LOCAL = "openai:gpt-5-mini", "ollama:qwen3"
DAY = 86_400.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Yesterday an alert of a file, today one of Alertmanager: two models, two tools, one call lost and one open."""
    ledger, now = Ledger(tmp_path), time.time()
    yesterday = Budget(ledger, "one", Ceilings(), source="file", wall_clock=lambda: now - DAY)
    yesterday.reserve_model("m1", "diagnose", MINI, "why", 1_000, 500, Decimal("0.02"))
    yesterday.settle_model("m1", Tokens(900, 100, 600, 40), 2.0, Decimal("0.004"), "so")
    today = Budget(ledger, "two", Ceilings(), source="alertmanager")
    for call_id, tool, points in (("a", "metrics", 4_000), ("b", "logs", 300)):
        today.reserve(call_id, tool, "{}", points)
        today.settle(call_id, points, 0.2, "")
    for call_id, model, node, usd in (
        ("m1", MINI, "diagnose", "0.01"),
        ("m2", MINI, "diagnose", "0.02"),
        ("m3", LOCAL, "conclude", "0"),
    ):
        today.reserve_model(call_id, node, model, "why", 100, 50, Decimal("0.05"))
        today.settle_model(call_id, Tokens(80, 20), 1.0, Decimal(usd), "so")
    today.reserve_model("m4", "diagnose", MINI, "why", 100, 50, Decimal("0.06"))
    today.give_up("m4")
    today.reserve_model("m5", "diagnose", MINI, "why", 100, 50, Decimal("0.07"))
    return tmp_path


def pcause(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # The open call belongs to this process, which lives.
    env = {**os.environ, "PCAUSE_HOME": str(home), "COLUMNS": "140"}
    command = [sys.executable, "-m", "agent.doors.cli", "cost", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_cost_tells_by_day_source_model_and_node(home: Path):
    done = pcause(home, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    today, yesterday = (datetime.fromtimestamp(at, UTC).date().isoformat() for at in (time.time(), time.time() - DAY))
    assert [(s["day"], s["source"], s["model"], s["node"], s["calls"], s["usd"]) for s in told["spends"]] == [
        (today, "alertmanager", "", "", 2, "0"),
        (today, "alertmanager", LOCAL, "conclude", 1, "0"),
        (today, "alertmanager", MINI, "diagnose", 3, "0.09"),
        (yesterday, "file", MINI, "diagnose", 1, "0.004"),
    ]
    by_model = {(s["day"], s["model"]): s for s in told["spends"]}
    first = by_model[yesterday, MINI]
    assert (first["tokens_in"], first["tokens_out"], first["tokens_cached"], first["tokens_reasoning"]) == (
        900,
        100,
        600,
        40,
    )
    assert by_model[today, ""]["query_weight"] == 4_300
    assert (told["total"]["usd"], told["lost"]["usd"], told["open"]["usd"]) == ("0.094", "0.06", "0.07")
    assert told["differences"] == []


def test_cost_prints_a_table_with_its_sum(home: Path):
    done = pcause(home)
    assert done.returncode == 0, done.stderr
    words = done.stdout
    for expected in (
        MINI,
        LOCAL,
        "(tools)",
        "alertmanager",
        "4,300",
        "0.0900",
        ": $0.094",
        "Lost before the answer: 1, ",
        "$0.06.",
        "$0.07 is reserved",
    ):
        assert expected in words
    assert "wrong" not in words


def test_cost_of_one_day_leaves_out_the_day_before(home: Path):
    told = json.loads(pcause(home, "--json", "--days", "1").stdout)
    assert {spend["source"] for spend in told["spends"]} == {"alertmanager"}
    assert told["total"]["usd"] == "0.09"
    assert pcause(home, "--days", "0").returncode == 2


def test_cost_says_where_the_books_are_wrong(home: Path):
    with Database(home).transaction() as db:
        db.execute(sa.update(TOTALS).where(TOTALS.c.scope == "month").values(nano_usd=1))
    assert "The running totals are wrong: spend_totals month" in pcause(home).stdout
    assert len(json.loads(pcause(home, "--json").stdout)["differences"]) >= 1


def test_cost_of_an_empty_home_is_nothing(tmp_path: Path):
    assert pcause(tmp_path / "new").stdout.startswith("Nothing was spent since ")
    assert json.loads(pcause(tmp_path / "new", "--json").stdout)["spends"] == []


def test_metrics_count_money_and_tokens_by_model_and_node(home: Path):
    page = Meters(home).page(0, 0).decode()
    for line in (
        f'pcause_model_calls_total{{model="{MINI}",node="diagnose"}} 3.0',
        f'pcause_model_cost_usd_total{{model="{MINI}",node="diagnose"}} 0.034',
        f'pcause_model_cost_usd_total{{model="{LOCAL}",node="conclude"}} 0.0',
        f'pcause_model_tokens_total{{kind="input",model="{MINI}",node="diagnose"}} 1060.0',
        f'pcause_model_tokens_total{{kind="cached",model="{MINI}",node="diagnose"}} 600.0',
        f'pcause_model_tokens_total{{kind="reasoning",model="{MINI}",node="diagnose"}} 40.0',
        f'pcause_model_lost_cost_usd{{model="{MINI}",node="diagnose"}} 0.06',
        'pcause_tool_calls_total{tool="metrics"} 1.0',
        'pcause_tool_query_weight_total{tool="logs"} 300.0',
    ):
        assert f"{line}\n" in page
    assert "pcause_investigations_running 0.0" in page


def test_counters_survive_a_restart_and_never_go_back(home: Path):
    before = Meters(home).page(0, 0)
    budget = Budget(Ledger(home), "two", Ceilings(), source="alertmanager")
    for again in ("m4", "m5"):
        budget.reserve_model(again, "diagnose", MINI, "why", 100, 50, Decimal("0.01"))
        budget.refund(again)
    after = Meters(home).page(0, 0)
    assert [line for line in before.decode().splitlines() if "cost_usd_total{" in line] == [
        line for line in after.decode().splitlines() if "cost_usd_total{" in line
    ]


def test_ceilings_of_periods_come_from_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "pcause.yaml"
    file.write_text(
        "periods:\n  source_day: {usd: 5, tool_calls: 900}\n  day: {tokens_out: 1000000}\nceilings:\n  call: {usd: 0.05}\n"
    )
    monkeypatch.setenv("PCAUSE_CONFIG", str(file))
    monkeypatch.setenv("PCAUSE_BUDGET_USD_MONTH", "42.50")
    settings = load_settings()
    assert settings.periods == Periods(
        source_day=PeriodCeilings(usd=Decimal(5), tool_calls=900),
        day=DayCeilings(tokens_out=1_000_000, usd=Decimal(20)),  # what is not named keeps its default
        month=MonthCeilings(usd=Decimal("42.50")),
    )
    assert settings.ceilings.call.usd == Decimal("0.05")
    monkeypatch.setenv("PCAUSE_BUDGET_USD_DAY", "-1")
    with pytest.raises(SettingsError, match=r"periods\.day\.usd"):
        load_settings()

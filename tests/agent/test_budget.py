import itertools
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.budget import Budget
from agent.ledger import CeilingReached, Ledger
from agent.ledger_calls import CallRow
from agent.ledger_schema import CallKind
from agent.owners import is_gone, this_process
from agent.prices import Tokens
from agent.settings import CallCeilings, Ceilings, DayCeilings, MonthCeilings, PeriodCeilings, Periods

NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z
A_DAY = 86_400.0
FREE = Periods(day=DayCeilings(usd=None), month=MonthCeilings(usd=None))
MODEL = "openai:gpt-5-mini"
CENT = Decimal("0.01")
USED = Tokens(80, 20, cached=40, reasoning=10)


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def budget(
    ledger: Ledger, id: str = "one", ceilings: Ceilings | None = None, periods: Periods = FREE, source: str = "file",
    clock: Clock | None = None, wall: Clock | None = None,
) -> Budget:  # fmt: skip
    return Budget(
        ledger, id, ceilings or Ceilings(), clock or Clock(0.0), source=source, periods=periods, wall_clock=wall or Clock(NOON)
    )  # fmt: skip


def ask(
    budget: Budget, call_id: str, usd: Decimal = CENT, tokens_in: int = 100, tokens_out: int = 50
) -> CallRow | None:
    return budget.reserve_model(call_id, "diagnose", MODEL, "why?", tokens_in, tokens_out, usd)


def answer(budget: Budget, call_id: str, usd: Decimal = CENT, tokens: Tokens = USED) -> None:
    budget.settle_model(call_id, tokens, 1.5, usd, '{"because": "it broke"}')


def in_dead_process(home: Path, code: str) -> None:
    """Run code with ``ledger`` and ``budget`` in a process that ends without a goodbye."""
    head = f"""
import os, sys
from pathlib import Path
from decimal import Decimal
from agent.budget import Budget
from agent.ledger import Ledger
from agent.settings import *
free = Periods(day=DayCeilings(usd=None), month=MonthCeilings(usd=None))
ledger = Ledger(Path({str(home)!r}))
budget = Budget(ledger, "one", Ceilings(), source="file", periods=free, wall_clock=lambda: {NOON})
"""
    done = subprocess.run(
        [sys.executable, "-c", f"{head}{code}\nos._exit(9)"], check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 9


def test_a_settled_model_call_is_answered_from_the_ledger_and_charged_once(ledger: Ledger):
    mine = budget(ledger)
    assert ask(mine, "m1") is None
    answer(mine, "m1", Decimal("0.004"))
    known = ask(mine, "m1")
    assert known is not None
    assert (known.answer, known.model, known.node) == ('{"because": "it broke"}', MODEL, "diagnose")
    assert known.tokens == USED
    answer(mine, "m1", Decimal(1))  # the first settlement stands
    spend = mine.spend()
    assert (spend.usd, spend.model_calls, spend.tool_calls) == (Decimal("0.004"), 1, 0)
    assert (spend.tokens_in, spend.tokens_out, spend.tokens_cached, spend.tokens_reasoning) == (80, 20, 40, 10)
    assert ledger.audit() == []


@pytest.mark.parametrize(
    ("ceilings", "periods", "resource", "setting"),
    [
        ({"call": CallCeilings(usd=Decimal("0.009"))}, {}, "call.usd", "ceilings.call.usd"),
        ({"call": CallCeilings(tokens_in=99)}, {}, "call.tokens_in", "ceilings.call.tokens_in"),
        ({"call": CallCeilings(tokens_out=49)}, {}, "call.tokens_out", "ceilings.call.tokens_out"),
        ({"usd": Decimal("0.009")}, {}, "usd", "ceilings.usd"),
        ({"tokens_in": 99}, {}, "tokens_in", "ceilings.tokens_in"),
        ({"tokens_out": 49}, {}, "tokens_out", "ceilings.tokens_out"),
        ({}, {"source_day": PeriodCeilings(usd=Decimal("0.009"))}, "source_day.usd", "periods.source_day.usd"),
        ({}, {"day": PeriodCeilings(tokens_out=49)}, "day.tokens_out", "periods.day.tokens_out"),
        ({}, {"month": PeriodCeilings(usd=Decimal(0))}, "month.usd", "periods.month.usd"),
    ],
)
def test_every_scope_refuses_in_its_own_name(
    ledger: Ledger, ceilings: dict[str, object], periods: dict[str, object], resource: str, setting: str
):
    mine = budget(ledger, ceilings=Ceilings.model_validate(ceilings), periods=FREE.model_copy(update=periods))
    with pytest.raises(CeilingReached, match=rf"ceiling {resource} .*\({setting}\)") as refused:
        ask(mine, "m1")
    assert refused.value.resource == resource
    assert ledger.calls("one") == []
    assert ledger.audit() == []


@pytest.mark.parametrize("resource", ["tool_calls", "points"])
def test_periods_bound_the_tools_too(ledger: Ledger, resource: str):
    day = PeriodCeilings.model_validate({resource: 10 if resource == "points" else 1})
    periods = FREE.model_copy(update={"day": day})
    budget(ledger, "one", periods=periods).reserve("a", "look", "{}", 10)
    with pytest.raises(CeilingReached, match=f"day.{resource}"):
        budget(ledger, "two", periods=periods).reserve("a", "look", "{}", 1)


def test_a_day_is_shared_by_investigations_and_a_source_is_not(ledger: Ledger):
    periods = FREE.model_copy(update={"source_day": PeriodCeilings(usd=CENT), "day": PeriodCeilings(usd=2 * CENT)})
    ask(budget(ledger, "one", periods=periods, source="alertmanager"), "m1")
    with pytest.raises(CeilingReached, match=r"source_day\.usd of 0\.01"):
        ask(budget(ledger, "two", periods=periods, source="alertmanager"), "m1")
    ask(budget(ledger, "two", periods=periods, source="file"), "m1")
    with pytest.raises(
        CeilingReached, match=r"ceiling day\.usd of 0\.02 would be passed \(spent 0\.02, next call up to 0\.01\)"
    ):
        ask(budget(ledger, "three", periods=periods, source="webhook"), "m1")


def test_a_day_and_a_month_end_at_midnight_utc(ledger: Ledger):
    periods = FREE.model_copy(update={"day": PeriodCeilings(usd=CENT), "month": PeriodCeilings(usd=2 * CENT)})
    wall = Clock(NOON)
    mine = budget(ledger, periods=periods, wall=wall)
    ask(mine, "m1")
    wall.now = NOON + A_DAY / 2 - 1
    with pytest.raises(CeilingReached, match="day"):
        ask(mine, "m2")
    wall.now += 1
    ask(mine, "m2")
    wall.now += A_DAY
    with pytest.raises(CeilingReached, match="month"):
        ask(mine, "m3")
    wall.now = NOON + 7 * A_DAY  # December
    ask(mine, "m3")
    assert ledger.audit() == []


def test_a_call_that_wants_nothing_of_a_resource_is_not_refused_for_it(ledger: Ledger):
    periods = FREE.model_copy(update={"day": PeriodCeilings(usd=CENT)})
    mine = budget(ledger, ceilings=Ceilings(usd=Decimal(1)), periods=periods)
    ask(mine, "m1")
    answer(mine, "m1", Decimal("0.5"))  # it cost more than was reserved
    mine.reserve("a", "look", "{}", 10)
    ask(mine, "m2", Decimal(0))
    with pytest.raises(CeilingReached, match="day"):
        ask(mine, "m3", Decimal("0.000000001"))


def test_more_than_was_reserved_is_counted_and_told(ledger: Ledger, caplog: pytest.LogCaptureFixture):
    mine = budget(ledger)
    ask(mine, "m1", CENT)
    answer(mine, "m1", 2 * CENT)
    assert mine.spend().usd == 2 * CENT
    assert "more than was reserved" in caplog.text


def test_fractions_of_a_billionth_are_rounded_up_and_add_up(ledger: Ledger):
    mine = budget(ledger)
    for number in range(3):
        ask(mine, f"m{number}", Decimal("0.00000000041"))
    with pytest.raises(CeilingReached):
        ask(budget(ledger, ceilings=Ceilings(usd=Decimal("0.0000000035"))), "m3", Decimal("0.00000000041"))
    for number in range(3):
        answer(mine, f"m{number}", Decimal("0.0000000001"))
    assert mine.spend().usd == Decimal("0.000000003")


def test_a_refund_gives_back_in_every_scope_and_what_is_settled_stays(ledger: Ledger):
    periods = Periods(source_day=PeriodCeilings(usd=CENT), day=DayCeilings(usd=CENT), month=MonthCeilings(usd=CENT))
    mine = budget(ledger, ceilings=Ceilings(usd=CENT), periods=periods)
    for call_id in ("m1", "m2", "m3"):
        ask(mine, call_id)
        mine.refund(call_id)
        mine.refund(call_id)
    ask(mine, "m1")  # refunded, so made anew
    answer(mine, "m1")
    mine.refund("m1")
    assert mine.spend().usd == CENT
    assert ledger.audit() == []


def test_a_call_that_was_not_reserved_cannot_be_settled(ledger: Ledger):
    for wrong in (lambda: budget(ledger).refund("m1"), lambda: answer(budget(ledger), "m1")):
        with pytest.raises(ValueError, match="m1 of investigation one was not reserved"):
            wrong()


def test_a_server_that_does_not_count_costs_the_worst_case(ledger: Ledger):
    mine = budget(ledger)
    ask(mine, "m1")
    mine.settle_unknown("m1", 2.0, "so")
    known = ask(mine, "m1")
    assert known is not None and (known.answer, known.usd, known.tokens) == ("so", CENT, Tokens(100, 50))
    assert ledger.audit() == []


def test_a_model_that_is_waited_for_no_longer_is_paid_for_and_may_be_asked_anew(ledger: Ledger):
    mine = budget(ledger)
    ask(mine, "m1")
    mine.give_up("m1")
    assert mine.spend().usd == CENT
    assert ask(mine, "m1") is None
    answer(mine, "m1")
    assert (mine.spend().usd, mine.spend().model_calls) == (2 * CENT, 2)
    assert ledger.audit() == []


def test_a_dead_processes_tool_call_is_lost_at_its_worst_and_taken_over_once(ledger: Ledger, tmp_path: Path):
    in_dead_process(tmp_path, "budget.reserve('a', 'look', '{}', 10)")
    assert ledger.calls("one")[0].state == "reserved"
    mine = budget(ledger, ceilings=Ceilings(tool_calls=1, points=10))
    assert ledger.calls("one")[0].state == "lost"
    assert (mine.spend().tool_calls, mine.spend().points) == (1, 10)
    assert mine.reserve("a", "look", "{}", 10) is None
    mine.settle("a", 3, 0.1, "{}")
    assert (mine.spend().tool_calls, mine.spend().points) == (1, 3)
    assert ledger.audit() == []


def test_a_dead_processes_model_call_stays_paid_and_is_asked_anew_beside_it(ledger: Ledger, tmp_path: Path):
    in_dead_process(tmp_path, "budget.reserve_model('m1', 'diagnose', 'openai:x', 'why', 100, 50, Decimal('0.01'))")
    tight = budget(ledger, ceilings=Ceilings(usd=Decimal("0.015")))
    with pytest.raises(CeilingReached, match=r"spent 0\.01"):
        ask(tight, "m1")
    assert [(row.call_id, row.state) for row in ledger.calls("one")] == [("m1", "lost")]
    mine = budget(ledger)
    assert ask(mine, "m1") is None
    answer(mine, "m1", Decimal("0.002"))
    assert [(row.call_id, row.state, row.usd) for row in ledger.calls("one")] == [
        ("m1", "settled", Decimal("0.002")), ("m1~1", "lost", CENT),
    ]  # fmt: skip
    assert mine.spend().usd == Decimal("0.012")
    assert ledger.audit() == []


def test_a_living_process_keeps_its_reservation_for_an_hour_at_most(ledger: Ledger):
    mine = budget(ledger, wall=Clock(NOON))
    ask(mine, "m1")
    assert ledger.settle_lost(NOON + 3_599) == 0
    assert ledger.settle_lost(NOON + 3_601) == 1
    assert ledger.settle_lost(NOON + 3_601) == 0
    answer(mine, "m1", Decimal("0.002"))  # it was not gone after all
    assert mine.spend().usd == Decimal("0.002")
    assert ledger.audit() == []


def test_who_is_gone():
    host, boot, pid, start = this_process().split(" ")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    of_child = f"{host} {boot} {child.pid} ?"
    assert not is_gone(this_process())
    assert not is_gone(of_child)
    child.communicate(b"\n")
    assert is_gone(of_child)
    assert is_gone(f"{host} {boot} {pid} {int(start) + 1}"), "the id was given to another process"
    assert is_gone(f"{host} another-boot {pid} {start}")
    assert not is_gone(f"elsewhere {boot} {child.pid} {start}"), "that cannot be known from here"
    assert not is_gone("")


def test_a_zombie_is_gone():
    pid = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, pid.pid, os.WEXITED | os.WNOWAIT)  # it has ended and nobody has asked how
    assert is_gone(" ".join([*this_process().split(" ")[:2], str(pid.pid), "1"]))
    pid.wait()


def test_seconds_for_the_report_are_kept_from_models_and_not_from_tools(ledger: Ledger):
    clock = Clock(0.0)
    mine = budget(ledger, ceilings=Ceilings(seconds=60), clock=clock)
    assert mine.model_seconds_left() == 54
    clock.now = 53.9
    ask(mine, "m1")
    clock.now = 54.0
    with pytest.raises(CeilingReached, match="kept for the report") as refused:
        ask(mine, "m2")
    assert refused.value.resource == "seconds"
    mine.reserve("a", "look", "{}", 1)
    clock.now = 60.0
    with pytest.raises(CeilingReached, match="seconds"):
        mine.reserve("b", "look", "{}", 1)
    assert budget(ledger, ceilings=Ceilings(seconds=1_000)).model_seconds_left() == 990


@pytest.mark.parametrize(
    ("ceilings", "periods"),
    [
        ({"tool_calls": 10}, {}),
        ({"points": 100}, {}),
        ({"usd": Decimal("0.10")}, {}),
        ({"tokens_in": 1_000}, {}),
        ({"tokens_out": 500}, {}),
        ({}, {"source_day": PeriodCeilings(usd=Decimal("0.10"))}),
        ({}, {"day": PeriodCeilings(tool_calls=10)}),
        ({}, {"month": PeriodCeilings(tokens_in=1_000)}),
    ],
)
def test_at_four_fifths_of_any_ceiling_it_should_conclude(
    ledger: Ledger, ceilings: dict[str, object], periods: dict[str, object]
):
    mine = budget(ledger, ceilings=Ceilings.model_validate(ceilings), periods=FREE.model_copy(update=periods))
    told = []
    for number in range(10):
        mine.reserve(f"a{number}", "look", "{}", 10)
        ask(mine, f"m{number}")
        told.append(mine.should_conclude)
    assert told == [False] * 7 + [True] * 3
    with pytest.raises(CeilingReached):
        for number in itertools.count(10):
            mine.reserve(f"a{number}", "look", "{}", 10)
            ask(mine, f"m{number}")


def test_at_four_fifths_of_the_seconds_it_should_conclude(ledger: Ledger):
    clock = Clock(0.0)
    mine = budget(ledger, ceilings=Ceilings(seconds=100), clock=clock)
    clock.now = 79.0
    assert not mine.should_conclude
    clock.now = 80.0
    assert mine.should_conclude


def test_no_money_is_no_reason_to_conclude_where_the_model_is_free(ledger: Ledger):
    mine = budget(ledger, ceilings=Ceilings(usd=Decimal(0)))
    ask(mine, "m1", Decimal(0))
    assert not mine.should_conclude


def test_ceilings_of_before_still_load():
    before = '{"tool_calls": 200, "points": 20000000, "seconds": 120.0, "usd": "0.50"}'
    assert Ceilings.model_validate_json(before) == Ceilings()
    kept = Ceilings(tokens_in=5, call=CallCeilings(usd=CENT))
    assert Ceilings.model_validate_json(kept.model_dump_json()) == kept


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tool", "model", "settle", "unknown", "refund", "give up", "lose"]),
        st.integers(0, 3),
        st.integers(0, 60),
        st.integers(0, 3),
    ),
    max_size=25,
)


@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_no_ceiling_is_passed_and_the_books_are_right(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int, int]]
):
    """Each call uses no more than it reserved, in an order of events that chance chooses."""
    ledger, wall = Ledger(tmp_path_factory.mktemp("books")), Clock(NOON)
    periods = FREE.model_copy(update={"day": PeriodCeilings(usd=Decimal("1.00"), points=100)})
    mine = budget(ledger, ceilings=Ceilings(tool_calls=3, usd=Decimal("1.50")), periods=periods, wall=wall)
    reserved: dict[str, int] = {}
    for what, number, cents, later in steps:
        wall.now += later * A_DAY / 3
        call_id = f"{'a' if what == 'tool' else 'm'}{number}"
        known = {row.call_id: row.state for row in ledger.calls("one")}
        try:
            if what == "tool":
                mine.reserve(call_id, "look", "{}", cents)
            elif what == "model":
                if ask(mine, call_id, cents * CENT) is None:
                    reserved[call_id] = cents
            elif what == "lose":
                ledger.settle_lost(wall.now + A_DAY)
            elif call_id in known:
                if what == "settle":
                    answer(mine, call_id, min(reserved[call_id], cents) * CENT)
                elif what == "unknown":
                    mine.settle_unknown(call_id, 0.1, "so")
                elif what == "refund":
                    mine.refund(call_id)
                else:
                    mine.give_up(call_id)
        except CeilingReached:
            pass
        assert ledger.audit() == []
        by_day: dict[str, Decimal] = {}
        for row in ledger.spends(""):
            by_day[row.day] = by_day.get(row.day, Decimal(0)) + row.amounts.usd
        assert all(usd <= 1 for usd in by_day.values())
        assert sum(by_day.values()) <= Decimal("1.50")
        assert sum(row.kind == CallKind.TOOL and row.state != "refunded" for row in ledger.calls("one")) <= 3

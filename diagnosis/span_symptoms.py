"""Operations whose spans fail, take longer by themselves, or are called more often by one parent than before."""

import math

from diagnosis.failure_text import failures_in
from diagnosis.findings import Channel
from diagnosis.periods import Periods
from diagnosis.span_table import SpanTable
from diagnosis.symptoms import Symptom, amount, short
from diagnosis.traces import OperationStats, operations, self_time


def span_symptoms(table: SpanTable, periods: Periods) -> list[Symptom]:
    """Operations that fail, take longer by themselves, or are called more often per parent, than in normal time."""
    seconds, onset = self_time(table), periods.recent.start
    before = operations(table, periods.is_normal(table.start), seconds)
    after = operations(table, periods.is_recent(table.start), seconds)
    found: list[Symptom] = []
    for operation in sorted(after):
        now, was = after[operation], before.get(operation)
        found += _span_errors(operation, now, was, onset)
        found += _span_slow(operation, now, was, onset)
        found += _span_fanout(operation, now, was, onset)
    return found


def _span_errors(op: tuple[str, str], now: OperationStats, was: OperationStats | None, onset: float) -> list[Symptom]:
    share, old = now.errors / now.calls, (was.errors / was.calls if was and was.calls else 0.0)
    if share < max(2 * old, 0.02) or now.errors == 0:
        return []
    sure = _sure(now, was)
    if sure == 0.0:
        return []
    origin = now.origin_errors > 0.5 * now.errors
    families = failures_in(now.message) if now.message else frozenset()
    signals = {f"text:{family.value}" for family in families} | {"errors+"}
    where = "starts here" if origin else "comes from a callee"
    text = f"{op[1]} {now.message}"
    return [
        Symptom(
            Channel.TRACES, op[0], op[1], frozenset(signals | ({"origin"} if origin else set())), text,
            strength=(0.7 if origin else 0.4) * sure, bad=True,
            sentence=f"{op[0]} {op[1]} fails in {now.errors} of {now.calls} spans; the error {where}"
            + (f": “{short(now.message)}”" if now.message else ""),
            onset=onset, before=old, after=share, deviation=10.0 * share,
        )
    ]  # fmt: skip


def _sure(now: OperationStats, was: OperationStats | None) -> float:
    """How far more failures than before are beyond chance, 0 to 1; of an operation never seen before every one counts.

    A Poisson likelihood ratio in nats against the failures expected at the old share.
    """
    if was is None or not was.calls:
        return 1.0
    expected = now.calls * (was.errors + 0.5) / (was.calls + 1.0)
    surprise = now.errors * math.log(now.errors / expected) - (now.errors - expected)
    return min(surprise / 6.0, 1.0) if now.errors > expected and surprise >= 2.0 else 0.0


def _span_slow(op: tuple[str, str], now: OperationStats, was: OperationStats | None, onset: float) -> list[Symptom]:
    if was is None or now.self_seconds < 2.0 * was.self_seconds + 0.01:
        return []
    return [
        Symptom(
            Channel.TRACES, op[0], op[1], frozenset({"latency+", "self_time+"}), op[1],
            strength=0.6, bad=True,
            sentence=f"{op[0]} {op[1]} spends {amount(now.self_seconds * 1e3)} ms by itself, before "
            f"{amount(was.self_seconds * 1e3)} ms",
            onset=onset, before=was.self_seconds, after=now.self_seconds,
            deviation=min(50.0, now.self_seconds / max(was.self_seconds, 1e-3)),
        )
    ]  # fmt: skip


def _span_fanout(op: tuple[str, str], now: OperationStats, was: OperationStats | None, onset: float) -> list[Symptom]:
    old = was.calls_per_parent if was else 1.0
    if now.calls_per_parent < max(3.0, 2.0 * old):
        return []
    return [
        Symptom(
            Channel.TRACES, op[0], op[1], frozenset({"fanout+"}), op[1],
            strength=0.8, bad=False,
            sentence=f"{op[0]} {op[1]} is called {amount(now.calls_per_parent)} times by one parent span"
            + (f", before {amount(old)}" if was else ""),
            onset=onset, before=old, after=now.calls_per_parent, deviation=now.calls_per_parent,
        )
    ]  # fmt: skip

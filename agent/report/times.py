"""Times and numbers for people, in one place: UTC, units written out, never a false 0 % or 100 %."""

import math
from decimal import Decimal

from agent.times import clock, stamp
from diagnosis.symptoms import amount

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def duration(seconds: float) -> str:
    """A duration without its sign: 250 µs, 40 ms, 4.2 s, 12 s, 3m 10s, 2h 05m."""
    seconds = abs(seconds)
    if not math.isfinite(seconds):
        return "an unknown time"
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.3g} µs" if seconds else "0 s"
    if seconds < 0.1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def percent(probability: float) -> str:
    """A probability in whole percent: 12 %, under 1 %, over 99 %; nothing is ever certain."""
    if probability < 0.01:
        return "under 1 %"
    if probability > 0.99:
        return "over 99 %"
    return f"{probability * 100:.0f} %"


def money(usd: Decimal) -> str:
    """US dollars: cents when it is cents, else as many digits as tell it from zero."""
    cents = usd.quantize(Decimal("0.01"))
    return f"${cents}" if usd == cents else f"${usd.quantize(Decimal('0.0001'))}" if usd >= Decimal("0.0001") else f"${usd}"  # fmt: skip


def count(number: int, noun: str) -> str:
    """1 tool call, 4,210 points."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def quantity(value: float, metric: str) -> str:
    """A level of ``metric`` with the unit that its name ends in (Prometheus' naming), SI prefixes for large numbers."""
    if not math.isfinite(value):
        return "no number"
    if metric.endswith("_seconds"):
        return _seconds(value)
    if metric.endswith("_bytes"):
        return f"{_prefixed(value)}B"
    return amount(value) if abs(value) < 1e4 else _prefixed(value).rstrip()


def _seconds(value: float) -> str:
    # An axis compares levels: 1.82 s and 1.26 s must not both become "1.x s", so this keeps three digits.
    size = abs(value)
    if size >= 60:
        return f"{'-' if value < 0 else ''}{duration(value)}"
    return f"{value:.3g} s" if size >= 1 or not size else f"{value * 1e3:.3g} ms" if size >= 1e-3 else f"{value * 1e6:.3g} µs"  # fmt: skip


def _prefixed(value: float) -> str:
    for size, prefix in _PREFIXES:
        if abs(value) >= size:
            return f"{value / size:.3g} {prefix}"
    return f"{value:.3g} "


__all__ = ["amount", "clock", "count", "duration", "money", "percent", "quantity", "stamp"]

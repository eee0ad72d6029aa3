"""``pcause cost``: what was spent, by day, alert source, model and node."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from agent.ledger_calls import SpendRow
    from agent.ledger_totals import Amounts

_TOOLS = "(tools)"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; ``model`` is "" for the tools, which cost no money but query weight."""

    day: str
    source: str
    model: str
    node: str
    used: "Amounts"


def cost(
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How many UTC days, today being the last.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
) -> None:
    """Show what was spent by day, alert source, model and node, and whether the books are right."""
    from agent.ledger import Ledger
    from agent.settings import load_settings

    ledger = Ledger(load_settings().home)
    ledger.settle_lost()
    since = (datetime.now(UTC).date() - timedelta(days=days - 1)).isoformat()
    rows, differences = ledger.spends(since), ledger.audit()
    if as_json:
        print(json.dumps(_as_dict(since, rows, differences), indent=2))
    else:
        _print(since, rows, differences)


def _lines(rows: Iterable["SpendRow"]) -> list[Line]:
    """Settled and lost calls together, the newest day first; the tools of a node in one line."""
    from agent.ledger_schema import CallKind, CallState
    from agent.ledger_totals import Amounts

    lines: dict[tuple[str, str, str, str], Amounts] = {}
    for row in rows:
        if row.state != CallState.RESERVED:
            key = (row.day, row.source, row.tool if row.kind == CallKind.MODEL else "", row.node)
            lines[key] = lines.get(key, Amounts()) + row.amounts
    by_name = [Line(*key, used) for key, used in sorted(lines.items())]
    return sorted(by_name, key=lambda line: line.day, reverse=True)


def _of_state(rows: Iterable["SpendRow"], *states: str) -> "Amounts":
    from agent.ledger_totals import Amounts

    return sum((row.amounts for row in rows if row.state in states), Amounts())


def _as_dict(since: str, rows: Sequence["SpendRow"], differences: Sequence[str]) -> dict[str, object]:
    return {
        "since": since,
        "spends": [
            {"day": line.day, "source": line.source, "model": line.model, "node": line.node, **_numbers(line.used)}
            for line in _lines(rows)
        ],
        "total": _numbers(_of_state(rows, "settled", "lost")),
        "lost": _numbers(_of_state(rows, "lost")),
        "open": _numbers(_of_state(rows, "reserved")),
        "differences": list(differences),
    }


def _numbers(used: "Amounts") -> dict[str, int | str]:
    """Money is text, since a JSON number is a float to most readers."""
    return {
        "calls": used.tool_calls + used.model_calls,
        "query_weight": used.points,
        "tokens_in": used.tokens_in,
        "tokens_out": used.tokens_out,
        "tokens_cached": used.tokens_cached,
        "tokens_reasoning": used.tokens_reasoning,
        "usd": f"{used.usd:f}",
    }


def _print(since: str, rows: Sequence["SpendRow"], differences: Sequence[str]) -> None:
    from rich.console import Console

    lines = _lines(rows)
    if lines:
        Console().print(_table(lines))
    total, lost, open_ = _of_state(rows, "settled", "lost"), _of_state(rows, "lost"), _of_state(rows, "reserved")
    print(f"{'Spent' if lines else 'Nothing was spent'} since {since}{f': ${total.usd:f}' if lines else '.'}")
    if lost_calls := lost.model_calls + lost.tool_calls:
        print(f"Lost before the answer: {lost_calls:,}, counted at their worst case, ${lost.usd:f}.")
    if open_calls := open_.model_calls + open_.tool_calls:
        print(f"Open: {open_calls:,}, for which ${open_.usd:f} is reserved.")
    for difference in differences:
        print(f"The running totals are wrong: {difference}")


def _table(lines: Sequence[Line]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    from agent.report.text import inert

    table = Table("day (UTC)", "source", "model", "node", box=None, pad_edge=False)
    for name in ("calls", "weight", "tokens in", "cached", "out", "reasoning", "USD"):
        table.add_column(name, justify="right")
    for line in lines:
        used = line.used
        counts = (used.tool_calls + used.model_calls, used.points, used.tokens_in, used.tokens_cached, used.tokens_out, used.tokens_reasoning)  # fmt: skip
        words = (Text(inert(word)) for word in (line.day, line.source, line.model or _TOOLS, line.node))
        table.add_row(*words, *(f"{count:,}" for count in counts), f"{used.usd:.4f}")
    return table

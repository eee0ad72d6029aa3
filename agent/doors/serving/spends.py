"""What the calls used, for Prometheus: read from the ledger at each scrape, so that a restart forgets nothing.

Servers that share a home show the same numbers: take ``max`` over them, not ``sum``.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.ledger import Ledger
from agent.ledger_calls import SpendRow
from agent.ledger_schema import CallKind, CallState


class Spends(Collector):
    """Counters of the settled calls in the ledger of ``home``, and a gauge of what was lost."""

    def __init__(self, home: Path) -> None:
        self._ledger = Ledger(home)

    def describe(self) -> Iterable[Metric]:
        """Named without a look at the ledger."""
        return _families([])

    def collect(self) -> Iterator[Metric]:
        """Raises ``LedgerError``."""
        self._ledger.settle_lost()
        yield from _families(self._ledger.metered())


def _families(rows: Iterable[SpendRow]) -> list[Metric]:
    labels = ("model", "node")
    calls = CounterMetricFamily("pcause_model_calls", "Answered calls of models", labels=labels)
    usd = CounterMetricFamily("pcause_model_cost_usd", "US dollars for answered calls of models", labels=labels)
    tokens = CounterMetricFamily(
        "pcause_model_tokens", "Tokens of models by kind; cached is part of input, reasoning of output",
        labels=(*labels, "kind"),
    )  # fmt: skip
    lost = GaugeMetricFamily(
        "pcause_model_lost_cost_usd", "US dollars at most for calls whose process died before the answer", labels=labels
    )
    tools = CounterMetricFamily("pcause_tool_calls", "Answered calls of tools", labels=("tool",))
    weight = CounterMetricFamily("pcause_tool_query_weight", "Samples, lines, spans and changes read", labels=("tool",))
    by_tool: dict[str, tuple[int, int]] = {}
    for row in rows:
        used, where = row.amounts, (row.tool, row.node)
        if row.state == CallState.LOST:
            if row.kind == CallKind.MODEL:
                lost.add_metric(where, float(used.usd))
        elif row.kind == CallKind.MODEL:
            calls.add_metric(where, used.model_calls)
            usd.add_metric(where, float(used.usd))
            kinds = {"input": used.tokens_in, "output": used.tokens_out, "cached": used.tokens_cached}
            for kind, count in {**kinds, "reasoning": used.tokens_reasoning}.items():
                tokens.add_metric((*where, kind), count)
        else:
            count, points = by_tool.get(row.tool, (0, 0))
            by_tool[row.tool] = (count + used.tool_calls, points + used.points)
    for tool, (count, points) in sorted(by_tool.items()):
        tools.add_metric((tool,), count)
        weight.add_metric((tool,), points)
    return [calls, usd, tokens, lost, tools, weight]

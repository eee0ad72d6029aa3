"""Live systems as one source: whatever is configured answers, and the rest says that it is absent and how to add it."""

from collections.abc import Mapping
from typing import Any

from tools import spec
from tools.spec import Absent, Answer, Arguments, Risk, Tool, ToolName

_NOT_CONFIGURED: tuple[tuple[ToolName, type[Arguments], str], ...] = (
    (ToolName.QUERY_METRICS, spec.QueryMetrics, "no Prometheus is configured: set PROMETHEUS_URL"),
    (ToolName.LIST_METRICS, spec.ListMetrics, "no Prometheus is configured: set PROMETHEUS_URL"),
    (ToolName.SEARCH_LOGS, spec.SearchLogs, "no OpenSearch is configured: set OPENSEARCH_URL"),
    (ToolName.LOG_PATTERNS, spec.LogPatterns, "no OpenSearch is configured: set OPENSEARCH_URL"),
    (ToolName.GET_TRACES, spec.GetTraces, "no OpenSearch is configured: set OPENSEARCH_URL"),
    (ToolName.GET_TOPOLOGY, spec.GetTopology, "no OpenSearch is configured: set OPENSEARCH_URL"),
)


def live_tools(*sources: Mapping[str, Tool[Any]]) -> Mapping[str, Tool[Any]]:
    """The tools of all sources. A name that no source has answers ``Absent``."""
    tools = {name.value: _absent(name, arguments, reason) for name, arguments, reason in _NOT_CONFIGURED}
    for source in sources:
        tools |= source
    return tools


def _absent(name: ToolName, arguments: type[Arguments], reason: str) -> Tool[Any]:
    def run(_: Arguments) -> Answer:
        return Absent(reason)

    return Tool(name.value, reason, arguments, Risk.READ, _nothing, run)


def _nothing(_: Arguments) -> int:
    return 0

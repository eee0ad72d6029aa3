"""OpenSearch as a source of logs, traces and topology: five tools that only read."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tools import spec
from tools.http.connection import Connection
from tools.http.guard import Guard
from tools.logs.catalogue import Catalogue
from tools.logs.client import SearchClient
from tools.logs.comparing import compare_logs
from tools.logs.lines import LogLines
from tools.logs.paging import Pages
from tools.logs.patterns import log_patterns
from tools.logs.policy import LogPolicy
from tools.logs.traces import Traces
from tools.spec import Answer, Arguments, ExtraTool, Risk, Tool, ToolName

_TOPOLOGY_POINTS = 10_000
_COMPARED_POINTS = 10_000

Declared = tuple[str, type[Arguments], Callable[[Any], Answer], Callable[[Any], int], str]


def opensearch_tools(
    connection: Connection, guard: Guard, policy: LogPolicy, now: Callable[[], float]
) -> Mapping[str, Tool[Any]]:
    """The tools over one OpenSearch; nothing is asked before the first call.

    A call raises ``ToolError`` where the backend cannot be used, and answers ``Absent`` where it keeps no such thing.
    """
    client = SearchClient(connection, guard)
    catalogue, pages = Catalogue(client, policy, now), Pages(client, policy.page_lines)
    lines = LogLines(client, catalogue, pages, policy)
    traces = Traces(client, catalogue, pages, policy, now)
    declared: tuple[Declared, ...] = (
        (ToolName.SEARCH_LOGS, spec.SearchLogs, lines.search_logs, _limit, "log lines that contain a text"),
        (
            ToolName.LOG_PATTERNS, spec.LogPatterns, partial(log_patterns, lines),
            lambda _: policy.most_lines, "log templates with counts",
        ),
        (ToolName.GET_TRACES, spec.GetTraces, traces.get_traces, _limit, "spans of a window"),
        (
            ToolName.GET_TOPOLOGY, spec.GetTopology, traces.get_topology,
            lambda _: _TOPOLOGY_POINTS, "who calls whom",
        ),
        (
            ExtraTool.COMPARE_LOGS, spec.CompareLogs, partial(compare_logs, lines),
            lambda _: _COMPARED_POINTS, "field values and words that are unusual against the time before",
        ),
    )  # fmt: skip
    return {
        str(name): Tool(str(name), summary, arguments, Risk.READ, weigh, run)
        for name, arguments, run, weigh, summary in declared
    }


def _limit(arguments: spec.SearchLogs | spec.GetTraces) -> int:
    return arguments.limit

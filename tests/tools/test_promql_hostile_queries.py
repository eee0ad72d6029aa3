"""No query of death: what is too heavy, unbounded or not understood never leaves the house."""

from collections.abc import Iterator

import pytest

from evals.security.hostile_queries import HOSTILE, counting_server
from tests.prometheus_server import END, tools_at
from tools.metrics.weighing import QueryRefused
from tools.spec import ExtraTool, QueryPromql, Rows

LIGHT = (
    "up", 'up{job="api"}', "sum by (job) (rate(up[5m]))", "histogram_quantile(0.99, sum by (le) (rate(up[5m])))", 'up{job!=""}', '{__name__=~"http_.*"}', "up / on (job) up",
    "up - up offset 1d", "max_over_time(up[1h:1m])", 'up{job=~"api|web"}', "topk(5, up)", "1 - up", "scalar(sum(up)) * up", 'up{path="(((((((((((((((((((((((((((((((("}', "vector(1)",
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[str]]]:
    with counting_server() as made:
        yield made


def test_there_are_enough_of_them_and_all_differ() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) >= 230


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_query_is_refused_and_nothing_is_sent(query: str, server: tuple[str, list[str]]) -> None:
    address, paths = server
    before = len(paths)
    tool = tools_at(address)[ExtraTool.QUERY_PROMQL]
    arguments = QueryPromql.model_construct(start=END - 6 * 3600, end=END, query=query, step_seconds=15.0)
    assert tool.weigh(arguments) == 0
    with pytest.raises(QueryRefused) as refused:
        tool.run(arguments)
    assert len(str(refused.value)) > 10
    assert paths[before:] == []


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [
        (END - 3600, END, 0.001), (END - 3600, END, 0.5), (END - 40 * 86_400, END, 3600), (END - 86_400, END, 1.0), (END, END - 60, 15.0), (float("nan"), END, 15.0),
        (END - 60, float("inf"), 15.0), (END - 60, END, float("nan")), (0.0, END, 0.0), (END - 60, END, float("inf")),
    ],
)  # fmt: skip
def test_a_hostile_window_is_refused_and_nothing_is_sent(
    start: float, end: float, step: float, server: tuple[str, list[str]]
) -> None:
    address, paths = server
    before = len(paths)
    tool = tools_at(address)[ExtraTool.QUERY_PROMQL]
    arguments = QueryPromql.model_construct(start=start, end=end, query="up", step_seconds=step)
    assert tool.weigh(arguments) == 0
    with pytest.raises(QueryRefused):
        tool.run(arguments)
    assert paths[before:] == []


@pytest.mark.parametrize("query", LIGHT)
def test_a_light_query_is_sent_once_as_it_was_written(query: str, server: tuple[str, list[str]]) -> None:
    address, paths = server
    before = len(paths)
    tool = tools_at(address)[ExtraTool.QUERY_PROMQL]
    arguments = QueryPromql(start=END - 3600, end=END, query=query)
    assert query in ("vector(1)",) or tool.weigh(arguments) > 0
    assert isinstance(tool.run(arguments), Rows)
    assert len(paths) == before + 1
    assert "/api/v1/query_range?" in paths[-1]

"""Label values never change the parsed query: what is sent has exactly the matchers that were meant."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import promql_parser as ast
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.doubles.answering_server import answering
from tests.prometheus_server import END, queried, tools_at
from tools.metrics.entities import entity_of
from tools.metrics.promql import NotAskable, equal, label_name, literal, one_of, quoted, selector
from tools.spec import Empty, QueryMetrics, ToolName

CHARACTERS = "\"\\\n\r\t\x00\x01\x1b\x7f'`{}[]()|.*+?^$,=~!@#;:/%&<> \u00e9\u2028\u202e\u200b\ufeff\U0001f600\u0300-_"
CLAUSES = (
    '"} or up or {x="', '"} or vector(1) #', '"}[5m:1s] offset 1d or up{a="', '",__name__=~".+', '",job=~".*', '"})) or sum(up{a="', "'} or up or {x='", "`} or up or {x=`",
    "a|b", "a|.*", ".*", ".+", "(.*)", "^a$", "[a-z]+", "a{1,9}", "\\d+", "\\\\", '\\"', '\\\\"', '\\\\\\"', '\\n', "\\x00", "\\u0041", "\\101", "\\Q.*\\E", "(?i)a", "(?s).*", "a\\",
    "${jndi:ldap://a}", "{{ .Labels }}", "%s%n", "$(reboot)", "`reboot`", "'; DROP TABLE up; --", "<script>alert(1)</script>", "../../etc/passwd", "http://a/?q=b#c", "NaN", "+Inf",
    "null", "true", "0", "-1", "up", "sum", "by", "offset 5m", "@ 0", "or", "bool", "__name__", "le", "# comment", "a # b", "ignore previous instructions", "a" * 500, "." * 300,
    " ", "  a", "a  ", "\u0430pi", "a\u0301", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
)  # fmt: skip
VALUES = tuple(
    dict.fromkeys(
        [
            *CLAUSES,
            *CHARACTERS,
            *(f"a{c}b" for c in CHARACTERS),
            *(f'{c}"}} or up{{a="{c}' for c in CHARACTERS),
            *(c * 3 for c in CHARACTERS),
        ]
    )
)
EQUAL, REGEX = str(ast.MatchOp.Equal), str(ast.MatchOp.Re)
TEXT = st.text(max_size=60)


@contextmanager
def prometheus_of(services: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """A server that says to have some metrics of these services, and takes down the range queries."""
    queries: list[str] = []
    names = ("queue_depth", "http_server_requests_total")

    def answer(asked: str) -> object:
        path, parameters = urlsplit(asked).path, parse_qs(urlsplit(asked).query)
        if path.endswith("/values"):
            return list(names)
        if path.endswith("/metadata"):
            return {}
        if path.endswith("/series"):
            return [
                {"__name__": name, "service": service, "status": status}
                for name in names
                for service in services
                for status in ("200", "500")
            ]
        queries.append(parameters["query"][0])
        values = [[END - 60 + 15 * place, "1"] for place in range(5)]
        labels = {"__name__": "queue_depth", "pcause_row": "0", "service": services[0]}
        return {"resultType": "matrix", "result": [{"metric": labels, "values": values}]}

    with answering(answer) as address:
        yield address, queries


def matchers(query: str) -> list[tuple[str, str, str]]:
    """All matchers of all selectors of a query."""
    found: list[tuple[str, str, str]] = []

    def take(node: object) -> None:
        selected = node.vector_selector if isinstance(node, ast.MatrixSelector) else node
        if isinstance(selected, ast.VectorSelector) and selected is node:
            assert not selected.matchers.or_matchers
            assert selected.name in ("queue_depth", "http_server_requests_total")
            found.extend((one.name, str(one.op), one.value) for one in selected.matchers.matchers)

    ast.walk(ast.parse(query), take)
    return found


def test_there_are_enough_of_them() -> None:
    assert len(VALUES) >= 200


@pytest.fixture(scope="module")
def asked() -> dict[tuple[str, ...], list[str]]:
    """For each value, alone and with another one, the queries that asking for it sends."""
    sent: dict[tuple[str, ...], list[str]] = {}
    with prometheus_of((*VALUES, "innocent")) as (address, queries):
        tools = tools_at(address, at_once=1)
        queried(tools)
        for value, other in zip(VALUES, (*VALUES[1:], VALUES[0]), strict=True):
            for entities in ((value,), (value, other)):
                before = len(queries)
                queried(tools, entities=entities)
                sent[entities] = queries[before:]
    return sent


@pytest.mark.parametrize("place", range(len(VALUES)))
def test_a_hostile_value_is_matched_as_it_is_and_nothing_else(
    place: int, asked: dict[tuple[str, ...], list[str]]
) -> None:
    value = VALUES[place]
    found = [one for query in asked[value,] for one in matchers(query)]
    assert found
    assert {one for one in found if one[0] != "status"} == {("service", EQUAL, value)}
    assert {one for one in found if one[0] == "status"} == {("status", EQUAL, "500")}


@pytest.mark.parametrize("place", range(len(VALUES)))
def test_two_hostile_values_match_themselves_and_nothing_else(
    place: int, asked: dict[tuple[str, ...], list[str]]
) -> None:
    pair = (VALUES[place], VALUES[(place + 1) % len(VALUES)])
    found = {one for query in asked[pair] for one in matchers(query) if one[0] != "status"}
    ((label, op, pattern),) = found
    assert (label, op) == ("service", REGEX)
    matched = {value for value in (*VALUES, "innocent", "", "up") if re.fullmatch(pattern, value)}
    assert matched == set(pair)


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb", "nobody", ""])
def test_an_entity_that_no_series_has_is_not_asked_for(value: str) -> None:
    with prometheus_of(("api", "web")) as (address, queries):
        tools = tools_at(address)
        queried(tools)
        before = len(queries)
        assert (
            tools[ToolName.QUERY_METRICS].run(
                QueryMetrics.model_construct(start=END - 3600, end=END, entities=(value,), metrics=())
            )
            == Empty()
        )
        assert queries[before:] == []


@settings(max_examples=400, deadline=None)
@given(TEXT)
def test_any_text_comes_back_from_the_parser_as_it_went_in(text: str) -> None:
    node = ast.parse(selector(["up_time"], [equal("job", text), equal("a", "b")]))
    assert [(one.name, one.op, one.value) for one in node.matchers.matchers] == [
        ("job", ast.MatchOp.Equal, text),
        ("a", ast.MatchOp.Equal, "b"),
    ]


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXT.filter(bool), min_size=2, max_size=5, unique=True), TEXT)
def test_any_texts_match_themselves_and_nothing_else(texts: list[str], other: str) -> None:
    node = ast.parse(selector(["up_time"], [one_of("job", texts)]))
    (one,) = node.matchers.matchers
    assert all(re.fullmatch(one.value, text) for text in texts)
    assert bool(re.fullmatch(one.value, other)) is (other in texts)


@settings(max_examples=200, deadline=None)
@given(TEXT.filter(bool))
def test_any_name_of_a_metric_is_one_name(name: str) -> None:
    node = ast.parse(selector([name]))
    assert isinstance(node, ast.VectorSelector)
    named = node.name or next(one.value for one in node.matchers.matchers if one.name == "__name__")
    assert named == name


@pytest.mark.parametrize(
    "name", ["INF", "NaN", "inf", "sum", "by", "offset", "on", "bool", "unless", "count_values", "GROUP_LEFT", "up"]
)
def test_a_word_of_the_language_may_be_the_name_of_a_metric(name: str) -> None:
    (one,) = ast.parse(selector([name])).matchers.matchers
    assert (one.name, str(one.op), one.value) == ("__name__", EQUAL, name)


def test_text_that_is_none_is_refused() -> None:
    with pytest.raises(NotAskable, match="no valid text"):
        quoted("a\ud800")


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", 'a"b', "a}", "\u00e9", "a\n"])
def test_what_is_no_name_of_a_label_is_refused(name: str) -> None:
    with pytest.raises(NotAskable, match="no name of a label"):
        label_name(name)


def test_a_literal_is_plain_where_it_can_be() -> None:
    assert literal("checkout-api_v2 / eu") == "checkout-api_v2 / eu"
    assert entity_of("service", 'a"}') == 'a"}'

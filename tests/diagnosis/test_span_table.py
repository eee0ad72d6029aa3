"""Spans as columns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Span
from diagnosis.traces import calls, named_calls, operations, self_time, tabulate, topology_of


def span(
    id: str, parent: str = "", entity: str = "shop", start: float = 0.0, duration: float = 1.0, trace: str = "t", **more
) -> Span:
    return Span(
        trace, id, parent, entity, more.pop("name", f"op {entity}"), "", start, duration, **({"error": False} | more)
    )


def parents(table: SpanTable) -> dict[str, str]:
    """Each span's id with its parent's."""
    return {id: table.ids[up] if up >= 0 else "" for id, up in zip(table.ids, table.parent.tolist(), strict=True)}


CHAIN = [span("a", start=0), span("b", "a", "store", 1), span("c", "b", "disk", 2), span("d", "a", "mail", 3)]


def test_rows_are_in_order_of_start_whatever_the_order_of_spans():
    table = tabulate([CHAIN[i] for i in (2, 0, 3, 1)])
    assert table.ids == ("a", "b", "c", "d")
    assert parents(table) == {"a": "", "b": "a", "c": "b", "d": "a"}
    assert [table.entities[code] for code in table.entity] == ["shop", "store", "disk", "mail"]


def test_a_missing_parent_makes_a_root():
    assert parents(tabulate([span("b", "gone")])) == {"b": ""}


def test_a_parent_of_another_trace_with_the_same_id_is_not_ones_own():
    table = tabulate([span("a", trace="one"), span("b", "a", trace="two", start=1)])
    assert parents(table) == {"a": "", "b": ""}


def test_a_span_that_names_itself_as_its_parent_is_a_root():
    assert parents(tabulate([span("a", "a")])) == {"a": ""}


def test_a_selection_keeps_parents_right():
    table = tabulate(CHAIN).select(np.array([True, True, False, True]))
    assert parents(table) == {"a": "", "b": "a", "d": "a"}


def test_in_a_selection_a_child_without_its_parent_is_a_root():
    table = tabulate(CHAIN).select(np.array([False, True, True, True]))
    assert parents(table) == {"b": "", "c": "b", "d": ""}


def test_a_selection_takes_messages_and_peers_along():
    spans = [
        span("a"),
        span("b", "a", start=1, error=True, message="no such table"),
        span("c", "a", start=2, attributes={"peer.service": "bank"}),
    ]
    table = tabulate(spans).select(np.array([False, True, True]))
    assert dict(table.messages) == {0: "no such table"}
    assert dict(table.peers) == {1: "bank"}


def test_a_selection_of_nothing_is_an_empty_table():
    table = tabulate(CHAIN).select(np.zeros(4, bool))
    assert len(table) == 0
    assert self_time(table).size == calls(table).client.size == 0


def test_an_empty_table_answers_everything_with_nothing():
    table = SpanTable.empty()
    assert len(table) == len(tabulate([])) == 0
    assert self_time(table).size == 0
    assert topology_of(table).edges == ()
    assert operations(table, np.empty(0, bool)) == {}
    assert named_calls(table)[0].size == 0


def test_selecting_twice_is_selecting_both():
    random = np.random.default_rng(0)
    table = tabulate([span(str(i), str(random.integers(0, i)) if i else "", start=float(i)) for i in range(60)])
    first = random.random(60) < 0.7
    both = first & (random.random(60) < 0.7)
    one, two = table.select(first).select(both[first]), table.select(both)
    assert (one.ids, one.parent.tolist()) == (two.ids, two.parent.tolist())


def slow_self_time(spans: list[Span]) -> dict[str, float]:
    """The union of the children's intervals, clipped to the parent's, by sweeping over them one by one."""
    found = {}
    for parent in spans:
        end = parent.start + parent.duration
        parts = sorted(
            (max(c.start, parent.start), min(c.start + c.duration, end)) for c in spans if c.parent_id == parent.span_id
        )
        covered, reached = 0.0, parent.start
        for begin, until in parts:
            covered += max(until - max(begin, reached), 0.0)
            reached = max(reached, until)
        found[parent.span_id] = parent.duration - covered
    return found


@st.composite
def trees(draw) -> list[Span]:
    """Children overlap each other, outlast their parent, begin before it, and take no time at all."""
    spans = [span("0", start=5.0, duration=draw(st.floats(0.0, 10.0)))]
    for i in range(1, draw(st.integers(1, 25))):
        up = draw(st.integers(0, i - 1))
        begin, took = draw(st.floats(0.0, 15.0)), draw(st.floats(0.0, 10.0))
        spans.append(span(str(i), str(up), f"e{draw(st.integers(0, 3))}", begin, took))
    return spans


@settings(derandomize=True, max_examples=50, deadline=None)
@given(trees())
def test_self_time_is_what_a_slow_sweep_over_the_children_finds(spans):
    table = tabulate(spans)
    expected = slow_self_time(spans)
    assert self_time(table).tolist() == pytest.approx([expected[id] for id in table.ids], abs=1e-6)


def test_self_times_of_many_traces_do_not_mix():
    one = [span("a", duration=10, trace="x"), span("b", "a", start=2, duration=3, trace="x")]
    two = [span("a", duration=10, trace="y"), span("b", "a", start=4, duration=5, trace="y")]
    table = tabulate(one + two)
    found = dict(
        zip(
            [(table.traces[t], id) for t, id in zip(table.trace, table.ids, strict=True)],
            self_time(table).tolist(),
            strict=True,
        )
    )
    assert found == {("x", "a"): 7.0, ("y", "a"): 5.0, ("x", "b"): 3.0, ("y", "b"): 5.0}


def test_cycles_survive_everything():
    ring = [span("a", "c", "x"), span("b", "a", "y", 0.1), span("c", "b", "z", 0.2)]
    table = tabulate([*ring, span("d", "c", "w", 0.3)])
    assert self_time(table).size == 4 and (self_time(table) >= 0).all()
    assert len(topology_of(table).edges) == 4
    assert len(operations(table, table.start >= 0)) == 4
    assert calls(table).client.size == 2  # only a and b have one child each
    assert len(table.select(np.array([True, False, True, True]))) == 3


def test_a_gap_is_what_the_caller_waited_beyond_the_callees_work():
    table = tabulate([span("a", entity="front", duration=10), span("b", "a", "shop", 2, 4)])
    found = calls(table)
    assert (found.client.tolist(), found.gap.tolist()) == ([0], [6.0])
    assert [table.entities[code] for code in found.callee] == ["shop"]


def test_a_span_with_several_children_or_a_child_of_its_own_is_no_client():
    table = tabulate(
        [
            span("a", entity="front"),
            span("b", "a", "shop", 0.1),
            span("c", "a", "mail", 0.2),
            span("d", "b", "shop", 0.3),
        ]
    )
    assert calls(table).client.size == 0


def test_a_clock_that_runs_ahead_leaves_no_negative_gap():
    table = tabulate([span("a", entity="front", duration=1), span("b", "a", "shop", 0, 5)])
    assert calls(table).gap.tolist() == [0.0]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("GET stock", "stock-service"),
        ("stock.Reserve", "stock-service"),
        ("reserveStocks", "stock-service"),
        ("render page", ""),
        ("stock and price", ""),
    ],
)
def test_a_leaf_is_a_call_to_the_one_service_that_its_name_holds(name: str, target: str):
    table = tabulate(
        [
            span("a", entity="front"),
            span("b", "a", "front", 0.1, name=name),
            span("c", entity="stock-service"),
            span("d", entity="price-service"),
        ]
    )
    rows, named = named_calls(table)
    assert [table.entities[code] for code in named] == ([target] if target else [])
    assert [table.ids[row] for row in rows] == (["b"] if target else [])


def test_an_operation_that_sometimes_has_children_is_no_leaf():
    spans = [
        span("a", entity="front", name="call stock"),
        span("b", entity="front", name="call stock", start=1),
        span("c", "b", "stock", 2),
    ]
    assert named_calls(tabulate(spans))[0].size == 0

from diagnosis.telemetry import Edge, Span
from diagnosis.traces import operations, self_time, tabulate, topology_of


def span(
    id: str, parent: str, entity: str, start: float, duration: float, error: bool = False, **attributes: str
) -> Span:
    return Span("t1", id, parent, entity, f"op-{entity}", "SERVER", start, duration, error, "", attributes)


def test_self_time_leaves_out_overlapping_children_once():
    tree = tabulate([span("a", "", "x", 0, 10), span("b", "a", "y", 1, 4), span("c", "a", "z", 3, 4)])
    assert self_time(tree)[0] == 4.0


def test_edges_come_from_parents_and_peers_are_not_ours():
    tree = tabulate([span("a", "", "x", 0, 10), span("b", "a", "y", 1, 4, **{"server.address": "pay.example.com:443"})])
    topology = topology_of(tree)
    assert set(topology.edges) == {Edge("x", "y"), Edge("y", "pay.example.com")}
    peer = topology.node("pay.example.com")
    assert peer is not None and not peer.owned


def test_an_error_starts_at_the_deepest_failing_span():
    tree = tabulate([span("a", "", "x", 0, 10, error=True), span("b", "a", "y", 1, 4, error=True)])
    stats = operations(tree, tree.start >= 0)
    assert stats[("x", "op-x")].origin_errors == 0
    assert stats[("y", "op-y")].origin_errors == 1


def test_a_missing_parent_and_a_cycle_are_survived():
    tree = tabulate([span("a", "b", "x", 0, 1), span("b", "a", "y", 0, 1), span("c", "gone", "z", 0, 1)])
    assert len(operations(tree, tree.start >= 0)) == 3


def test_calls_whose_parent_is_not_told_yet_are_counted_by_trace():
    """A request that still runs has no span of its own; its calls are there already."""
    spans = [
        Span(f"t{trace}", f"{trace}.{call}", "running", "shop", "POST price/quote", "CLIENT", call, 0.1, False)
        for trace in range(3)
        for call in range(6)
    ]
    tree = tabulate(spans)
    assert operations(tree, tree.start >= 0)[("shop", "POST price/quote")].calls_per_parent == 6.0

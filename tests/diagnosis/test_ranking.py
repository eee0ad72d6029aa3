"""Evidence added up, with explaining away along the calls."""

import itertools

import pytest

from diagnosis.channels.clue import Clue, Source
from diagnosis.findings import Channel, FaultKind
from diagnosis.ranking import rank
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Edge, Node, Topology

WEIGHTS = {"deviation": 1.0, "conservation": 2.0, "saturation": 2.0, "span_errors": 2.0, "log_templates": 2.0}
OWN, CALLEES, CALLERS = Source.OWN, Source.CALLEES, Source.CALLERS


def clue(method: str, entity: str, strength: float, source: Source = OWN, **kinds: float) -> Clue:
    fits = {FaultKind(kind): fit for kind, fit in kinds.items()} or {FaultKind.SLOW_CODE: 1.0}
    symptom = Symptom(Channel.METRICS, entity, method, frozenset({"latency+"}), method, strength, True, "")
    return Clue(method, entity, strength, fits, symptom, source)


def calls(*pairs: str) -> Topology:
    edges = tuple(Edge(*pair.split(">")) for pair in pairs)
    return Topology(tuple(Node(name) for name in sorted({n for e in edges for n in (e.caller, e.callee)})), edges)


def scores(clues: list[Clue], topology: Topology | None = None, aliases: dict[str, str] | None = None):
    return {one.entity: one.score for one in rank(clues, topology or Topology(), aliases or {}, WEIGHTS)}


CHAIN = calls("front>shop", "shop>store")


def test_a_clue_counts_its_channels_weight_times_its_strength():
    assert scores([clue("conservation", "shop", 0.5)]) == {"shop": 1.0}


def test_what_a_caller_inherited_is_explained_by_what_its_callee_shows():
    clues = [clue("deviation", "shop", 1.0, CALLEES), clue("deviation", "store", 1.0, CALLEES)]
    with_calls, without = scores(clues, CHAIN), scores(clues)
    assert with_calls["shop"] < 0.5 * without["shop"]
    assert with_calls["store"] == without["store"]


def test_a_callee_far_below_explains_as_well():
    clues = [clue("deviation", "front", 1.0, CALLEES), clue("deviation", "store", 1.0, CALLEES)]
    assert scores(clues, CHAIN)["front"] < 0.5


def test_a_callers_own_clue_is_not_explained_away():
    clues = [clue("saturation", "shop", 1.0), clue("deviation", "store", 1.0, CALLEES)]
    assert scores(clues, CHAIN)["shop"] == scores(clues)["shop"]


def test_a_strong_inherited_clue_stays_where_the_callee_shows_only_a_faint_one():
    clues = [clue("deviation", "shop", 1.0, CALLEES), clue("deviation", "store", 0.1, CALLEES)]
    assert scores(clues, CHAIN)["shop"] > 0.9


def test_what_came_from_a_caller_is_explained_by_the_caller():
    clues = [clue("span_errors", "store", 1.0, CALLERS), clue("span_errors", "shop", 1.0)]
    assert scores(clues, CHAIN)["store"] < 0.5 * scores(clues)["store"]


def test_a_callee_does_not_explain_what_came_from_a_caller():
    clues = [clue("span_errors", "shop", 1.0, CALLERS), clue("span_errors", "store", 1.0)]
    assert scores(clues, CHAIN)["shop"] == scores(clues)["shop"]


def test_what_a_callee_only_feels_explains_the_like_of_it_and_nothing_else():
    felt = [clue("span_errors", "shop", 1.0, CALLEES), clue("deviation", "store", 1.0, CALLEES)]
    done = [clue("span_errors", "shop", 1.0, CALLEES), clue("saturation", "store", 1.0)]
    assert scores(felt, CHAIN)["shop"] == scores(felt)["shop"]
    assert scores(done, CHAIN)["shop"] < 0.5 * scores(done)["shop"]


def test_two_that_call_each_other_explain_nothing_of_each_other():
    clues = [clue("deviation", "shop", 1.0, CALLEES), clue("deviation", "store", 1.0, CALLEES)]
    assert scores(clues, calls("shop>store", "store>shop")) == scores(clues)


def test_what_lies_below_a_circle_of_calls_explains_all_of_it():
    topology = calls("shop>price", "price>shop", "price>store")
    clues = [clue("deviation", name, 1.0, CALLEES) for name in ("shop", "price", "store")]
    found = scores(clues, topology)
    assert found["shop"] == found["price"] < 0.5 * found["store"]


def test_channels_of_one_nature_do_not_add_up_fully():
    one = scores([clue("span_errors", "shop", 1.0)])["shop"]
    both = scores([clue("span_errors", "shop", 1.0), clue("log_templates", "shop", 1.0)])["shop"]
    assert one < both < 1.6 * one


def test_channels_of_two_natures_add_up():
    both = [clue("span_errors", "shop", 1.0), clue("saturation", "shop", 1.0)]
    assert scores(both)["shop"] == sum(scores([one])["shop"] for one in both)


def test_further_clues_of_one_channel_count_little_and_never_more_than_the_first():
    one, five, hundred = (scores([clue("log_templates", "shop", 0.5)] * n)["shop"] for n in (1, 5, 100))
    assert one < five <= 2 * one
    assert hundred == 2 * one


def test_clues_of_a_view_count_for_the_service_that_it_shows():
    clues = [clue("deviation", "store_client", 1.0), clue("saturation", "store", 1.0)]
    assert scores(clues, aliases={"store_client": "store"}) == {"store": 3.0}


def test_a_view_that_shows_the_same_as_its_service_does_not_count_twice():
    clues = [clue("deviation", "store_client", 1.0), clue("deviation", "store", 1.0)]
    assert scores(clues, aliases={"store_client": "store"})["store"] < 1.5


def test_a_channel_without_a_weight_is_left_out():
    assert scores([clue("tenants", "shop", 1.0)]) == {}


def test_a_clue_without_strength_makes_no_suspect():
    assert scores([clue("deviation", "shop", 0.0)]) == {}


def test_of_equal_scores_the_name_decides():
    clues = [clue("deviation", name, 1.0) for name in ("c", "a", "b")]
    assert list(scores(clues)) == ["a", "b", "c"]


def test_the_order_of_clues_changes_nothing():
    clues = [
        clue("deviation", "shop", 0.7, CALLEES),
        clue("conservation", "shop", 0.3, slow_code=0.7, cpu_saturation=0.5),
        clue("log_templates", "store", 0.4, error_regression=1.0),
        clue("log_templates", "store", 0.6, bad_config=1.0),
        clue("saturation", "front", 0.2, cpu_saturation=1.0),
    ]
    first = [(r.entity, r.score, r.kinds) for r in rank(clues, CHAIN, {}, WEIGHTS)]
    for other in itertools.permutations(clues):
        assert [(r.entity, r.score, r.kinds) for r in rank(other, CHAIN, {}, WEIGHTS)] == first


def test_the_kinds_of_an_entity_are_probabilities_that_add_up_to_one():
    clues = [
        clue("saturation", "shop", 1.0, cpu_saturation=1.0),
        clue("conservation", "shop", 0.8, slow_code=0.7, cpu_saturation=0.5, network_delay=0.4),
    ]
    (one,) = rank(clues, Topology(), {}, WEIGHTS)
    assert sum(one.kinds.values()) == pytest.approx(1.0)
    assert one.kind is FaultKind.CPU_SATURATION


def test_one_channel_votes_once_for_a_kind():
    loud = [clue("log_templates", "shop", 0.5, bad_config=1.0)] * 20
    (one,) = rank([*loud, clue("saturation", "shop", 0.8, cpu_saturation=1.0)], Topology(), {}, WEIGHTS)
    assert one.kind is FaultKind.CPU_SATURATION


def test_what_is_explained_away_has_no_say_in_the_kind():
    clues = [
        clue("deviation", "shop", 1.0, CALLEES, error_regression=1.0),
        clue("saturation", "shop", 0.3, memory_exhaustion=1.0),
        clue("conservation", "store", 1.0),
    ]
    kinds = {one.entity: one.kind for one in rank(clues, CHAIN, {}, WEIGHTS)}
    assert kinds["shop"] is FaultKind.MEMORY_EXHAUSTION


def test_an_entity_of_unknown_kind_says_so():
    (one,) = rank([clue("deviation", "shop", 1.0, unknown=1.0)], Topology(), {}, WEIGHTS)
    assert one.kind is FaultKind.UNKNOWN


def test_shares_are_kept_for_each_channel():
    (one,) = rank([clue("span_errors", "shop", 0.5), clue("saturation", "shop", 1.0)], Topology(), {}, WEIGHTS)
    assert one.shares == {"span_errors": 1.0, "saturation": 2.0}

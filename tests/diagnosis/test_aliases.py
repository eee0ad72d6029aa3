"""A client's view of a service is the service."""

import pytest

from diagnosis.aliases import aliases_of
from diagnosis.telemetry import Edge, Node, Topology


def calls(*pairs: str) -> Topology:
    edges = tuple(Edge(*pair.split(">")) for pair in pairs)
    return Topology(tuple(Node(name) for name in sorted({n for e in edges for n in (e.caller, e.callee)})), edges)


def test_a_view_shows_the_one_service_that_it_calls():
    assert aliases_of([], calls("front>payment_client", "payment_client>billing")) == {"payment_client": "billing"}


@pytest.mark.parametrize(
    "view", ["checkout_client", "checkout-elb.eu-west.example.com", "Checkout-LB", "egress_checkout:443"]
)
def test_a_view_without_calls_shows_the_service_that_it_names(view: str):
    assert aliases_of([view, "checkout", "search"], Topology()) == {view: "checkout"}


def test_the_telling_word_stands_in_the_first_label():
    names = ["checkout-elb.search.example.com", "checkout-service", "search-service"]
    assert aliases_of(names, Topology()) == {"checkout-elb.search.example.com": "checkout-service"}


def test_a_view_that_two_services_fit_shows_none():
    assert aliases_of(["checkout_client", "checkout-read", "checkout-write"], Topology()) == {}


def test_a_view_whose_words_point_to_two_services_shows_none():
    assert aliases_of(["checkout_search_client", "checkout", "search"], Topology()) == {}


def test_a_word_that_many_names_share_is_no_hint():
    assert aliases_of(["store_checkout_client", "store_checkout", "store_search"], Topology()) == {
        "store_checkout_client": "store_checkout"
    }


def test_a_view_that_calls_two_services_goes_by_its_name():
    topology = calls("checkout_client>checkout", "checkout_client>search")
    assert aliases_of([], topology) == {"checkout_client": "checkout"}


def test_a_short_word_points_to_nobody():
    assert aliases_of(["pay_client", "payment"], Topology()) == {}


def test_a_service_without_a_word_for_a_view_is_itself():
    assert aliases_of(["checkout", "checkout-db"], calls("checkout>checkout-db")) == {}


def test_no_view_shows_another_view():
    found = aliases_of([], calls("front>payment_client", "payment_client>payment_proxy", "payment_proxy>payment"))
    assert set(found.values()) <= {"payment"}


def test_a_word_within_a_word_makes_no_view():
    assert aliases_of(["clients", "albatross", "clientele"], Topology()) == {}

"""The lab's name server, asked by the services' own stub."""

import socket
from collections.abc import Iterator

import pytest

from evals.lab.resolver import Failure, Resolver
from evals.lab.shop.names import Names, ResolutionError


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    made = Resolver(["catalog", "pricing"])
    yield made
    made.stop()


def test_a_service_is_found_by_its_name(resolver: Resolver) -> None:
    assert Names(resolver.port).address("catalog.shop.internal") == "127.0.0.1"


@pytest.mark.parametrize(
    ("failure", "words"),
    [(Failure.SERVFAIL, "Temporary failure in name resolution"), (Failure.NXDOMAIN, "Name or service not known")],
)
def test_a_broken_name_fails_in_the_words_of_resolvers(resolver: Resolver, failure: Failure, words: str) -> None:
    resolver.break_name("catalog", failure)
    with pytest.raises(ResolutionError, match=words):
        Names(resolver.port).address("catalog.shop.internal")
    assert Names(resolver.port).address("pricing.shop.internal") == "127.0.0.1"
    resolver.mend_name("catalog")
    assert Names(resolver.port).address("catalog.shop.internal") == "127.0.0.1"


def test_a_name_that_nobody_has_is_denied(resolver: Resolver) -> None:
    with pytest.raises(ResolutionError, match="Name or service not known"):
        Names(resolver.port).address("warehouse.shop.internal")


def test_what_is_no_query_gets_no_answer_and_harms_nobody(resolver: Resolver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for garbage in (b"", b"\0", b"\xff" * 12, b"\0" * 12, b"\x00\x01" * 6 + b"\x3f" + b"a" * 20):
            sender.sendto(garbage, ("127.0.0.1", resolver.port))
    assert Names(resolver.port).address("catalog.shop.internal") == "127.0.0.1"

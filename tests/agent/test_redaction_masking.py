"""Hosts, addresses and names have stable pseudonyms, which our own people never see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.redaction import Masker

HOSTS = st.sampled_from(
    ["db-3.prod.example.com", "cart.shop.svc.cluster.local", "ip-10-0-3-4.ec2.internal", "example.org"]
)
ADDRESSES = st.sampled_from(["10.0.0.1", "192.168.7.254", "2001:db8::17", "fe80::1", "::1"])
OTHERS = st.sampled_from(
    ["ann@example.com", "acme", "host-1", "ip-2", "name-1", "email-1", "host-01", "acme_db", "::", "1.2.3"]
)
PIECES = st.lists(
    st.one_of(
        HOSTS, ADDRESSES, OTHERS, st.text(max_size=8), st.sampled_from([" ", "/", "://", ":", "-", "@", "[", "]"])
    ),
    max_size=12,
).map("".join)


@given(st.lists(PIECES, min_size=1, max_size=3))
def test_what_was_masked_is_put_back(texts: list[str]):
    masker = Masker(["acme"])
    first = masker.mask(texts[0])
    assert masker.unmask(first) == texts[0]
    again = Masker.from_mapping(masker.mapping, ["acme"])
    assert again.mapping == masker.mapping
    assert again.unmask(first) == texts[0]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("connect to db-3.prod.example.com:5432 failed", "connect to host-1:5432 failed"),
        ("cart.shop.svc.cluster.local, again cart.shop.svc.cluster.local", "host-1, again host-1"),
        ("https://api.acme-corp.shop/v1?x=1", "https://host-1/v1?x=1"),
        ("dial tcp 10.2.3.4:9092 and 10.2.3.5", "dial tcp ip-1:9092 and ip-2"),
        ("[2001:db8::17]:443 closed", "[ip-1]:443 closed"),
        ("mail ann.lee+x@example.com bounced", "mail email-1 bounced"),
        ("bluebird-checkout and Bluebird of bluebird", "name-1-checkout and Bluebird of name-1"),
        ("kafka-1.kafka.svc.cluster.local/10.0.0.9:9092", "host-1/ip-1:9092"),
        ("host-1 calls a.example.com", "host-1 calls host-2"),
    ],
)
def test_values_are_masked(text: str, masked: str):
    masker = Masker(["bluebird"])
    assert masker.mask(text) == masked
    assert masker.unmask(masked) == text
    assert masker.mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "com.acme.shop.CheckoutController.handle(CheckoutController.java:41)",
        "java.net.SocketTimeoutException: Read timed out",
        "http.server.request.duration k8s.pod.name service.name",
        "/usr/lib/python3.11/site-packages/sqlalchemy/engine/base.py",
        "main.go:12 app.yaml values-prod.yaml README.md",
        "at 12:30:45.123 on 2026-11-03T10:00:01Z",
        "std::vector a::b::c version v1.2.3 build 1.2.3",
        "github.com.acme.Client",
        "self.client.session.get(x)",
    ],
)
def test_what_is_no_host_stays(text: str):
    assert Masker().mask(text) == text


def test_a_masker_goes_on_where_another_stopped():
    first = Masker()
    first.mask("a.example.com b.example.com")
    second = Masker.from_mapping(first.mapping)
    assert second.mask("b.example.com c.example.com") == "host-2 host-3"


def test_a_mapping_of_something_else_is_refused():
    with pytest.raises(ValueError, match="no pseudonym"):
        Masker.from_mapping({"x": "y"})

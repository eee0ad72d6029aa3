"""Hosts, addresses and names have stable pseudonyms, which our own people never see."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.redaction import Masker

HOSTS = st.sampled_from(
    ["db-3.prod.example.com", "cart.shop.svc.cluster.local", "ip-10-0-3-4.ec2.internal", "example.org"]
)
ADDRESSES = st.sampled_from(["10.0.0.1", "192.168.7.254", "2001:db8::17", "fe80::1", "::1"])
OTHERS = st.sampled_from(
    [
        "ann@example.com",
        "acme",
        "acme_db",
        "host-zq1",
        "ip-zq2",
        "name-zq1",
        "email-zq1",
        "host-zq01",
        "host-1",
        "java.host-zq1.com",
        "host-zq1.example.com",
        "zq1",
        "host",
        "::",
        "1.2.3",
    ]
)
PIECES = st.lists(
    st.one_of(
        HOSTS, ADDRESSES, OTHERS, st.text(max_size=8), st.sampled_from([" ", "/", "://", ":", "-", "@", "[", "]"])
    ),
    max_size=12,
).map("".join)


@given(st.lists(PIECES, min_size=1, max_size=3))
def test_what_was_masked_is_put_back(texts: list[str]):
    masker = Masker(["acme", "host"])
    masked = [masker.mask(text) for text in texts]
    assert [masker.unmask(text) for text in masked] == texts
    assert [masker.mask(text) for text in texts] == masked


@given(st.lists(PIECES, min_size=1, max_size=3), st.text(min_size=1, max_size=6))
def test_json_stays_json_when_it_is_unmasked(texts: list[str], name: str):
    masker = Masker([name, "acme"])
    masked = [masker.mask(text) for text in texts]
    for ascii in (True, False):
        assert json.loads(masker.unmask_json(json.dumps(masked, ensure_ascii=ascii))) == texts


def test_a_name_without_a_letter_masks_nothing_and_one_of_another_script_ends_where_it_ends():
    assert Masker([":", "--"]).mask(":::1 -- ok") == ":::1 -- ok"
    assert Masker(["“Zoë”"]).mask("for Zoë, not Zoën") == "for name-zq1, not Zoën"


def test_a_name_with_a_quote_is_put_back_into_json():
    masker = Masker(['Ann "Al" \\ Lee'])
    masked = masker.mask('asked by Ann "Al" \\ Lee')
    assert masked == "asked by name-zq1"
    assert json.loads(masker.unmask_json(json.dumps({"text": masked}))) == {"text": 'asked by Ann "Al" \\ Lee'}


def test_a_pseudonym_after_an_escape_is_put_back_into_json():
    masker = Masker()
    text = "first\n10.0.0.1\tand\n10.0.0.2"
    assert json.loads(masker.unmask_json(json.dumps({"text": masker.mask(text)}))) == {"text": text}
    assert masker.unmask_json('no JSON: ip-zq1, "ip-zq2') == 'no JSON: 10.0.0.1, "10.0.0.2'


def test_names_of_hosts_are_no_pseudonyms():
    masker = Masker()
    masker.mask(" ".join(f"10.9.9.{n}" for n in range(1, 12)))
    for text in ("node ip-10-0-3-4 is slow", "host-1 and ip-10 and email-2-worker and name-3"):
        assert masker.mask(text) == text
        assert masker.unmask(text) == text


def test_what_looks_like_a_pseudonym_is_masked_itself():
    masker = Masker()
    first, later = masker.mask("at a.example.com"), masker.mask("host-zq1 fails")
    assert (first, later) == ("at host-zq1", "host-zq2 fails")
    assert (masker.unmask(first), masker.unmask(later)) == ("at a.example.com", "host-zq1 fails")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("connect to db-3.prod.example.com:5432 failed", "connect to host-zq1:5432 failed"),
        ("cart.shop.svc.cluster.local, again cart.shop.svc.cluster.local", "host-zq1, again host-zq1"),
        ("https://api.acme-corp.shop/v1?x=1", "https://host-zq1/v1?x=1"),
        ("dial tcp 10.2.3.4:9092 and 10.2.3.5", "dial tcp ip-zq1:9092 and ip-zq2"),
        ("[2001:db8::17]:443 closed", "[ip-zq1]:443 closed"),
        ("mail ann.lee+x@example.com bounced", "mail email-zq1 bounced"),
        ("bluebird-checkout and Bluebird of bluebird", "name-zq1-checkout and Bluebird of name-zq1"),
        ("kafka-1.kafka.svc.cluster.local/10.0.0.9:9092", "host-zq1/ip-zq1:9092"),
        ("host-1 calls a.example.com", "host-1 calls host-zq1"),
        ("10.0.0.1-3 and bluebird-7", "ip-zq1-3 and name-zq1-7"),
    ],
)
def test_values_are_masked(text: str, masked: str):
    masker = Masker(["bluebird"])
    assert masker.mask(text) == masked
    assert masker.unmask(masked) == text


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

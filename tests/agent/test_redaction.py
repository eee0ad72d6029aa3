"""No planted secret is left, clean text stays, and any text can be read."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.redaction import cut_secrets
from evals.doubles.planted_secrets import Planted, planted_secrets
from tests.clean_lines import clean_lines

PLANTED = planted_secrets(seed=20261103)


def left(planted: Planted, text: str) -> list[str]:
    return [piece for piece in planted.pieces if piece in text]


def test_there_are_enough_secrets_of_enough_kinds():
    assert len(PLANTED) >= 500
    assert len({one.kind.split(",")[0] for one in PLANTED}) >= 60
    assert all(left(one, one.text) for one in PLANTED)


def test_no_planted_secret_is_left():
    assert [(one.kind, one.text) for one in PLANTED if left(one, cut_secrets(one.text))] == []


def test_no_planted_secret_is_left_in_a_long_text_of_all_of_them():
    clean = clean_lines(len(PLANTED), seed=4)
    cut = cut_secrets("\n".join(f"{line}\n{one.text}\n" for line, one in zip(clean, PLANTED, strict=True)))
    assert [one.kind for one in PLANTED if left(one, cut)] == []


def test_cutting_twice_changes_nothing():
    for one in PLANTED:
        once = cut_secrets(one.text)
        assert cut_secrets(once) == once, one.kind


def test_clean_lines_stay():
    lines = clean_lines(10_000)
    touched = [line for line in lines if cut_secrets(line) != line]
    assert len(touched) < 20, touched[:20]


def test_a_clean_text_of_many_lines_stays():
    text = "\n".join(clean_lines(2_000, seed=5))
    assert cut_secrets(text) == text


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("DB_PASSWORD=hunter2x", "DB_PASSWORD=[secret:password]"),
        (
            '{"user": "shop", "password": "hunter2x", "n": 1}',
            '{"user": "shop", "password": "[secret:password]", "n": 1}',
        ),
        ("postgres://shop:hunter2x@db:5432/shop", "postgres://shop:[secret:password]@db:5432/shop"),
        ("Authorization: Bearer abcdef1234567890", "Authorization: Bearer [secret:authorization]"),
        ("login?token=4bf92f3577b34da6a3ce929d0e0e4736&page=2", "login?token=[secret:token]&page=2"),
        ("used AKIAIOSFODNN7EXAMPLE today", "used [secret:aws] today"),
        ("user=a,password=b1c2d3,host=c", "user=a,password=[secret:password],host=c"),
    ],
)
def test_only_the_secret_is_cut(text: str, cut: str):
    assert cut_secrets(text) == cut


@pytest.mark.parametrize(
    "text",
    [
        "password: <*>", "token: 42 tokens", "max_tokens=512", "token_env: GITHUB_TOKEN", "secretName: shop-tls",
        "tokenizer: cl100k_base", "password_env=DB_PASSWORD", "checkout-7d9f8c6b5-x2x9q", "token: ${API_TOKEN}",
        "https://shop.example.com:8080/a?mail=b@c.com", "http://example.com/@scope/pkg", "sk-learn-pipelines-and-other-models",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "4bf92f3577b34da6a3ce929d0e0e4736",
        "aGVsbG8gd29ybGQ=", "org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerAdapter",
        "h1:bZ9bV1cLQZ8f0y5bGm3ZkYx1f0l6w1TQe0VvR9o0f3A=", "secret: [secret:password]",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays(text: str):
    assert cut_secrets(text) == text


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_can_be_read(text: str):
    once = cut_secrets(text)
    assert cut_secrets(once) == once


_LOADED = st.sampled_from(
    [
        "password",
        "=",
        ": ",
        '"',
        "'",
        "\\",
        "\n",
        "://",
        "@",
        "Bearer ",
        "%41",
        "\\u0041",
        "hunter2",
        "[secret:",
        "]",
        "cookie",
        "&",
        ";",
        "-----BEGIN PRIVATE KEY-----",
        "\ud800",
        "\0",
        "é",
    ]
)


@given(st.lists(_LOADED, max_size=20).map("".join))
def test_marks_of_secrets_in_any_order_settle(text: str):
    once = cut_secrets(text)
    assert cut_secrets(once) == once


@pytest.mark.parametrize(
    "unit",
    [
        "\\",
        '"',
        "a",
        "://",
        "@",
        "password=",
        "-----BEGIN PRIVATE KEY-----",
        "eyJ",
        "a.",
        "\n",
        '" + "',
        "%41",
        "[secret:",
        "Ab1",
        "A:",
        "-u a:b ",
        "<*>",
        "cookie: a=b; ",
    ],
)
def test_a_long_text_takes_linear_time(unit: str):
    cut_secrets(unit * 10)
    begun = time.process_time()
    cut_secrets((unit * 100_000)[:100_000])
    assert time.process_time() - begun < 10

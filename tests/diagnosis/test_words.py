import pytest

from diagnosis.words import compounds, content_words, quantities


@pytest.mark.parametrize(
    ("text", "name", "base", "dimension"),
    [
        ("15 * time.Minute", "", 900.0, "seconds"),
        ("ttl: 15s", "", 15.0, "seconds"),
        ("timeout_ms = 300", "timeout_ms", 0.3, "seconds"),
        ("memory: 512Mi", "", 512 * 2.0**20, "bytes"),
        ("Duration.ofSeconds(30)", "", 30.0, "seconds"),
        ("max = 1_000", "max", 1000.0, ""),
    ],
)
def test_a_quantity_is_read_with_its_unit(text: str, name: str, base: float, dimension: str):
    (found,) = quantities(text, name)
    assert (found.base, found.dimension) == (pytest.approx(base), dimension)


def test_versions_colours_and_placeholders_are_no_quantities():
    assert quantities("v1.30.4 #2563eb $1") == ()


def test_one_identifier_is_the_same_in_every_spelling():
    assert compounds("readCardToken") == compounds("read_card_token") == compounds("ReadCardToken")


def test_function_words_link_nothing():
    assert content_words("if err return the request context") == frozenset()

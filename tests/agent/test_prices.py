from decimal import Decimal

import pytest
from pydantic import ValidationError

from agent.prices import ModelPrices, TokenPrices, Tokens, UnknownPrice, price, worst_price

NONE = ModelPrices()
PAID = "openai:gpt-5-mini"
TIERED = "anthropic:claude-sonnet-4-5"
OWN = ModelPrices(override={"acme:one": TokenPrices(input=Decimal(2), output=Decimal(10), cached=Decimal("0.5"))})


def test_cached_tokens_are_cheaper_and_never_free():
    whole, cached = price(PAID, Tokens(10_000, 100), NONE), price(PAID, Tokens(10_000, 100, cached=9_000), NONE)
    assert price(PAID, Tokens(1_000, 100), NONE) < cached < whole


def test_reasoning_is_billed_with_the_output_once():
    assert price(PAID, Tokens(10, 500, reasoning=400), NONE) == price(PAID, Tokens(10, 500), NONE)
    assert price(PAID, Tokens(10, 0, reasoning=400), NONE) == price(PAID, Tokens(10, 400), NONE)


def test_what_a_provider_counts_beside_its_input_is_billed_too():
    assert price(PAID, Tokens(0, 0, cached=5_000), NONE) == price(PAID, Tokens(5_000, 0, cached=5_000), NONE) > 0


def test_writing_to_the_cache_costs_what_the_provider_takes_for_it():
    assert price(TIERED, Tokens(1_000, 0, cache_write=1_000), NONE) > price(TIERED, Tokens(1_000, 0), NONE)


def test_embeddings_have_a_price_without_output():
    assert price("openai:text-embedding-3-small", Tokens(1_000_000), NONE) == Decimal("0.02")
    assert worst_price("openai:text-embedding-3-small", 1_000_000, 0, NONE) == Decimal("0.02")


@pytest.mark.parametrize(
    "model",
    ["openai:gpt-nonsense", "nowhere:gpt-5-mini", "ollama:llama3", "gpt-5-mini", "", ":", "openai:",
     "openai:text-embedding-3-small"],
)  # fmt: skip
def test_an_unknown_price_refuses(model: str):
    for ask in (
        lambda: price(model, Tokens(10, 10), NONE),
        lambda: worst_price(model, 10, 10, NONE),
    ):
        with pytest.raises(UnknownPrice, match="unknown"):
            ask()


def test_the_remedy_names_the_model_and_both_settings():
    with pytest.raises(UnknownPrice, match=r"openai:mine .*models\.prices\.override.*models\.prices\.free"):
        price("openai:mine", Tokens(1, 1), NONE)


def test_a_model_declared_free_costs_nothing():
    local = ModelPrices(free=frozenset({"ollama:llama3"}))
    assert price("ollama:llama3", Tokens(10**9, 10**9), local) == worst_price("ollama:llama3", 10**9, 10**9, local) == 0
    with pytest.raises(UnknownPrice):
        price("ollama:llama3.1", Tokens(1, 1), local)


def test_an_own_price_stands_before_the_table():
    assert price("acme:one", Tokens(1_000_000, 100_000, cached=400_000), OWN) == Decimal("2.4")
    assert worst_price("acme:one", 1_000_000, 100_000, OWN) == Decimal(3)
    dear = ModelPrices(override={PAID: TokenPrices(input=Decimal(1000), output=Decimal(1000))})
    assert price(PAID, Tokens(1_000, cached=1_000), dear) == Decimal(1)


def test_a_model_cannot_be_free_and_have_a_price():
    with pytest.raises(ValidationError, match="acme:one is declared free and has a price"):
        ModelPrices(free=frozenset({"acme:one"}), override=OWN.override)


@pytest.mark.parametrize("given", [{"input": -1, "output": 1}, {"input": 1}, {"input": 1, "output": 1, "thinking": 1}])
def test_an_own_price_must_be_whole(given: dict[str, int]):
    with pytest.raises(ValidationError):
        ModelPrices.model_validate({"override": {"acme:one": given}})


@pytest.mark.parametrize(
    "model",
    [PAID, TIERED, "google_genai:gemini-2.5-pro", "deepseek:deepseek-chat", "perplexity:sonar-reasoning-pro",
     "azure_openai:gpt-5-mini", "bedrock_converse:anthropic.claude-sonnet-4-5-20250929-v1:0", "mistralai:mistral-large-latest"],
)  # fmt: skip
@pytest.mark.parametrize("size", [(1, 1), (1_000, 5_000), (199_999, 9), (400_000, 60_000)])
def test_the_worst_case_is_never_cheaper_than_what_was_used(model: str, size: tuple[int, int]):
    into, out = size
    worst = worst_price(model, into, out, NONE)
    for tokens in (
        Tokens(into, out),
        Tokens(into, out, cached=into),
        Tokens(into, out, cache_write=into),
        Tokens(into, out, cached=into // 2, reasoning=out, cache_write=into - into // 2),
        Tokens(into, 0),
    ):
        assert Decimal(0) < price(model, tokens, NONE) <= worst

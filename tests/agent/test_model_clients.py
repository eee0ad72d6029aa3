"""What providers' clients are made with, and what is read from their messages."""

import sys
from types import ModuleType
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from agent.models.clients import chat_model
from agent.models.failures import NoClient
from agent.models.policy import ModelPolicy
from agent.models.reading import reply_of
from agent.prices import Tokens


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("openai:gpt-4.1-mini", 900),
        ("openai:gpt-5-mini", 3600),
        ("openai:gpt-5.2", 3600),
        ("openai:gpt-5-chat-latest", 900),
        ("openai:o4-mini", 3600),
        ("openai:openai/gpt-5", 3600),
        ("openai:llama-3", 900),
        ("anthropic:claude-sonnet-4-5", 900),
        ("google_genai:gemini-2.0-flash", 900),
        ("google_genai:gemini-2.5-flash", 3600),
        ("google_genai:gemini-3-pro", 3600),
    ],
)
def test_models_that_think_may_say_more(model: str, tokens: int):
    assert ModelPolicy(default=model).most_output(model) == tokens


@pytest.mark.parametrize(
    ("model", "base_url", "effort"),
    [
        ("openai:gpt-5-mini", "", "low"),
        ("openai:o4-mini", "https://api.openai.com/v1", "low"),
        ("openai:gpt-5-mini", "http://llm.internal/v1", None),
        ("openai:gpt-4.1-mini", "", None),
    ],
)
def test_openais_own_server_is_asked_to_think_little(
    model: str, base_url: str, effort: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    made: Any = chat_model(model, ModelPolicy(default=model, base_url=base_url))
    assert made.reasoning_effort == effort
    assert made.max_retries == 0


def test_googles_client_is_told_not_to_retry_in_its_own_way(monkeypatch: pytest.MonkeyPatch):
    """It takes 0 for its default of five, and 1 for the first request alone."""

    class ChatGoogleGenerativeAI:
        def __init__(self, **given: Any) -> None:
            self.given = given

    package = ModuleType("langchain_google_genai")
    package.ChatGoogleGenerativeAI = ChatGoogleGenerativeAI  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "langchain_google_genai", package)
    made: Any = chat_model("google_genai:gemini-2.0-flash", ModelPolicy())
    assert made.given["max_retries"] == 1
    assert "temperature" not in made.given


def test_a_model_that_cannot_be_made_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(NoClient, match="is its key set"):
        chat_model("openai:gpt-4.1", ModelPolicy())
    with pytest.raises(NoClient, match="its name right"):
        chat_model("nobody:model", ModelPolicy())


@pytest.mark.parametrize(
    ("model", "host", "masks"),
    [
        ("ollama:qwen3", "", False),
        ("ollama:qwen3", "127.0.0.1:11434", False),
        ("ollama:qwen3", "http://ollama:11434", False),
        ("ollama:qwen3", "https://ollama.example.com", True),
        ("ollama:qwen3", "8.8.8.8:11434", True),
        ("ollama:qwen3", "http://[::1", True),
        ("ollama:gpt-oss:120b-cloud", "", True),
        ("ollama:glm-4.6:cloud", "", True),
    ],
)
def test_names_are_hidden_from_an_ollama_that_is_elsewhere(
    model: str, host: str, masks: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert ModelPolicy(default=model).masks(model) == masks


@pytest.mark.parametrize("url", ["8.8.8.8:8000/v1", "http://[::1", "https://"])
def test_an_address_that_cannot_be_read_is_elsewhere(url: str):
    assert ModelPolicy(default="openai:small", base_url=url).masks("openai:small")


def message(**about: Any) -> AIMessage:
    return AIMessage(**{"content": "{}", **about})


def usage(**counts: Any) -> dict[str, Any]:
    return {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120, **counts}


@pytest.mark.parametrize(
    ("counted", "tokens"),
    [
        ({}, Tokens(100, 20)),
        ({"input_token_details": {"cache_read": 30, "cache_creation": 40}}, Tokens(100, 20, 30, 0, 40)),
        (
            {"input_token_details": {"cache_creation": 0, "ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 7}},
            Tokens(100, 20, cache_write=57),
        ),
        ({"output_token_details": {"reasoning": 15}}, Tokens(100, 20, reasoning=15)),
        ({"input_token_details": {"cache_read": -1}}, None),
        ({"output_tokens": -1}, None),
        ({"output_tokens": 0}, None),
        ({"input_tokens": 10**9 + 1}, None),
    ],
)  # fmt: skip
def test_tokens_are_read_whole_or_not_at_all(counted: dict[str, Any], tokens: Tokens | None):
    assert reply_of(message(usage_metadata=usage(**counted))).tokens == tokens


def test_a_forced_tool_counts_for_more_than_the_talk_before_it():
    call = {"name": "Answer", "args": {"cause": "yes"}, "id": "1"}
    said = message(content=[{"type": "text", "text": "I will answer."}], tool_calls=[call])
    assert reply_of(said).text == '{"cause": "yes"}'


def test_a_refusal_is_known_in_either_providers_words():
    assert reply_of(message(additional_kwargs={"refusal": "no"})).refusal
    assert reply_of(message(response_metadata={"stop_reason": "refusal"})).refusal
    assert not reply_of(message(response_metadata={"stop_reason": "end_turn"})).refusal

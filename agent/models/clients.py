"""Chat models by their strings, made once each; a provider's package loads when it is used."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from agent.models.policy import ModelPolicy

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_EXTRAS = {"openai": "openai", "anthropic": "anthropic", "google_genai": "google", "ollama": "ollama"}


def chat_model(model: str, policy: ModelPolicy) -> "BaseChatModel":
    """Raises ``ImportError`` with the remedy where the provider's package is missing, ``ValueError`` for no provider."""
    try:
        return _made(model, policy.base_url, policy.timeout_seconds, policy.most_output_tokens, policy.temperature)
    except ImportError as error:
        provider = model.partition(":")[0]
        extra = _EXTRAS.get(provider, provider)
        raise ImportError(f"{model} needs a package: pip install 'probable-cause[{extra}]'") from error


@cache
def _made(model: str, base_url: str, timeout: float, most_output: int, temperature: float | None) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    provider = model.partition(":")[0]
    given: dict[str, Any] = {"max_retries": 0, "timeout": timeout, "max_tokens": most_output}
    if temperature is not None:
        given["temperature"] = temperature
    if provider == "ollama":  # other names for the same things
        given = {"num_predict": most_output, "client_kwargs": {"timeout": timeout}, "temperature": temperature or 0.0}
    if provider == "openai":
        # The interface that every compatible server has.
        given |= {"use_responses_api": False}
        if base_url:
            given |= {"base_url": base_url, "api_key": os.environ.get("OPENAI_API_KEY") or "none"}
    made: BaseChatModel = init_chat_model(model, **given)
    return made

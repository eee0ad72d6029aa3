"""Chat models by their strings, made once each; a provider's package loads when it is used."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from agent.models.failures import NoClient
from agent.models.policy import ModelPolicy
from agent.models.reading import Reply, cut_reply_of, reply_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableSequence

Turn = tuple[str, str]  # who (system, user, assistant) and what

_EXTRAS = {"openai": "openai", "anthropic": "anthropic", "google_genai": "google", "ollama": "ollama"}


def invoke(model: str, policy: ModelPolicy, turns: Sequence[Turn], schema: Mapping[str, Any]) -> Reply:
    """One request, which blocks; with the synchronous client, since every investigation has a loop of its own and a
    client outlives them. Raises ``NoClient``, and what the provider's client raises."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    made = chat_model(model, policy)
    kinds: dict[str, Callable[[str], BaseMessage]] = {
        "user": HumanMessage,
        "assistant": AIMessage,
        # Anthropic keeps what is marked; the others do so by themselves or ignore it.
        "system": lambda text: SystemMessage(
            [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
            if model.startswith("anthropic:") else text
        ),
    }  # fmt: skip
    provider = model.partition(":")[0]
    how: dict[str, Any] = {"method": "json_schema"} if provider in ("openai", "ollama") else {}
    # Only the first step, without the parser after it: what does not fit is wanted as text. To have LangChain hand over
    # both would cost a thread of an executor, for which Python waits at its end.
    structured = cast("RunnableSequence[Any, Any]", made.with_structured_output(dict(schema), **how))
    try:
        return reply_of(structured.first.invoke([kinds[who](text) for who, text in turns]))
    except Exception as error:
        cut = getattr(error, "completion", None)  # it ran into the limit of its answer
        if cut is None:
            raise
        return cut_reply_of(cut)


def chat_model(model: str, policy: ModelPolicy) -> "BaseChatModel":
    """Raises ``NoClient`` with the remedy where the provider or its package is missing, or its key is."""
    provider = model.partition(":")[0]
    most_output = policy.most_output(model)
    try:
        return _made(
            model, policy.base_url, policy.timeout_seconds, most_output, policy.temperature, policy.thinks_little(model)
        )
    except ImportError as error:
        extra = _EXTRAS.get(provider, provider)
        raise NoClient(f"{model} needs a package: pip install 'probable-cause[{extra}]'") from error
    except Exception as error:  # of any kind: each provider checks in a way of its own, and none has sent anything yet
        kind = type(error).__name__
        raise NoClient(f"no client can be made for it ({kind}): is its key set, and its name right?") from error


@cache
def _made(
    model: str, base_url: str, timeout: float, most_output: int, temperature: float | None, thinks_little: bool
) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    provider = model.partition(":")[0]
    given: dict[str, Any] = {"max_retries": 0, "timeout": timeout, "max_tokens": most_output}
    if provider == "ollama":  # other names for the same things
        given = {"num_predict": most_output, "client_kwargs": {"timeout": timeout}}
    if provider == "google_genai":
        given |= {"max_retries": 1}  # it counts the first request too, and takes 0 for its default of five
    if provider == "openai":
        # The interface that every compatible server has.
        given |= {"use_responses_api": False}
        if base_url:
            given |= {"base_url": base_url, "api_key": os.environ.get("OPENAI_API_KEY") or "none"}
        if thinks_little:
            given |= {"reasoning_effort": "low"}
    if temperature is not None:
        given |= {"temperature": temperature}
    made: BaseChatModel = init_chat_model(model, **given)
    return made

"""What a client gave back, read: the text, the tokens, a refusal; and the text in its shape."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agent.prices import Tokens

T = TypeVar("T", bound=BaseModel)
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_MOST_CHARACTERS = 50_000
_MOST_TOKENS = 10**9
# Anthropic's client counts what is kept for five minutes or an hour apart, and then leaves the first one at 0.
_CACHE_WRITES = ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


@dataclass(frozen=True, slots=True)
class Reply:
    """``tokens`` is None where the server did not count; ``refusal`` is "" where there was none; ``cut`` says that the
    answer ran into the limit of its length; ``model`` is who gave it where that was not the one asked now."""

    text: str
    tokens: Tokens | None = None
    refusal: str = ""
    cut: bool = False
    model: str = ""


def reply_of(message: Any) -> Reply:  # noqa: ANN401 - a message of LangChain, whatever a server put into it
    """From a model's message."""
    usage = message.usage_metadata or {}
    details = usage.get("input_token_details") or {}
    tokens = _tokens(
        input=usage.get("input_tokens"),
        output=usage.get("output_tokens"),
        cached=details.get("cache_read"),
        cache_writes=[details.get(name) for name in _CACHE_WRITES],
        reasoning=(usage.get("output_token_details") or {}).get("reasoning"),
    )
    refused = message.additional_kwargs.get("refusal") or message.response_metadata.get("stop_reason") == "refusal"
    return Reply(_kept(_text(message)), tokens, "the model refused to answer" if refused else "")


def cut_reply_of(completion: Any) -> Reply:  # noqa: ANN401 - a completion of OpenAI's client, which does not check it
    """From a completion that ran into the limit of its answer."""
    usage = completion.usage
    tokens = _tokens(
        input=getattr(usage, "prompt_tokens", None),
        output=getattr(usage, "completion_tokens", None),
        cached=getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None),
        cache_writes=(),
        reasoning=getattr(getattr(usage, "completion_tokens_details", None), "reasoning_tokens", None),
    )
    return Reply(_kept(str(completion.choices[0].message.content or "")), tokens, cut=True)


def value_of(text: str, shape: type[T]) -> T | str:
    """The answer in its shape, or what is wrong with it, in a phrase. Fences and talk around the JSON are forgiven."""
    fenced = _FENCED.search(text)
    inner = fenced.group(1) if fenced else text[text.find("{") : text.rfind("}") + 1]
    try:
        return shape.model_validate_json(inner or text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"[:300]


def writable(text: str) -> str:
    """Without lone surrogates, which JSON can name, and neither UTF-8 nor SQLite can hold."""
    return text.encode("utf-8", "replace").decode()


def _kept(text: str) -> str:
    return writable(text[:_MOST_CHARACTERS])


def _text(message: Any) -> str:  # noqa: ANN401 - a message of LangChain
    """The arguments of the tool that it was made to call, which some models talk before; else what it said."""
    if message.tool_calls:
        return json.dumps(message.tool_calls[0]["args"])
    content = message.content
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return str(content)


def _tokens(*, input: Any, output: Any, cached: Any, cache_writes: Iterable[Any], reasoning: Any) -> Tokens | None:  # noqa: ANN401 - as the server counted
    """None where they cannot be what was used: servers say nothing, 0, -1, 0.5 and 1e30."""
    try:
        tokens = Tokens(
            _count(input), _count(output), _count(cached), _count(reasoning), sum(map(_count, cache_writes))
        )
    except ValueError:
        return None
    return tokens if tokens.input and tokens.output else None


def _count(value: Any) -> int:  # noqa: ANN401 - as the server counted
    """None is 0. Raises ``ValueError`` for what is no count."""
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_TOKENS:
        raise ValueError(f"{value!r} is no count of tokens")
    return value

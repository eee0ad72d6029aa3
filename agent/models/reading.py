"""What a client gave back, read: the text, the tokens, a refusal; and the text in its shape."""

import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agent.prices import Tokens

T = TypeVar("T", bound=BaseModel)
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_MOST_CHARACTERS = 50_000


@dataclass(frozen=True, slots=True)
class Reply:
    """``tokens`` is None where the server did not count; ``refusal`` is "" where there was none; ``cut`` says that the
    answer ran into the limit of its length."""

    text: str
    tokens: Tokens | None = None
    refusal: str = ""
    cut: bool = False


def reply_of(given: Any) -> Reply:  # noqa: ANN401 - what LangChain or OpenAI's client hands over
    """From ``with_structured_output(include_raw=True)``, or from a completion that was cut off."""
    if not isinstance(given, dict):
        usage = getattr(given, "usage", None)
        read = getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", 0) or 0
        thought = getattr(getattr(usage, "completion_tokens_details", None), "reasoning_tokens", 0) or 0
        tokens = Tokens(usage.prompt_tokens, usage.completion_tokens, read, thought) if usage else None
        return Reply(str(given.choices[0].message.content or "")[:_MOST_CHARACTERS], tokens, cut=True)
    raw, parsed = given["raw"], given.get("parsed")
    text = json.dumps(parsed) if isinstance(parsed, dict) else _text(raw)
    refusal = "the model refused to answer" if raw.additional_kwargs.get("refusal") else ""
    return Reply(text[:_MOST_CHARACTERS], _tokens(raw.usage_metadata), refusal)


def value_of(text: str, shape: type[T]) -> T | str:
    """The answer in its shape, or what is wrong with it, in a phrase. Fences and talk around the JSON are forgiven."""
    fenced = _FENCED.search(text)
    inner = fenced.group(1) if fenced else text[text.find("{") : text.rfind("}") + 1]
    try:
        return shape.model_validate_json(inner or text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"[:300]


def _text(raw: Any) -> str:  # noqa: ANN401 - a message of LangChain
    content = raw.content
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    if not content and raw.tool_calls:
        content = json.dumps(raw.tool_calls[0]["args"])
    return str(content)


def _tokens(usage: Any) -> Tokens | None:  # noqa: ANN401 - LangChain's usage metadata
    if not usage or not usage.get("input_tokens"):
        return None
    return Tokens(
        input=usage["input_tokens"],
        output=usage.get("output_tokens", 0),
        cached=(usage.get("input_token_details") or {}).get("cache_read", 0) or 0,
        cache_write=(usage.get("input_token_details") or {}).get("cache_creation", 0) or 0,
        reasoning=(usage.get("output_token_details") or {}).get("reasoning", 0) or 0,
    )

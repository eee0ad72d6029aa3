"""The settings of language models: names only, no key. Every provider reads its own key from its own variable."""

import ipaddress
import os
import re
from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from agent.prices import ModelPrices

# Models that think before they answer unless told not to; what they think counts as output.
_THINKING = re.compile(
    r"openai:(?:\S*/)?(?:o\d|gpt-[5-9](?!.*(?:chat|search)))|google_genai:(?:\S*/)?gemini-(?:2\.[5-9]|[3-9])"
)
_THINKING_FACTOR = 4
_OPENAI = "api.openai.com"


class ReasonerChoice(StrEnum):
    """Who weighs: ``auto`` asks a model only where the statistics leave the leading causes close together."""

    AUTO = "auto"
    STATISTICAL = "statistical"
    LLM = "llm"


class Part(StrEnum):
    """What a model is asked for; each may have a model of its own, and each has its prompt file."""

    DIAGNOSE = "diagnose"
    READ_CHANGE = "read_change"
    CONCLUDE = "conclude"
    ASK = "ask"


class ModelPolicy(BaseModel):
    """Models as ``init_chat_model`` names them (``openai:gpt-5-mini``, ``ollama:qwen3``).

    ``default`` "" means none. ``parts`` gives a part a model of its own, ``fallbacks`` are tried in order where one fails;
    after the last the statistics answer. ``base_url`` is an OpenAI-compatible server (vLLM, llama.cpp, a proxy); its
    variable is ``OPENAI_BASE_URL``. ``mask`` hides host names, addresses and ``mask_names``: for remote models by default.

    ``temperature`` is sent only where it is set: models that think refuse any but their own. ``most_output_tokens`` is
    for what a model says; one that thinks first may use four times as many (``most_output``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: str = Field(default="", pattern=r"^$|^[\w-]+:\S+$")
    parts: dict[Part, str] = Field(default_factory=dict)
    fallbacks: tuple[str, ...] = ()
    base_url: str = ""
    timeout_seconds: float = Field(default=30.0, gt=0, le=120)
    most_output_tokens: int = Field(default=900, ge=64, le=16_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    prices: ModelPrices = ModelPrices()
    mask: bool | None = None
    mask_names: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is a model at all."""
        return bool(self.default or self.parts)

    def chain(self, part: Part) -> tuple[str, ...]:
        """The models that are tried for a part, in order, each once."""
        first = self.parts.get(part) or self.default
        return tuple(dict.fromkeys((first, *self.fallbacks))) if first else ()

    def masks(self, model: str) -> bool:
        """Whether names are hidden from this model: from every one that is not on this network, unless it is said."""
        return self.mask if self.mask is not None else not self._local(model)

    def most_output(self, model: str) -> int:
        """The tokens that an answer of this model may have, its thinking included: asked for, and reserved."""
        return self.most_output_tokens * (_THINKING_FACTOR if _THINKING.match(model) else 1)

    def thinks_little(self, model: str) -> bool:
        """Whether this model thinks, and its server is known to take a request to do so briefly: OpenAI's own."""
        own = not self.base_url or _host(self.base_url) == _OPENAI
        return own and model.startswith("openai:") and bool(_THINKING.match(model))

    def _local(self, model: str) -> bool:
        provider = model.partition(":")[0]
        if provider == "openai":
            return bool(self.base_url) and _on_this_network(self.base_url)
        # Ollama passes some models on to its makers, and its client follows a variable.
        away = model.endswith(("-cloud", ":cloud"))
        return provider == "ollama" and not away and _on_this_network(os.environ.get("OLLAMA_HOST") or "localhost")


def _on_this_network(url: str) -> bool:
    host = _host(url)
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return bool(host) and ("." not in host or host.endswith((".local", ".internal", ".svc")))


def _host(url: str) -> str:
    """In lower case; "" where there is none. The scheme may be missing."""
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""

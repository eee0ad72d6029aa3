"""The settings of language models: names only, no key. Every provider reads its own key from its own variable."""

import ipaddress
from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from agent.prices import ModelPrices


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


class ModelPolicy(BaseModel):
    """Models as ``init_chat_model`` names them (``openai:gpt-5-mini``, ``ollama:qwen3``).

    ``default`` "" means none. ``parts`` gives a part a model of its own, ``fallbacks`` are tried in order where one fails;
    after the last the statistics answer. ``base_url`` is an OpenAI-compatible server (vLLM, llama.cpp, a proxy); its
    variable is ``OPENAI_BASE_URL``. ``mask`` hides host names, addresses and ``mask_names``: for remote models by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: str = Field(default="", pattern=r"^$|^[\w-]+:\S+$")
    parts: dict[Part, str] = Field(default_factory=dict)
    fallbacks: tuple[str, ...] = ()
    base_url: str = ""
    timeout_seconds: float = Field(default=30.0, gt=0, le=120)
    most_output_tokens: int = Field(default=900, ge=64, le=16_000)
    temperature: float | None = Field(default=0.0, ge=0, le=2)
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

    def _local(self, model: str) -> bool:
        provider = model.partition(":")[0]
        if provider == "openai":
            return bool(self.base_url) and _on_this_network(self.base_url)
        return provider == "ollama"


def _on_this_network(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".internal", ".svc"))

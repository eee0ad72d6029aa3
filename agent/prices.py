"""What a model call costs, in US dollars: the settings' own prices over those of ``genai-prices``, which needs no network.

A model without a price is refused, unless it is declared free: a missing price is no price of zero.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices

_MILLION = 1_000_000
_LONGEST_CALL = timedelta(hours=1)  # what is asked for now may be billed by the prices that begin within it


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider counted: ``cached`` (read from its cache) and ``cache_write`` (written to it) are parts of
    ``input``, ``reasoning`` is a part of ``output``. Of a call with retries: all its attempts together."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    cache_write: int = 0


class UnknownPrice(LookupError):  # noqa: N818 - said as one says it
    """Nobody knows what the model costs, so it is not asked; the message says how to mend that."""


class TokenPrices(BaseModel):
    """US dollars per million tokens; ``cached`` None is as dear as ``input``. Of an embedding ``output`` is 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cached: Decimal | None = Field(default=None, ge=0)


class ModelPrices(BaseModel):
    """Prices of one's own by model (``provider:name``), and the models that cost nothing, as local ones do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    free: frozenset[str] = frozenset()
    override: dict[str, TokenPrices] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_answer_a_model(self) -> Self:
        both = sorted(self.free & self.override.keys())
        if both:
            raise ValueError(f"{', '.join(both)} is declared free and has a price; keep one of the two")
        return self


def price(model: str, tokens: Tokens, settings: ModelPrices) -> Decimal:
    """What was used, in US dollars. Raises ``UnknownPrice``."""
    if model in settings.free:
        return Decimal(0)
    # Some providers count what was cached or thought beside the rest; nothing is billed less than once.
    read, written = max(tokens.cached, 0), max(tokens.cache_write, 0)
    total_in = max(tokens.input, read + written)
    total_out = max(tokens.output, tokens.reasoning)
    if own := settings.override.get(model):
        cached = own.input if own.cached is None else own.cached
        return (own.input * (total_in - read) + cached * read + own.output * total_out) / _MILLION
    from genai_prices import Usage

    known = _known(model, datetime.now(UTC), needs_output=total_out > 0)
    usage = Usage(input_tokens=total_in, output_tokens=total_out, cache_read_tokens=read)
    usage += Usage(cache_write_tokens=written, output_reasoning_tokens=max(tokens.reasoning, 0))
    return known.calc_price(usage)["total_price"]


def worst_price(model: str, input_tokens: int, output_tokens: int, prices: ModelPrices) -> Decimal:
    """The most that a call of this size can cost, in US dollars: nothing is read from a cache, all is written to one
    where that is dearer, and the dearest tier counts. Raises ``UnknownPrice``."""
    if model in prices.free:
        return Decimal(0)
    if own := prices.override.get(model):
        dearest = max(own.input, own.cached or Decimal(0))
        return (dearest * input_tokens + own.output * output_tokens) / _MILLION
    now = datetime.now(UTC)
    return max(
        _worst(_known(model, at, needs_output=output_tokens > 0), input_tokens, output_tokens)
        for at in (now, now + _LONGEST_CALL)
    )


def _known(model: str, at: datetime, needs_output: bool) -> "ModelPrice":
    """The table's prices of a model at a time; each that is needed is there and more than zero."""
    from genai_prices import data_snapshot

    provider, _, name = model.partition(":")
    if not name:
        raise UnknownPrice(f"the price of {model!r} is unknown: write the model as provider:name")
    try:
        _, found = data_snapshot.get_snapshot().find_provider_model(name, None, provider, None)
    except LookupError as error:
        raise UnknownPrice(_remedy(model)) from error
    known = found.get_prices(at)
    if not known.input_mtok or (needs_output and not known.output_mtok):
        raise UnknownPrice(_remedy(model))
    return known


def _remedy(model: str) -> str:
    return (
        f"the price of {model} is unknown, so it is not asked: give its price per million tokens in pcause.yaml "
        f"(models.prices.override), or declare it free (models.prices.free) if it runs on your own machines"
    )


def _worst(known: "ModelPrice", input_tokens: int, output_tokens: int) -> Decimal:
    dearest_in = max(_dearest(known.input_mtok), _dearest(known.cache_write_mtok), _dearest(known.cache_read_mtok))
    dearest_out = max(_dearest(known.output_mtok), _dearest(known.output_reasoning_mtok))
    request = _dearest(known.requests_kcount) / 1_000
    return (dearest_in * input_tokens + dearest_out * output_tokens) / _MILLION + request


def _dearest(price: "Decimal | TieredPrices | None") -> Decimal:
    if price is None or isinstance(price, Decimal):
        return price or Decimal(0)
    return max(price.base, *(tier.price for tier in price.tiers))

"""What doors read and write: JSON from a file or standard input, text to a file, a budget from an option."""

import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path

from agent.settings import Settings

_MAX_ALERT_BYTES = 1_000_000


class InputError(ValueError):
    """Something given on the command line cannot be used; the message says what and how to mend it."""


def read_json(source: str | Path) -> object:
    """JSON of a file, or of standard input for "-"."""
    try:
        raw = sys.stdin.buffer.read(_MAX_ALERT_BYTES + 1) if str(source) == "-" else Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the alert {source}: {error.strerror or error}") from error
    if len(raw) > _MAX_ALERT_BYTES:
        raise InputError(f"the alert {source} is larger than {_MAX_ALERT_BYTES:,} bytes; an alert is one JSON object")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the alert {source} is no JSON: {error}") from error


def write_text(path: Path, text: str) -> None:
    """Write a file, or say in one line why it cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def with_models(settings: Settings, reasoner: str, model: str) -> Settings:
    """The settings with another reasoner and another model; "" leaves what they say."""
    from agent.models.policy import ModelPolicy, ReasonerChoice

    if reasoner:
        try:
            settings = settings.model_copy(update={"reasoner": ReasonerChoice(reasoner)})
        except ValueError as error:
            raise InputError(f"--reasoner {reasoner!r}: use one of {', '.join(ReasonerChoice)}") from error
    if model:
        try:
            models = ModelPolicy.model_validate({**settings.models.model_dump(), "default": model})
        except ValueError as error:
            raise InputError(f"--model {model!r}: write it like openai:gpt-5-mini or ollama:qwen3") from error
        settings = settings.model_copy(update={"models": models})
    if settings.reasoner is ReasonerChoice.LLM and not settings.models.any:
        raise InputError(
            "--reasoner llm needs a model: --model openai:NAME, PCAUSE_MODEL, or models.default in pcause.yaml"
        )
    return settings


def with_budget(settings: Settings, budget_usd: str | None) -> Settings:
    """The settings with another ceiling in US dollars."""
    if budget_usd is None:
        return settings
    try:
        usd = Decimal(budget_usd)
    except InvalidOperation as error:
        raise InputError(f"--budget-usd {budget_usd!r} is no amount of dollars; write it like 0.50") from error
    if not usd.is_finite() or usd < 0:
        raise InputError(f"--budget-usd {budget_usd} must be zero or more")
    return settings.model_copy(update={"ceilings": settings.ceilings.model_copy(update={"usd": usd})})

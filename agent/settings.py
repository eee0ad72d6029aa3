"""Settings: environment (``PCAUSE_…``) over ``pcause.yaml`` over defaults. The only reader of either."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class SettingsError(ValueError):
    """A setting cannot be used; the message names it, its value, and what would be right."""


class Ceilings(BaseModel):
    """What one investigation may use at most. ``points`` are samples, log lines, spans and changes read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool_calls: int = Field(default=200, ge=1)
    points: int = Field(default=20_000_000, ge=1)
    seconds: float = Field(default=120.0, gt=0)
    usd: Decimal = Field(default=Decimal("0.50"), ge=0)


class Settings(BaseModel):
    """``home`` holds the ledger, the checkpoints and the evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    ceilings: Ceilings = Ceilings()
    max_rounds: int = Field(default=4, ge=1, le=20)


_ENVIRONMENT = {
    "PCAUSE_HOME": ("home",),
    "PCAUSE_MAX_ROUNDS": ("max_rounds",),
    "PCAUSE_BUDGET_USD": ("ceilings", "usd"),
    "PCAUSE_CEILING_TOOL_CALLS": ("ceilings", "tool_calls"),
    "PCAUSE_CEILING_POINTS": ("ceilings", "points"),
    "PCAUSE_CEILING_SECONDS": ("ceilings", "seconds"),
}


def load_settings() -> Settings:
    """Read and validate everything. Raises ``SettingsError``."""
    merged: dict[str, Any] = {"home": user_data_path("probable-cause"), **_from_file()}
    for name, path in _ENVIRONMENT.items():
        value = os.environ.get(name)
        if not value:
            continue
        place = merged
        for part in path[:-1]:
            place[part] = dict(place.get(part) or {})
            place = place[part]
        place[path[-1]] = value
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingsError(
            f"setting {where} = {first.get('input')!r} is not usable: {first['msg'].lower()}"
        ) from error
    return settings.model_copy(update={"home": settings.home.expanduser()})


def _from_file() -> dict[str, Any]:
    """``PCAUSE_CONFIG``, else ``pcause.yaml`` in the current folder, else nothing."""
    named = os.environ.get("PCAUSE_CONFIG")
    path = Path(named) if named else Path("pcause.yaml")
    if not named and not path.exists():
        return {}
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"cannot read the settings file {path}: {error}") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise SettingsError(f"the settings file {path} must hold keys and values, not {type(raw).__name__}")
    return raw

"""The shapes in which a model answers. Every list is read to a limit, every id is checked against what was shown."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from diagnosis.findings import FaultKind
from tools.spec import ExtraTool, ToolName


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AskedTool(StrEnum):
    """What a model may ask: tools whose answers are read by people and models, and take names of the call graph only."""

    SEARCH_LOGS = ToolName.SEARCH_LOGS.value
    COMPARE_LOGS = ExtraTool.COMPARE_LOGS.value
    LIST_TARGETS = ExtraTool.LIST_TARGETS.value
    LIST_FIRING = ExtraTool.LIST_FIRING.value


class Weight(_Answer):
    hypothesis: str
    support: int = Field(ge=-2, le=2)
    findings: list[str]


class Added(_Answer):
    entity: str
    fault_kind: FaultKind
    change: str
    findings: list[str]


class Asked(_Answer):
    tool: AskedTool
    entities: list[str]


class Weighing(_Answer):
    """The answer of ``diagnose``."""

    weights: list[Weight]
    added: list[Added]
    ask: list[Asked]


class Reading(_Answer):
    change: str
    produces: Literal["yes", "no", "unclear"]
    quote: str


class Readings(_Answer):
    """The answer of ``read_change``."""

    readings: list[Reading]


class Statement(_Answer):
    claim: str
    sentence: str


class Narrative(_Answer):
    """The answer of ``conclude``."""

    statements: list[Statement]

"""The shapes in which a model answers. Every list is read to a limit, every id is checked against what was shown."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from diagnosis.findings import FaultKind
from tools.spec import ExtraTool, ToolName


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _up_to(**limits: int) -> Any:  # noqa: ANN401 - what pydantic's Field gives
    """A limit that a model is told of and that small ones need to end; more than that is cut and not refused."""
    return Field(json_schema_extra=dict(limits))


Id = Annotated[str, _up_to(maxLength=80)]
Ids = Annotated[list[Id], _up_to(maxItems=6)]


class AskedTool(StrEnum):
    """What a model may ask: tools whose answers are read by people and models, and take names of the call graph only."""

    SEARCH_LOGS = ToolName.SEARCH_LOGS.value
    COMPARE_LOGS = ExtraTool.COMPARE_LOGS.value
    LIST_TARGETS = ExtraTool.LIST_TARGETS.value
    LIST_FIRING = ExtraTool.LIST_FIRING.value


class Weight(_Answer):
    hypothesis: Id
    support: int = Field(ge=-2, le=2)
    findings: Ids


class Added(_Answer):
    entity: Id
    fault_kind: FaultKind
    change: Id
    findings: Ids


class Asked(_Answer):
    tool: AskedTool
    entities: Ids


class Weighing(_Answer):
    """The answer of ``diagnose``."""

    weights: Annotated[list[Weight], _up_to(maxItems=8)]
    added: Annotated[list[Added], _up_to(maxItems=2)]
    ask: Annotated[list[Asked], _up_to(maxItems=3)]


class Reading(_Answer):
    change: Id
    produces: Literal["yes", "no", "unclear"]
    quote: Annotated[str, _up_to(maxLength=200)]


class Readings(_Answer):
    """The answer of ``read_change``."""

    readings: Annotated[list[Reading], _up_to(maxItems=2)]


class Statement(_Answer):
    claim: Id
    sentence: Annotated[str, _up_to(maxLength=300)]


class Narrative(_Answer):
    """The answer of ``conclude``."""

    statements: Annotated[list[Statement], _up_to(maxItems=6)]

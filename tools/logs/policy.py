"""What is read of a live system's logs and spans, and how much."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

AUTO = "auto"


class FieldNames(BaseModel):
    """Names of fields, with dots between objects, where they are not to be found by themselves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str = ""
    entity: str = ""
    severity: str = ""
    body: str = ""
    trace_id: str = ""
    span_id: str = ""


class LogPolicy(BaseModel):
    """``logs`` and ``spans`` are index patterns (names, aliases, data streams, wildcards); "auto" looks at all indices.

    Of a window at most ``most_lines`` log lines are read: more are sampled. ``page_lines`` is how many come in one
    answer; ``search_seconds`` is for all answers of one call together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    logs: tuple[str, ...] = (AUTO,)
    spans: tuple[str, ...] = (AUTO,)
    fields: FieldNames = FieldNames()
    most_lines: int = Field(default=60_000, ge=1_000, le=2_000_000)
    page_lines: int = Field(default=5_000, ge=10, le=10_000)
    search_seconds: float = Field(default=25.0, gt=0, le=120)

    @field_validator("logs", "spans")
    @classmethod
    def _patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if not pattern or pattern.startswith(("_", "-", "+")) or set(pattern) & set(' "\\<>|,/?#%:'):
                raise ValueError(f"{pattern!r} is no index pattern; write it like logs-otel-v1-*")
        return patterns or (AUTO,)

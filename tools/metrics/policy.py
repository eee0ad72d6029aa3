"""What is read of a Prometheus, and how much at most."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tools.metrics.entities import DIMENSION_LABELS, ENTITY_LABELS
from tools.metrics.promql import Match, NotAskable, equal, label_name
from tools.metrics.rows import FamilyRow


class MetricPolicy(BaseModel):
    """``entity_labels``: the first that a series has names its entity. ``catalogue``: rows that go before ours.
    ``matchers``: labels that all series must have, with their values, such as ``cluster: prod``.

    ``most_series`` and ``most_points`` bound one answer, ``most_queries`` the requests for it and ``deadline_seconds``
    the time until it is given with what came. ``target_points`` is the resolution of a series; a query never asks
    for more than ``most_points_per_query`` a series. ``most_samples`` is the weight of the heaviest query that is
    sent. A label of ``dimension_labels`` makes series of their own while it has ``most_dimension_values`` or fewer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity_labels: tuple[str, ...] = Field(default=ENTITY_LABELS, min_length=1)
    dimension_labels: tuple[str, ...] = DIMENSION_LABELS
    catalogue: tuple[FamilyRow, ...] = ()
    matchers: dict[str, str] = Field(default_factory=dict)
    most_series: int = Field(default=20_000, ge=1)
    most_points: int = Field(default=5_000_000, ge=1)
    most_queries: int = Field(default=400, ge=1)
    most_points_per_query: int = Field(default=11_000, ge=10, le=11_000)
    target_points: int = Field(default=1_500, ge=10)
    most_samples: int = Field(default=20_000_000, ge=1)
    most_dimension_values: int = Field(default=12, ge=0, le=100)
    deadline_seconds: float = Field(default=25.0, gt=0, le=110)
    look_back_seconds: float = Field(default=3 * 3600.0, gt=0)

    @field_validator("matchers")
    @classmethod
    def _labels(cls, matchers: dict[str, str]) -> dict[str, str]:
        for label in matchers:
            try:
                label_name(label)
            except NotAskable as error:
                raise ValueError(str(error)) from None
        return matchers

    @property
    def matches(self) -> tuple[Match, ...]:
        """``matchers`` as they stand in every selector."""
        return tuple(equal(label, value) for label, value in sorted(self.matchers.items()))

"""What an investigation was begun with, kept in its row: a resume and a replay go on with it, whatever is set by then."""

import json
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from agent.models.policy import ModelPolicy, ReasonerChoice
from agent.redaction import cut_secrets
from agent.settings import Ceilings, Settings


class Begun(BaseModel):
    """The settings that decide what a report says. None is what a row does not tell, as the first ones told ceilings only.

    A log-in in the address of a model's server is not kept.
    """

    model_config = ConfigDict(frozen=True)

    ceilings: Ceilings
    max_rounds: int | None = Field(default=None, ge=1)
    reasoner: ReasonerChoice | None = None
    models: ModelPolicy | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        models = settings.models.model_copy(update={"base_url": cut_secrets(settings.models.base_url)})
        return cls(
            ceilings=settings.ceilings, max_rounds=settings.max_rounds, reasoner=settings.reasoner, models=models
        )

    @classmethod
    def read(cls, row_settings: str) -> Self:
        """From the JSON of a row; a row of ceilings alone holds them bare. Raises ``pydantic.ValidationError``."""
        given = json.loads(row_settings)
        return cls.model_validate(given if "ceilings" in given else {"ceilings": given})

    def over(self, settings: Settings) -> Settings:
        """The settings with what it was begun with; a log-in that was not kept is the settings' own for the same address."""
        told = {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}
        address = settings.models.base_url
        if self.models is not None and cut_secrets(address) == self.models.base_url:
            told["models"] = self.models.model_copy(update={"base_url": address})
        return settings.model_copy(update=told)

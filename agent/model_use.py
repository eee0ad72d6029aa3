"""What language models had to do with an investigation, as a part of its state: strict, frozen, storable."""

from diagnosis.findings import Attribution, FaultKind, Model


class Statement(Model):
    """A sentence that a model wrote about one claim; it may say less than the claim, never more."""

    claim_id: str
    sentence: str


class ModelReading(Model):
    """What a model read out of the diff of a change: ``produces`` is yes, no or unclear, ``quote`` the line it rests on."""

    change_id: str
    produces: str
    quote: str = ""


class ModelWeight(Model):
    """What a model holds of a cause, in nats. The first four fields name the cause in every round, as no id does.

    ``sentence`` is "" for a hypothesis of the statistics, and what is told of a cause that the model adds.
    """

    attribution: Attribution
    entity: str
    fault_kind: FaultKind
    change_id: str
    nats: float
    reason: str
    sentence: str = ""


class ModelUse(Model):
    """What language models had to do with an investigation.

    ``note`` says in a line why they were asked or not, "" where there is none. ``asked`` names what they answered:
    part, model, and the digest of the prompt's wording. ``dropped`` counts what they said without support. ``readings``
    has every change that one was asked to read, ``weights`` the latest weighing: both count in all later rounds.
    """

    note: str = ""
    asked: tuple[tuple[str, str, str], ...] = ()
    dropped: int = 0
    readings: tuple[ModelReading, ...] = ()
    weights: tuple[ModelWeight, ...] = ()

    def times(self, part: str) -> int:
        """How often a part was answered."""
        return sum(name == part for name, _, _ in self.asked)

"""What a report says, as data: every rendering shows this and adds nothing."""

from agent.state import (
    Action,
    ActionResult,
    Alert,
    CeilingHit,
    Claim,
    Evidence,
    ModelUse,
    Prediction,
    RemovedClaim,
    Spend,
    Statement,
    Verification,
)
from diagnosis.findings import Attribution, FaultKind, Hop, Model, Remediation, RuledOut

NO_CAUSE = "No cause found"  # how a headline begins that names none


class SeriesView(Model):
    """A series for the eye: at most some 120 points, None where a sample is missing."""

    entity: str
    metric: str
    times: tuple[float, ...]
    values: tuple[float | None, ...]
    onset: float | None
    evidence_id: str


class ChangeView(Model):
    """A change as the report shows it."""

    id: str
    kind: str
    time: float
    entity: str
    title: str
    author: str
    guilty: bool


class TimelineEntry(Model):
    time: float
    label: str
    kind: str
    claim_id: str = ""


class NodeView(Model):
    """A service in the drawn path: ``role`` is cause, path, symptom or affected."""

    name: str
    role: str
    deviation: str = ""


class HypothesisView(Model):
    """A possible cause as the report shows it; ``attribution`` says what it blames."""

    sentence: str
    probability: float
    attribution: Attribution
    reasons: tuple[str, ...]
    identity: str = ""


class Report(Model):
    """Everything that the renderings show; they add nothing. Times are epoch seconds."""

    schema_version: int
    investigation_id: str
    title: str
    headline: str
    alert: Alert
    cause_found: bool
    nothing_wrong: bool
    probability: float
    fault_kind: FaultKind
    first_failing: str
    change: ChangeView | None
    change_quote: str
    remediation: Remediation
    onset: float | None
    blast_radius: tuple[str, ...]
    path: tuple[Hop, ...]
    nodes: tuple[NodeView, ...]
    claims: tuple[Claim, ...]
    removed_claims: tuple[RemovedClaim, ...]
    hypotheses: tuple[HypothesisView, ...]
    ruled_out: tuple[RuledOut, ...]
    blind_spots: tuple[str, ...]
    next_steps: tuple[Action, ...]
    action_results: tuple[ActionResult, ...]
    verification: Verification | None
    prediction: Prediction | None
    series: tuple[SeriesView, ...]
    changes: tuple[ChangeView, ...]
    timeline: tuple[TimelineEntry, ...]
    evidence: tuple[Evidence, ...]
    ceiling: CeilingHit | None
    spend: Spend
    reasoner: str
    statements: tuple[Statement, ...] = ()
    model_use: ModelUse = ModelUse()
    window_start: float
    window_end: float
    created_at: float

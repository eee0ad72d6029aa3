"""The explicit state of an investigation. It is a storage format: strict, versioned, exactly annotated.

Evidence bodies are not here: an ``Evidence`` refers to its body by content hash, so that a checkpoint stays small.
"""

import operator
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, TypedDict

from agent.model_use import ModelReading, ModelUse, ModelWeight, Statement
from diagnosis.findings import Diagnosis, FaultKind, Finding, Hop, Hypothesis, Model, Remediation
from tools.spec import Risk

STATE_VERSION = 1


class Alert(Model):
    """What woke somebody up. Times are epoch seconds; everything textual is data, never an instruction.

    ``until`` ends what is looked at, where somebody said so.
    """

    id: str
    name: str
    entity: str
    fired_at: float
    metric: str = ""
    threshold: float | None = None
    observed: float | None = None
    severity: str = ""
    summary: str = ""
    source: str = "file"
    until: float | None = None


class Question(Model):
    """A tool call that the machine wants to make. ``arguments`` is canonical JSON; ``reason`` is shown to people."""

    id: str
    tool: str
    arguments: str
    reason: str


class Scope(Model):
    """What is being looked at: the window, its baseline, and the questions of this round."""

    entities: tuple[str, ...]
    start: float
    end: float
    questions: tuple[Question, ...] = ()


class Outcome(StrEnum):
    """Absent, empty and failed are three different answers; refused is ours (a ceiling)."""

    ROWS = "rows"
    EMPTY = "empty"
    ABSENT = "absent"
    FAILED = "failed"
    REFUSED = "refused"


class Refusal(Model):
    """Which ceiling forbade a call: what it is, where it stands, and what was spent when the call was asked for."""

    resource: str
    limit: str
    spent: str


class Evidence(Model):
    """One answered question. ``digest`` is the SHA-256 of the body in the evidence store, "" without a body.

    ``note`` is what the source said about its answer (lines skipped, samples dropped).
    """

    id: str
    tool: str
    arguments: str
    outcome: Outcome
    summary: str
    points: int = 0
    digest: str = ""
    note: str = ""
    refusal: Refusal | None = None


class CeilingHit(Model):
    """A ceiling that ended the asking, with the questions that were left unasked."""

    resource: str
    limit: str
    spent: str
    unasked: tuple[str, ...] = ()


class Check(StrEnum):
    """How a claim is re-computed from the evidence body (see ``agent/claims.py``)."""

    SERIES_LEVELS = "series_levels"
    SERIES_ONSET = "series_onset"
    PATTERN_COUNTS = "pattern_counts"
    SPAN_ERRORS = "span_errors"
    SPAN_SELF_TIME = "span_self_time"
    CHANNEL = "channel"
    EDGE = "edge"
    ORDER = "order"
    CHANGE_TIME = "change_time"
    DIFF_QUOTE = "diff_quote"


class Claim(Model):
    """A sentence of the report, bound to what proves it.

    ``query`` is the tool and arguments as asked; ``subject`` and ``value`` are what the check re-computes from the
    bodies of ``evidence_ids``; ``window_start`` and ``window_end`` are epoch seconds.
    """

    id: str
    role: str
    sentence: str
    check: Check
    evidence_ids: tuple[str, ...]
    query: str
    window_start: float
    window_end: float
    subject: tuple[str, ...]
    value: tuple[float, ...]


class RemovedClaim(Model):
    """A claim that failed its check and did not reach the report."""

    sentence: str
    reason: str


class Prediction(Model):
    """One falsifiable statement: if ``sentence`` turns out false, the verdict is wrong."""

    sentence: str
    entity: str = ""
    metric: str = ""
    below: float | None = None
    above: float | None = None


class Verdict(Model):
    """The conclusion. ``hypothesis`` None means that no cause was found (or that nothing is wrong)."""

    nothing_wrong: bool
    hypothesis: Hypothesis | None
    probability: float
    first_failing: str
    fault_kind: FaultKind
    change_id: str
    remediation: Remediation
    path: tuple[Hop, ...]
    blast_radius: tuple[str, ...]
    onset: float | None
    prediction: Prediction | None


class Action(Model):
    """Something that could be done. ``risk`` "advice" is a step for a person and runs nothing; nor does "dry_run", whose
    ``effect`` is only shown, nor "forbidden", which the policy does not allow.

    ``arguments`` is canonical JSON, ``target`` the service that is touched, ``seen`` what the dry run looked at, ``undoes``
    the key of the action that it takes back. ``request_id`` is the approval that it waits for.
    """

    key: str
    name: str
    arguments: str
    risk: str
    sentence: str
    citation: str = ""
    target: str = ""
    effect: str = ""
    effect_lines: tuple[str, ...] = ()
    seen: str = ""
    request_id: str = ""
    undoes: str = ""

    @property
    def risk_class(self) -> Risk:
        """As the policy knows it; only of what can run."""
        return Risk(self.risk)

    @property
    def waits(self) -> bool:
        """Whether a person has to decide about it."""
        return self.risk in (Risk.REVERSIBLE, Risk.DESTRUCTIVE, Risk.COSTLY_READ)


class Approval(Model):
    """What people decided about one action, bound to it by its key. ``wrong_cause``: they say that it is another one."""

    action_key: str
    approved: bool
    by: str
    reason: str = ""
    wrong_cause: bool = False


class ActionResult(Model):
    """What came of an action. ``outcome`` is done, rejected, failed (nothing happened), unknown (look yourself),
    already_done, not_needed (it has recovered), changed (its target is not what was shown) or refused.

    ``at`` is epoch seconds.
    """

    action_key: str
    outcome: str
    detail: str = ""
    at: float = 0.0


class Verification(Model):
    """What fresh telemetry says about the prediction: recovered, not_recovered, worse or no_fresh_data.

    ``before`` and ``level`` are the predicted series before the action and now; ``action_key`` is what was verified.
    """

    outcome: str
    sentence: str
    before: float | None = None
    level: float | None = None
    action_key: str = ""


class Spend(Model):
    """What the investigation used. ``tokens_cached`` is a part of ``tokens_in``, ``tokens_reasoning`` of
    ``tokens_out``."""

    tool_calls: int = 0
    points: int = 0
    seconds: float = 0.0
    usd: Decimal = Decimal(0)
    model_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_reasoning: int = 0


def merge_evidence(old: list[Evidence], new: list[Evidence]) -> list[Evidence]:
    """Reducer of the fan-out: by id, so that the order in which branches finish leaves no trace."""
    by_id = {item.id: item for item in (*old, *new)}
    return [by_id[id] for id in sorted(by_id)]


class Investigation(TypedDict, total=False):
    """The channels of the graph. The report itself is in the ledger: it would not fit a small checkpoint."""

    version: int
    id: str
    reasoner: str
    alert: Alert
    scope: Scope
    round: int
    evidence: Annotated[list[Evidence], merge_evidence]
    diagnosis: Diagnosis
    questions: list[Question]
    ceiling: CeilingHit | None
    verdict: Verdict
    claims: list[Claim]
    removed_claims: list[RemovedClaim]
    statements: list[Statement]
    model_use: ModelUse
    actions: list[Action]
    approvals: Annotated[list[Approval], operator.add]
    action_results: Annotated[list[ActionResult], operator.add]
    verification: Verification | None
    heard: int  # how many times somebody had said that a cause is wrong when it was last weighed
    reported: bool


__all__ = [
    "Action",
    "ActionResult",
    "Alert",
    "Approval",
    "CeilingHit",
    "Check",
    "Claim",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Investigation",
    "ModelReading",
    "ModelUse",
    "ModelWeight",
    "Outcome",
    "Prediction",
    "Question",
    "RemovedClaim",
    "Scope",
    "Spend",
    "Statement",
    "Verdict",
    "Verification",
    "merge_evidence",
]

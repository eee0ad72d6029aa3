"""What the engine says: findings, hypotheses with probabilities, the causal path. Frozen, strict, storable."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of everything that is stored: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FaultKind(StrEnum):
    """The closed set of causes that a verdict can name."""

    CPU_SATURATION = "cpu_saturation"
    MEMORY_EXHAUSTION = "memory_exhaustion"
    DISK_FULL = "disk_full"
    DISK_IO = "disk_io"
    NETWORK_DELAY = "network_delay"
    NETWORK_LOSS = "network_loss"
    DNS = "dns"
    CERTIFICATE = "certificate"
    POOL_EXHAUSTION = "pool_exhaustion"
    QUOTA_THROTTLING = "quota_throttling"
    LOCK_CONTENTION = "lock_contention"
    SLOW_CODE = "slow_code"
    ERROR_REGRESSION = "error_regression"
    BAD_CONFIG = "bad_config"
    SCHEMA_MISMATCH = "schema_mismatch"
    BAD_DATA = "bad_data"
    CACHE_STAMPEDE = "cache_stampede"
    DEPENDENCY_OUTAGE = "dependency_outage"
    TRAFFIC_SURGE = "traffic_surge"
    INFRASTRUCTURE = "infrastructure"
    DATA_DRIFT = "data_drift"
    MODEL_REGRESSION = "model_regression"
    UNKNOWN = "unknown"


class Remediation(StrEnum):
    """The class of action that would undo the cause."""

    ROLLBACK = "rollback"
    ROLL_FORWARD = "roll_forward"
    CONFIG_REVERT = "config_revert"
    FLAG_OFF = "flag_off"
    SCALE = "scale"
    RESTART = "restart"
    FAILOVER = "failover"
    ROTATE_CERTIFICATE = "rotate_certificate"
    QUARANTINE_DATA = "quarantine_data"
    NONE = "none"


class Channel(StrEnum):
    """Which kind of telemetry a finding was read from."""

    METRICS = "metrics"
    LOGS = "logs"
    TRACES = "traces"
    CHANGES = "changes"
    TOPOLOGY = "topology"


class Attribution(StrEnum):
    """What a hypothesis blames: a change, a cause that is nobody's change, or only a place; or nothing."""

    CHANGE = "change"
    CASE = "case"
    PLACE = "place"
    UNSEEN = "unseen"
    NOTHING_WRONG = "nothing_wrong"


class Finding(Model):
    """One measured fact that differs from its baseline.

    ``subject`` is the metric, log template, span name or change id; ``before`` and ``after`` are levels in the
    subject's own unit (medians for series, counts a minute for patterns); ``deviation`` is signed, in robust
    standard deviations; ``onset`` is epoch seconds; ``method`` names the channel of ``diagnosis/channels`` where one
    found it, and the window (epoch seconds) is what it compared with the normal time; ``evidence_id`` is set by
    whoever fetched the telemetry.
    """

    id: str
    channel: Channel
    signal: str
    entity: str
    subject: str
    sentence: str
    onset: float | None = None
    before: float | None = None
    after: float | None = None
    deviation: float = 0.0
    method: str = ""
    window_start: float = 0.0
    window_end: float = 0.0
    evidence_id: str = ""


class Support(Model):
    """One reason for or against a hypothesis: its weight in nats, and the finding it rests on ("" for an absence)."""

    weight: float
    reason: str
    finding_id: str = ""


class Hypothesis(Model):
    """A possible cause. Over one diagnosis the probabilities add up to one.

    ``change_id`` names the guilty change, "" where no change is to blame. A PLACE says where and of which kind the
    fault is and leaves open what set it off; UNSEEN is "something that the telemetry does not show".
    """

    id: str
    entity: str
    fault_kind: FaultKind
    remediation: Remediation
    probability: float
    sentence: str
    attribution: Attribution
    change_id: str = ""
    quote: str = ""
    supports: tuple[Support, ...] = ()

    @property
    def identity(self) -> str:
        """What it says, whatever its rank: the same in every round."""
        return "|".join((self.attribution.value, self.change_id or self.entity, self.fault_kind.value))


class Suspect(Model):
    """Where the fault may be: an entity with its probability, its likely kind, and what each channel adds (nats).

    The probabilities of all suspects, of "nothing is wrong" and of "something I cannot see" add up to one.
    """

    entity: str
    probability: float
    fault_kind: FaultKind
    kind_probability: float
    score: float
    shares: tuple[tuple[str, float], ...] = ()
    finding_ids: tuple[str, ...] = ()


class RuledOut(Model):
    """A cause that was considered and dropped, and why."""

    subject: str
    reason: str
    finding_id: str = ""


class Hop(Model):
    """One step of the causal path: ``cause`` hands the fault to ``effect``.

    A hop is verified when both ends deviate (finding ids), the topology has the edge, and the order in time holds.
    """

    cause: str
    effect: str
    cause_finding: str = ""
    effect_finding: str = ""
    edge: bool = False
    ordered: bool = False

    @property
    def verified(self) -> bool:
        return bool(self.cause_finding and self.effect_finding and self.edge and self.ordered)


class Diagnosis(Model):
    """The engine's whole answer for one incident. ``onset`` is epoch seconds, None when nothing deviates.

    ``suspects`` say where the fault is, best first; ``hypotheses`` say what the cause is.
    """

    onset: float | None
    first_failing: str
    findings: tuple[Finding, ...]
    hypotheses: tuple[Hypothesis, ...]
    suspects: tuple[Suspect, ...]
    ruled_out: tuple[RuledOut, ...]
    path: tuple[Hop, ...]
    blast_radius: tuple[str, ...]

    def finding(self, id: str) -> Finding | None:
        return next((finding for finding in self.findings if finding.id == id), None)

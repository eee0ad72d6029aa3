"""Which fault kind a set of signals, and the effect of the guilty change, amount to."""

from collections.abc import Sequence

from diagnosis.effects import Effect, EffectKind
from diagnosis.findings import FaultKind
from diagnosis.settings_in_code import Role
from diagnosis.symptoms import Symptom

# Most specific first: a full disk also times out, a time-out rarely fills a disk.
_BY_SIGNAL: tuple[tuple[FaultKind, tuple[str, ...]], ...] = (
    (FaultKind.CERTIFICATE, ("expiry0", "text:certificate")),
    (FaultKind.DNS, ("text:dns",)),
    (FaultKind.DISK_FULL, ("text:disk_full",)),
    (FaultKind.MEMORY_EXHAUSTION, ("text:out_of_memory", "memory+", "gc+")),
    (FaultKind.POOL_EXHAUSTION, ("text:pool_exhausted", "pool_wait+", "text:descriptors")),
    (FaultKind.LOCK_CONTENTION, ("text:lock", "lock_wait+")),
    (FaultKind.QUOTA_THROTTLING, ("text:rate_limited", "throttle+")),
    (FaultKind.CACHE_STAMPEDE, ("cache_hits-", "cache_misses+", "text:cache_miss")),
    (FaultKind.MODEL_REGRESSION, ("quality-",)),
    (FaultKind.DATA_DRIFT, ("drift+", "text:drift")),
    (FaultKind.SCHEMA_MISMATCH, ("text:schema",)),
    (FaultKind.INFRASTRUCTURE, ("text:node", "text:hardware")),
    (FaultKind.BAD_DATA, ("text:poison",)),
    (FaultKind.ERROR_REGRESSION, ("text:null_value", "text:bounds", "text:type", "text:parse", "text:signature", "text:exception")),
    (FaultKind.BAD_CONFIG, ("text:auth", "text:config", "text:not_found", "text:too_large", "text:read_only")),
    (FaultKind.CPU_SATURATION, ("cpu+",)),
    (FaultKind.DISK_IO, ("disk_io+",)),
    (FaultKind.SLOW_CODE, ("self_time+", "fanout+", "text:slow")),
    (FaultKind.NETWORK_LOSS, ("text:reset", "network+")),
    (FaultKind.DEPENDENCY_OUTAGE, ("text:refused", "text:unavailable", "text:unreachable")),
    (FaultKind.ERROR_REGRESSION, ("text:validation", "errors+")),
    (FaultKind.SLOW_CODE, ("latency+", "text:timeout")),
)  # fmt: skip


def kind_of_symptoms(symptoms: Sequence[Symptom]) -> FaultKind:
    """The most specific kind with a strong signal; weak signals only count when nothing strong is there."""
    for floor in (0.6, 0.3, 0.0):
        signals = {
            signal for s in symptoms if s.strength >= floor and (s.bad or s.has("cache_hits-")) for signal in s.signals
        }
        for kind, wanted in _BY_SIGNAL:
            if signals & set(wanted):
                return kind
    return FaultKind.UNKNOWN


def kind_of_change(effect: Effect, matched: Symptom, symptoms: Sequence[Symptom]) -> FaultKind:
    """What the change did, where that names the fault; else what the symptoms it explains amount to."""
    seen = {signal for symptom in symptoms for signal in symptom.signals}
    by_symptoms = kind_of_symptoms([matched])
    match effect.kind, effect.role:
        case EffectKind.SETTING_LOWERED | EffectKind.SETTING_RAISED | EffectKind.SETTING_REPLACED, role:
            return _of_setting(role, by_symptoms, kind_of_symptoms(symptoms))
        case EffectKind.LOCK_WIDENED | EffectKind.TABLE_LOCKED, _:
            return FaultKind.LOCK_CONTENTION
        case EffectKind.CALL_IN_LOOP | EffectKind.INDEX_DROPPED | EffectKind.BLOCKING_ADDED, _:
            return FaultKind.SLOW_CODE
        case EffectKind.CACHE_REMOVED, _ if seen & {"cache_hits-", "cache_misses+", "text:cache_miss"}:
            return FaultKind.CACHE_STAMPEDE
        case EffectKind.REGEX_CHANGED, _ if "cpu+" in seen:
            return FaultKind.CPU_SATURATION
        case EffectKind.SCHEMA_CHANGED, _ if by_symptoms is not FaultKind.LOCK_CONTENTION:
            return FaultKind.SCHEMA_MISMATCH
        case _:
            kind = by_symptoms if by_symptoms is not FaultKind.UNKNOWN else kind_of_symptoms(symptoms)
            # Code that now answers 401 or 404 has regressed; only a setting can be badly configured.
            return FaultKind.ERROR_REGRESSION if kind is FaultKind.BAD_CONFIG else kind


_EXHAUSTED = frozenset(
    (FaultKind.MEMORY_EXHAUSTION, FaultKind.POOL_EXHAUSTION, FaultKind.CACHE_STAMPEDE, FaultKind.DISK_FULL,
     FaultKind.QUOTA_THROTTLING, FaultKind.LOCK_CONTENTION, FaultKind.CERTIFICATE, FaultKind.DNS)
)  # fmt: skip


def _of_setting(role: Role | None, matched: FaultKind, overall: FaultKind) -> FaultKind:
    match role:
        case Role.POOL:
            return FaultKind.POOL_EXHAUSTION
        case Role.MEMORY:
            return FaultKind.MEMORY_EXHAUSTION
        case Role.RATE:
            return FaultKind.QUOTA_THROTTLING
        case Role.MODEL:
            return FaultKind.MODEL_REGRESSION
        case Role.TTL | Role.CACHE_SIZE if FaultKind.CACHE_STAMPEDE in (matched, overall):
            return FaultKind.CACHE_STAMPEDE
        case _:
            for kind in (matched, overall):
                if kind in _EXHAUSTED:
                    return kind
            return FaultKind.BAD_CONFIG

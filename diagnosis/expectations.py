"""Which signals each effect of a change is able to cause, and how telling they are (nats, 0 to 3).

One table, general by construction: rows are kinds of effect and roles of settings, columns are signals. 3 means "this
is the textbook symptom of it", 2 "often seen", 1 "possible and unspecific". A signal that is not in a row cannot be
explained by that effect.
"""

from diagnosis.effects import Effect, EffectKind
from diagnosis.settings_in_code import Role

Row = dict[str, float]


def _row(text: str) -> Row:
    pairs = (item.rsplit("=", 1) for item in text.split())
    return {signal: float(weight) for signal, weight in pairs}


_LOWERED: dict[Role, Row] = {
    Role.MEMORY: _row("text:out_of_memory=3 memory+=2 restarts+=2.5 text:restart=2 gc+=2 limit-=3 latency+=0.7"),
    Role.CPU: _row("throttle+=3 cpu+=2.5 limit-=3 latency+=1.5 queue+=1 text:timeout=0.8 text:slow=1"),
    Role.POOL: _row("pool_wait+=3 text:pool_exhausted=3 pool_use+=2 pool_use-=1.5 limit-=3 queue+=1.5 text:timeout=1.2 latency+=1 text:overloaded=1.5"),
    Role.WORKERS: _row("queue+=2.5 lag+=2.5 text:overloaded=2.5 pool_wait+=2 text:pool_exhausted=2.5 limit-=3 latency+=1.2 text:timeout=1 text:lag=2 text:rate_limited=1.5 up-=2 cpu+=1.5 pool_use+=1.5"),
    Role.RATE: _row("throttle+=3 text:rate_limited=3 limit-=3 errors+=1.2 queue+=1 text:overloaded=1.5"),
    Role.QUEUE: _row("text:overloaded=2.5 queue+=1.5 limit-=3 errors+=1.2 text:pool_exhausted=1.5 lag+=1"),
    Role.DISK: _row("text:disk_full=3 disk+=2.5 limit-=3"),
    Role.BATCH: _row("lag+=2.5 latency+=1.2 fanout+=2.5 traffic+=1.5 queue+=1.5 text:lag=2 limit-=3 text:rate_limited=1.5 errors+=0.8 text:validation=1.5"),
    Role.SIZE: _row("text:too_large=3 text:validation=2 errors+=1.2 text:overloaded=1.5 text:parse=1.5 limit-=3 text:pool_exhausted=1.5 text:out_of_memory=1.5"),
    Role.CACHE_SIZE: _row("cache_hits-=3 cache_misses+=3 text:cache_miss=2.5 traffic+=1.2 latency+=1 cpu+=1 limit-=3"),
    Role.TIMEOUT: _row("text:timeout=3 timeouts+=3 text:cancelled=2 cancelled+=2 errors+=1.2 text:reset=1.5 text:retry=1.5 retries+=1.5 latency-=1 text:unavailable=1.2 text:restart=1.5 restarts+=1.5"),
    Role.TTL: _row("cache_hits-=3 cache_misses+=3 text:cache_miss=2.5 traffic+=1.5 cpu+=1 latency+=0.8 text:auth=2 text:lock=1 text:slow=0.8 text:not_found=1.5 text:retry=1"),
    Role.INTERVAL: _row("traffic+=2.5 cpu+=2 text:rate_limited=2.5 throttle+=2.5 text:lock=1.5 retries+=2.5 text:retry=2 disk_io+=1.5 queue+=1 text:overloaded=2 latency+=0.8 text:restart=2 restarts+=2"),
    Role.RETRY: _row("errors+=2 text:unavailable=1.5 text:reset=1.5 text:timeout=1 text:poison=2"),
    Role.MODEL: _row("quality-=2 drift+=2 errors+=1"),
}  # fmt: skip

_MORE_LOAD = "text:out_of_memory=2.5 memory+=2 gc+=2 text:rate_limited=2 throttle+=2 text:lock=2 lock_wait+=2 cpu+=1.5 latency+=1 connections+=2 text:timeout=1.2 restarts+=1.5 text:restart=1.2"
_RAISED: dict[Role, Row] = {
    Role.BATCH: _row(_MORE_LOAD + " text:pool_exhausted=1.5 text:too_large=2.5 text:slow=1.5 lag+=1.5 queue+=1"),
    Role.WORKERS: _row(_MORE_LOAD + " text:pool_exhausted=2.2 pool_wait+=2"),
    Role.QUEUE: _row("text:out_of_memory=2.5 memory+=2.2 gc+=2 latency+=1.5 lag+=1.5"),
    Role.CACHE_SIZE: _row("text:out_of_memory=3 memory+=2.5 gc+=2.5 restarts+=2"),
    Role.POOL: _row("connections+=0.6 text:rate_limited=1"),
    Role.RATE: _row("cpu+=1.5 text:overloaded=1.5 text:rate_limited=1 traffic+=2"),
    Role.SIZE: _row("text:out_of_memory=2 memory+=2 latency+=1 text:too_large=1.5"),
    Role.MEMORY: _row("text:node=1.5 text:restart=0.8"),
    Role.CPU: _row("text:node=1.5"),
    Role.TIMEOUT: _row("queue+=2 pool_wait+=2 pool_use+=1.5 latency+=1.5 text:pool_exhausted=2 text:overloaded=1.5 connections+=1.5"),
    Role.TTL: _row("memory+=2 text:drift=2 drift+=2.5 quality-=2 text:auth=1.5 text:out_of_memory=2 disk+=2.5 text:disk_full=2.5 text:not_found=1"),
    Role.INTERVAL: _row("lag+=2.5 drift+=2.5 text:drift=2.5 queue+=1.5 memory+=1.5 quality-=2 text:auth=1 text:lag=2 disk+=1.5 text:disk_full=1.5 text:timeout=0.5"),
    Role.RETRY: _row("traffic+=2.5 retries+=3 text:retry=2.5 text:overloaded=2 text:rate_limited=2 cpu+=1 text:timeout=1 latency+=1 queue+=1"),
    Role.MODEL: _row("quality-=2 drift+=2 errors+=1"),
}  # fmt: skip

_REPLACED: dict[Role, Row] = {
    Role.ENDPOINT: _row("text:dns=3 text:refused=3 text:not_found=2.5 text:auth=2 text:certificate=2 text:timeout=1.5 text:unavailable=1.5 text:read_only=2.5 text:unreachable=2.5 latency+=1.2 text:config=2.5 errors+=0.8 text:reset=1.5 lag+=1 text:schema=1"),
    Role.LOG_LEVEL: _row("log_volume+=3 disk+=3 text:disk_full=3 disk_io+=2 cpu+=1.5 latency+=1"),
    Role.CACHE_SIZE: _row("cache_hits-=3 cache_misses+=3 text:cache_miss=2.5 traffic+=2 latency+=1 cpu+=1 memory+=1.5 text:out_of_memory=1.5 errors+=0.8"),
    Role.INTERVAL: _row("traffic+=2 cpu+=2 latency+=1.5 lag+=2 text:lock=1.5 text:slow=1.5 drift+=2 queue+=1.5 text:timeout=1 disk_io+=1.5 other+=0.5 other-=0.5"),
    Role.MODEL: _row("quality-=3 drift+=2.5 latency+=2 memory+=2 text:out_of_memory=2 text:drift=2.5 errors+=1 text:schema=1.5 text:type=1.5 text:validation=1.5"),
    Role.MACHINE: _row("cpu+=2.2 memory+=2.2 text:out_of_memory=2 throttle+=2 disk_io+=2 connections+=1.5 latency+=1.5 text:slow=1.5 text:pool_exhausted=1.2 text:timeout=1"),
    Role.SWITCH: _row("errors+=1 latency+=1 text:auth=1.5 text:validation=1.5 text:certificate=1.5 text:config=2 cache_hits-=1.5 cache_misses+=1.5 text:lock=1 cpu+=1 disk+=1 text:parse=1 text:reset=1"),
    Role.VERSION: _row("errors+=1 text:exception=1 text:type=1.5 text:parse=1.5 text:config=1.5 text:restart=1.5 restarts+=1.5 latency+=0.8 text:schema=1.2"),
}  # fmt: skip
_ANY_VALUE = _row("other+=0.6 other-=0.6 text:not_found=2 text:schema=2 text:config=2 text:validation=2 text:parse=2 text:auth=2 text:type=1.5 text:null_value=1.2 text:dns=2 text:refused=2 text:signature=2 text:clock=1 quality-=1.5 drift+=1.5 text:drift=1.5 errors+=0.8 text:certificate=1.5 cache_hits-=1 latency+=0.5 lag+=0.8 text:poison=1")  # fmt: skip
_ANY_NUMBER = _row("other+=0.8 other-=0.8 errors+=0.8 latency+=0.8 quality-=2 drift+=2 text:validation=1.5 text:bounds=1.5 cpu+=0.8 limit-=3 limit+=1 text:overloaded=0.8 text:rate_limited=0.8 memory+=0.8 text:timeout=0.8 queue+=0.8 text:drift=1.5")  # fmt: skip

_CODE: dict[EffectKind, Row] = {
    EffectKind.NAME_REPLACED: _row("other+=0.8 other-=0.8 text:schema=2.5 text:null_value=2 text:not_found=2 text:validation=2 text:parse=2 text:auth=2 text:config=2 text:type=2 text:signature=2 text:drift=2 drift+=2 quality-=1.5 text:bounds=1.2 text:exception=1.2 errors+=1 text:dns=1.2 text:refused=1.2 text:poison=1.5 latency+=0.5 cpu+=0.5 text:slow=0.6"),
    EffectKind.GUARD_REMOVED: _row("other+=0.8 other-=0.8 text:null_value=3 text:bounds=3 text:type=2.5 text:parse=2 text:validation=2 text:schema=1.5 text:exception=2 errors+=1.2 restarts+=1.5 text:restart=1.2 text:poison=1.5 text:drift=1.5 drift+=1.5 quality-=1.5 traffic+=0.8 text:lock=0.8 text:unavailable=0.8 text:auth=1"),
    EffectKind.GUARD_ADDED: _row("text:validation=0.8 errors+=0.4 text:auth=0.5"),
    EffectKind.RELEASE_REMOVED: _row("text:out_of_memory=3 memory+=2.8 text:descriptors=3 connections+=2.8 text:pool_exhausted=2.8 pool_use+=2.8 pool_wait+=2.5 gc+=2 text:lock=2 lock_wait+=2 restarts+=1.5 text:restart=1.2 disk+=2 text:disk_full=2 queue+=1.2 lag+=1 text:timeout=0.8"),
    EffectKind.LOCK_WIDENED: _row("text:lock=3 lock_wait+=3 latency+=1.5 queue+=1.5 text:pool_exhausted=1.5 text:timeout=1.2 pool_wait+=1.5 pool_use+=1 text:slow=1.2 lag+=1"),
    EffectKind.CALL_IN_LOOP: _row("fanout+=3 traffic+=2 latency+=1.8 text:slow=2 cpu+=1.2 text:rate_limited=2 throttle+=2 text:timeout=1.2 pool_wait+=1.5 text:pool_exhausted=1.5 lag+=1.2 queue+=1 self_time+=1"),
    EffectKind.QUERY_ADDED: _row("text:schema=2.5 text:slow=2.2 latency+=1.5 cpu+=1.5 fanout+=2 traffic+=1.5 text:lock=1.2 disk_io+=1.5 text:timeout=1 pool_wait+=1.2 text:pool_exhausted=1.2 text:not_found=1 self_time+=1.5"),
    EffectKind.WORK_ADDED: _row("latency+=1.5 fanout+=1.8 traffic+=1.5 text:timeout=1.2 text:rate_limited=1.5 text:refused=1.2 text:dns=1 text:not_found=1 cpu+=1 text:auth=1 errors+=0.6 text:slow=1.2 memory+=0.8 self_time+=1"),
    EffectKind.BLOCKING_ADDED: _row("latency+=2.2 text:slow=2.2 queue+=1.8 text:timeout=1.5 text:pool_exhausted=1.5 lag+=1.5 self_time+=2 pool_wait+=1.2 pool_use+=1.2 text:restart=1.2"),
    EffectKind.CACHE_REMOVED: _row("cache_hits-=3 cache_misses+=3 text:cache_miss=2.5 traffic+=2.2 latency+=1.8 cpu+=1.5 text:slow=1.5 text:rate_limited=1.5 fanout+=1.5"),
    EffectKind.RETRY_WIDENED: _row("traffic+=2.5 retries+=3 text:retry=2.2 text:overloaded=2 text:rate_limited=2.2 throttle+=2 cpu+=1 text:timeout=1 errors+=1 queue+=1 connections+=1.2"),
    EffectKind.BOUND_REMOVED: _row("memory+=2.5 text:out_of_memory=2.5 gc+=2 latency+=1.2 text:slow=1.8 queue+=1.5 disk+=2 text:disk_full=2 text:too_large=1.5 text:timeout=0.8 cpu+=0.8 restarts+=1.5 text:restart=1.2"),
    EffectKind.REGEX_CHANGED: _row("cpu+=2.5 latency+=1.8 text:timeout=1.2 text:parse=1.8 text:validation=1.8 text:slow=1.2 self_time+=1.8 text:not_found=1.2 text:auth=0.8"),
    EffectKind.SCHEMA_CHANGED: _row("text:schema=3 text:null_value=1.5 text:lock=1.8 lock_wait+=1.8 errors+=1.2 text:not_found=1 text:parse=1.5 text:type=1.2 latency+=0.8 text:slow=1"),
    EffectKind.UNIT_CHANGED: _row("text:timeout=2 timeouts+=2 latency+=1.2 errors+=1 text:validation=1.5 text:bounds=1.5 text:rate_limited=1 quality-=1.5 drift+=1.5 memory+=1 text:out_of_memory=1.2 cache_hits-=1.5 cache_misses+=1.5 text:auth=1 queue+=0.8 text:retry=1 text:pool_exhausted=1.2 pool_wait+=1"),
    EffectKind.REORDERED: _row("text:auth=2 text:not_found=1.8 text:validation=1.2 text:null_value=1.2 text:config=1.5 errors+=1 text:lock=1 text:exception=0.8 other+=0.5 other-=0.5"),
    EffectKind.INDEX_DROPPED: _row("text:slow=3 latency+=2.2 cpu+=2.2 disk_io+=2 text:timeout=1.5 pool_wait+=1.5 text:pool_exhausted=1.5 text:lock=1"),
    EffectKind.TABLE_LOCKED: _row("text:lock=3 lock_wait+=3 text:timeout=1.5 latency+=1.5 pool_wait+=1.5 text:pool_exhausted=1.5 text:slow=1.2"),
    EffectKind.STRICTER: _row("text:validation=2.5 text:auth=2.2 errors+=1.2 text:parse=1.5 text:schema=1.5 text:not_found=1 text:rate_limited=1 text:poison=1.5 text:exception=1 text:type=1 text:unavailable=0.5"),
    EffectKind.LOGIC_CHANGED: _row("other+=0.8 other-=0.8 text:exception=1 text:null_value=1 text:bounds=1 text:type=1 text:parse=1 text:validation=1 text:auth=0.8 errors+=0.8 latency+=0.6 cpu+=0.8 memory+=0.8 quality-=1 drift+=1 text:schema=0.8 text:drift=0.8 text:signature=1"),
    EffectKind.DEPENDENCY_BUMPED: _row("text:exception=0.6 text:type=0.8 text:parse=0.6 errors+=0.3 memory+=0.5 text:certificate=0.5 text:null_value=0.4"),
    EffectKind.OBSERVED_ONLY: _row("log_volume+=1.5 disk+=0.8 text:disk_full=0.8"),
}  # fmt: skip

# Signals that say "this very resource ran out". Raising the limit of a resource cannot make it run out.
_RUNS_OUT: dict[Role, frozenset[str]] = {
    Role.MEMORY: frozenset(("text:out_of_memory", "memory+", "gc+")),
    Role.CPU: frozenset(("cpu+", "throttle+")),
    Role.POOL: frozenset(("text:pool_exhausted", "pool_wait+", "pool_use+", "limit-")),
    Role.WORKERS: frozenset(("queue+", "text:overloaded", "limit-", "up-")),
    Role.RATE: frozenset(("text:rate_limited", "throttle+", "limit-")),
    Role.QUEUE: frozenset(("text:overloaded", "limit-")),
    Role.DISK: frozenset(("text:disk_full", "disk+")),
    Role.SIZE: frozenset(("text:too_large", "limit-")),
    Role.CACHE_SIZE: frozenset(("cache_hits-", "cache_misses+", "text:cache_miss")),
    Role.TIMEOUT: frozenset(("text:timeout", "timeouts+", "text:cancelled", "cancelled+")),
    Role.TTL: frozenset(("cache_hits-", "cache_misses+", "text:cache_miss")),
    Role.RETRY: frozenset(("text:poison",)),
}  # fmt: skip


def expected_signals(effect: Effect) -> Row:
    """Signals that an effect can cause, with weights; empty for one that can cause nothing known."""
    role = effect.role
    match effect.kind:
        case EffectKind.SETTING_LOWERED:
            return _LOWERED.get(role or Role.OTHER, _ANY_NUMBER)
        case EffectKind.SETTING_RAISED:
            return _RAISED.get(role or Role.OTHER, _ANY_NUMBER)
        case EffectKind.SETTING_REPLACED:
            return _REPLACED.get(role or Role.OTHER, _ANY_VALUE)
        case kind:
            return _CODE[kind]


def wrong_direction(effect: Effect, signals: frozenset[str]) -> bool:
    """True when the effect gives more of the resource that ran out."""
    return effect.kind is EffectKind.SETTING_RAISED and bool(
        _RUNS_OUT.get(effect.role or Role.OTHER, frozenset()) & signals
    )


# Effects whose damage accumulates, so that hours may pass between the deploy and the first symptom.
SLOW_EFFECTS = frozenset((EffectKind.RELEASE_REMOVED, EffectKind.BOUND_REMOVED))
SLOW_ROLES = frozenset((Role.TTL, Role.LOG_LEVEL, Role.INTERVAL, Role.CACHE_SIZE))

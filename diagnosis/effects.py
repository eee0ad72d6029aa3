"""What a diff does to a running system, as a closed set of effects, read from its net change.

Static reading of a few lines cannot prove behaviour; it can say which kinds of fault a change is able to cause and
which it is not. Each effect keeps the line it was read from, so that a person can disagree.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from diagnosis.diff import Line, NetChange, Pair
from diagnosis.settings_in_code import Role, SettingChange, setting_changes


class EffectKind(StrEnum):
    SETTING_LOWERED = "setting_lowered"
    SETTING_RAISED = "setting_raised"
    SETTING_REPLACED = "setting_replaced"
    NAME_REPLACED = "name_replaced"
    GUARD_REMOVED = "guard_removed"
    GUARD_ADDED = "guard_added"
    RELEASE_REMOVED = "release_removed"
    LOCK_WIDENED = "lock_widened"
    CALL_IN_LOOP = "call_in_loop"
    QUERY_ADDED = "query_added"
    WORK_ADDED = "work_added"
    BLOCKING_ADDED = "blocking_added"
    CACHE_REMOVED = "cache_removed"
    RETRY_WIDENED = "retry_widened"
    BOUND_REMOVED = "bound_removed"
    REGEX_CHANGED = "regex_changed"
    UNIT_CHANGED = "unit_changed"
    REORDERED = "reordered"
    SCHEMA_CHANGED = "schema_changed"
    INDEX_DROPPED = "index_dropped"
    TABLE_LOCKED = "table_locked"
    STRICTER = "stricter"
    LOGIC_CHANGED = "logic_changed"
    DEPENDENCY_BUMPED = "dependency_bumped"
    OBSERVED_ONLY = "observed_only"


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect: the ``quote`` is the telling line as in the diff (with its sign); ``setting`` where one moved."""

    kind: EffectKind
    quote: str
    file: str
    setting: SettingChange | None = None

    @property
    def role(self) -> Role | None:
        return self.setting.role if self.setting else None


_INERT_FILE = re.compile(
    r"(^|/)(docs?|documentation|tests?|testdata|__tests__|spec|e2e|fixtures?|\.github|\.circleci|\.gitlab|storybook)/"
    r"|_test\.|\.test\.|\.spec\.|(^|/)test_|(^|/)(readme|changelog|codeowners|license|contributing)\b"
    r"|\.(md|rst|txt|adoc|css|scss|less|svg|png|jpg|gif|ico|snap|golden|d\.ts)$|(^|/)\.(golangci|editorconfig|eslintrc|prettierrc|gitignore|pre-commit)",
    re.IGNORECASE,
)
_DEPENDENCY_FILE = re.compile(
    r"(^|/)(go\.(mod|sum)|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|requirements[\w.-]*\.txt|poetry\.lock|uv\.lock|pyproject\.toml|cargo\.(toml|lock)|pom\.xml|build\.gradle(\.kts)?|gemfile(\.lock)?|composer\.(json|lock)|libs\.versions\.toml)$",
    re.IGNORECASE,
)
_STAGING = re.compile(r"(^|/|[-_.])(staging|stage|dev|sandbox|preview|local|qa)([-_./]|$)", re.IGNORECASE)


def inert_file(path: str) -> bool:
    """True for files that no production process runs: documentation, tests, style sheets, CI, other environments."""
    return bool(_INERT_FILE.search(path) or _STAGING.search(path))


def dependency_file(path: str) -> bool:
    """True for manifests and locks of packages."""
    return bool(_DEPENDENCY_FILE.search(path))


def config_file(path: str) -> bool:
    """True for values and configuration, which can be set back without building anything."""
    return bool(re.search(r"\.(ya?ml|json|toml|ini|conf|cfg|properties|env|tf|tfvars|hcl|xml)$", path, re.IGNORECASE))


_OBSERVE = re.compile(
    r"\b(log|logger|logging|slog|zap|console|tracer|span|metrics?|prometheus|statsd|counter|gauge|histogram|telemetry|meter)\w*\s*[.(:]"
    r"|\.(inc|observe|record|set_?attributes?|with_?labels?|labels|add_?event|debug|info|warn)\w*\(|NewCounter|NewHistogram|NewGauge|(Counter|Gauge|Histogram)Opts"
    r"|^\s*[\"'][\w.]+[\"'],\s|^\s*Name:|^\s*Buckets:|^\s*Help:|new (Counter|Histogram|Gauge)",
    re.IGNORECASE,
)
_STRUCTURE = re.compile(
    r"^[\s{}()\[\];,]*$|^\s*(import|from|use|using|package|require|#include|export|@Override|end|else:?|try[:{]?|\}?\s*else\s*\{?)\b[^()=]*$"
)
_GUARD = re.compile(
    r"\b(if|unless|when|guard|assert|ensure|filter|where)\b.*(nil|null|none|undefined|empty|len\(|length|size|count|isblank|is not|==|!=|<|>|not |!|ok\b|exists|valid|has\w*\(|contains|in )"
    r"|\?\?|\?\.|\|\||orelse|or_default|getordefault|unwrap_or|coalesce|ifnull|optional|\.get\([^()]+,|default\(|errors=|on conflict|if not exists|validate\w*\(|sanitize|escape|clamp|max\(|min\(|math\.(max|min)|recover\(|catch|except\b|rescue\b|fallback|try\s*[:{(]",
    re.IGNORECASE,
)
_RELEASE = re.compile(
    r"\bdefer\b|\.(close|release|free|dispose|shutdown|destroy|stop|cleanup|clear|evict|remove|unsubscribe|removelistener|removeeventlistener|put_?back|return_?connection|rollback|abort|drain|flush|expire|purge|delete|reset|unref|detach|unregister|quit|disconnect)\w*\(|cancel\(\)|clear(interval|timeout)\(|\bfinally\b|\busing\b|^\s*(async )?with\b|try\s*\(|\bfree\(|drop\(|delete\s+\w|\bdelete\(|\bdel\b|gc\.collect|empty_cache",
    re.IGNORECASE,
)
_LOCK = re.compile(
    r"\.(r?lock|unlock|runlock|acquire|lockinterruptibly)\(|synchronized|with\s+\S*lock|\bmutex\b|for update|lock table|@transactional|serializable|access exclusive|withlock|lock\s*\(|advisory_lock|\block\b\s*=|\.write\(\)|begin\s*\(|transaction\(|atomic\(\)",
    re.IGNORECASE,
)
_REMOTE = re.compile(
    r"(client|repo(sitory)?|store|dao|db|database|session|cache|redis|http|api|stub|gateway|service|conn|cursor|collection|table|fetch\w*|axios|requests|query\w*|channel|producer|catalog|loader)\w*\s*(\.|->|::)\s*\w+\(|\b(fetch|query|select|execute|load\w+|find\w*|lookup\w*|get_?by\w*|fetch\w+|retrieve\w*|count)\s*\(|\bawait\b|objects\.(get|filter)|\.(get|post|find|select|query|exec\w*|fetch\w*|load\w*|first|all)\(",
    re.IGNORECASE,
)
_SQL = re.compile(
    r"\b(select\b.+\bfrom|insert\s+into|update\s+\w+\s+set|delete\s+from|join\s+\w+|left join|order by|group by|count\(\*\)|like\s+'%|distinct)\b",
    re.IGNORECASE,
)
_BLOCKING = re.compile(
    r"\bsleep\b|\.block\(|\.get\(\)|\.join\(\)|\.result\(\)|sync\(|sync\b\(|execsync|requests\.\w+\(|time\.sleep|thread\.sleep|blocking|urlopen|subprocess|fsync|\.wait\(|runblocking|spawnsync",
    re.IGNORECASE,
)
_PARALLEL = re.compile(
    r"promise\.all|asyncio\.gather|errgroup|parallel|waitgroup|\bgo func|executor|submit\(|create_task|spawn\(|to_thread|run_in_executor|join_all|batch|bulk|prefetch|select_related|include\(|eager|dataloader|selectinload|joinedload|preload|in_batches|mget|pipeline",
    re.IGNORECASE,
)
_CACHE = re.compile(r"cache|memo(ize)?|lru|getorload|getorset", re.IGNORECASE)
_RETRY = re.compile(
    r"retry|retries|attempt|backoff|jitter|circuit|breaker|exponential|debounce|throttle|rate_?limit|limiter|semaphore|singleflight|coalesc|dedup",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\blimit\b|max_?\w*|\bcap\b|capacity|bounded|lru|evict|ttl|expire|take\(|top\(|truncate|page|maxsize|window|slice|\[:\w|limit\(|first\(|rotate|retention|logrotate|sample",
    re.IGNORECASE,
)
_UNBOUND = re.compile(
    r"unbounded|new\s+(hash|concurrenthash|linkedhash)?map|linkedblockingqueue\(\)|make\(map|make\(chan|=\s*\{\}|=\s*dict\(|defaultdict|\.append\(|append\(|\.push\(|\.put\(|\.add\(|cachedthreadpool|newcached|unlimited|infinity|maxint|int\.max|usize::max|\[[\w.]+\]\s*=|unbounded_channel|setdefault",
    re.IGNORECASE,
)
_REGEX = re.compile(
    r"re\.(compile|match|search|sub|fullmatch)|regex|regexp|pattern\.compile|mustcompile|matches\(|replaceall|\(\?[:=!<]|\[\^?[^\]]+\][+*]|(?<![\w)\]])/(?![/*\s]).{3,}/[gimsuy]*[.,;)]|\\[swdb][+*]",
    re.IGNORECASE,
)
_SCALE = re.compile(
    r"[*/]\s*(60|100|1_?000|1_?024|3_?600|86_?400|1e[36]|1_?000_?000|1024\s*\*\s*1024)\b|\b(to|from|of|as)_?(millis|seconds|micros|nanos|bytes|cents)",
    re.IGNORECASE,
)
_DDL = re.compile(
    r"\b(drop|rename|alter)\s+(table|column|type|view|constraint)|\brename\b.*\bto\b|drop_column|rename_column|rename_table|remove_column|alter_column|modify column|alter table|set not null|add column .* not null|\breserved\b|removefield|renamefield",
    re.IGNORECASE,
)
_DROP_INDEX = re.compile(r"drop\s+index|remove_index|drop_index|dropindex", re.IGNORECASE)
_LOCKING_DDL = re.compile(
    r"create\s+(unique\s+)?index\s+(?!concurrently)|alter table|add constraint|vacuum full|reindex(?!.*concurrently)|\bcluster\b|set not null|lock table|optimize table",
    re.IGNORECASE,
)
_STRICT = re.compile(
    r"\b(throw|raise|panic|reject|abort|fail|deny|forbid)\b|return\s+\S*err|return .*(error|invalid|false)|strict|required|additionalproperties|fail_on|must|assert|not null|forbid|status(code)?\s*[(:=]\s*4\d\d|httperror|http\.error|unauthorized|badrequest|validate|require\w*\(",
    re.IGNORECASE,
)


def effects_of(change: NetChange, files: tuple[str, ...]) -> tuple[Effect, ...]:
    """All effects of a change on production; empty when nothing that runs has changed."""
    if files and all(inert_file(path) for path in files):
        return ()
    pairs = [pair for pair in change.pairs if not inert_file(pair.new.file)]
    removed = [line for line in change.removed if not inert_file(line.file)]
    added = [line for line in change.added if not inert_file(line.file)]
    if not (pairs or removed or added or change.moved):
        return ()
    bumped = [line for line in (*added, *(pair.new for pair in pairs)) if dependency_file(line.file)]
    pairs = [pair for pair in pairs if not dependency_file(pair.new.file)]
    removed = [line for line in removed if not dependency_file(line.file)]
    added = [line for line in added if not dependency_file(line.file)]
    found = [Effect(EffectKind.DEPENDENCY_BUMPED, f"+{bumped[0].text.strip()}", bumped[0].file)] if bumped else []
    found += [effect for pair in pairs for effect in _of_pair(pair)]
    found += _of_removed(removed, added, pairs)
    found += _of_added(removed, added, pairs)
    found += _of_moved(change)
    if not [e for e in found if e.kind is not EffectKind.DEPENDENCY_BUMPED] and (pairs or removed or added):
        found.append(_unclassified(removed, added, pairs))
    return tuple(_distinct(found))


def _quote(line: Line, sign: str) -> str:
    return f"{sign}{' '.join(line.text.split())}"


def _of_pair(pair: Pair) -> list[Effect]:
    quote = f"{_quote(pair.old, '-')}\n{_quote(pair.new, '+')}"
    file = pair.new.file
    if _observes(pair.old) and _observes(pair.new):
        return [Effect(EffectKind.OBSERVED_ONLY, quote, file)]
    found: list[Effect] = []
    for setting in setting_changes(pair):
        kind = {-1: EffectKind.SETTING_LOWERED, 1: EffectKind.SETTING_RAISED, 0: EffectKind.SETTING_REPLACED}
        found.append(Effect(kind[setting.direction], quote, file, setting))
    old, new = pair.old.text, pair.new.text
    if _lost(_GUARD, old, new):
        found.append(Effect(EffectKind.GUARD_REMOVED, quote, file))
    if _lost(_PARALLEL, old, new) or _lost(_BLOCKING, new, old):
        found.append(Effect(EffectKind.BLOCKING_ADDED, quote, file))
    if _lost(_CACHE, old, new):
        found.append(Effect(EffectKind.CACHE_REMOVED, quote, file))
    if _lost(_BOUND, old, new) or _lost(_UNBOUND, new, old):
        found.append(Effect(EffectKind.BOUND_REMOVED, quote, file))
    if _lost(_RELEASE, old, new):
        found.append(Effect(EffectKind.RELEASE_REMOVED, quote, file))
    if _lost(_LOCK, new, old):
        found.append(Effect(EffectKind.LOCK_WIDENED, quote, file))
    if _lost(_RETRY, old, new):
        found.append(Effect(EffectKind.RETRY_WIDENED, quote, file))
    if sorted(m.group(0) for m in _SCALE.finditer(old)) != sorted(m.group(0) for m in _SCALE.finditer(new)):
        found.append(Effect(EffectKind.UNIT_CHANGED, quote, file))
    if _REGEX.search(new) and _REGEX.search(old):
        found.append(Effect(EffectKind.REGEX_CHANGED, quote, file))
    if _SQL.search(new) and not any(e.setting for e in found):
        found.append(Effect(EffectKind.QUERY_ADDED, quote, file))
    if _lost(_SCAN, new, old):
        found.append(Effect(EffectKind.INDEX_DROPPED, quote, file))
    elif _DDL.search(new) or _SQL.search(old):
        found.append(Effect(EffectKind.SCHEMA_CHANGED, quote, file))
    if not found:
        found.append(Effect(EffectKind.NAME_REPLACED, quote, file))
    return found


def _lost(pattern: re.Pattern[str], old: str, new: str) -> bool:
    return len(pattern.findall(old)) > len(pattern.findall(new))


def _observes(line: Line) -> bool:
    return bool(_OBSERVE.search(line.text))


def _matters(line: Line) -> bool:
    return not (_observes(line) or _STRUCTURE.match(line.text))


def _net(pattern: re.Pattern[str], lines: list[Line], others: list[Line]) -> Line | None:
    """The first line that matches, when the other side matches fewer times."""
    mine = [line for line in lines if pattern.search(line.text) and _matters(line)]
    theirs = [line for line in others if pattern.search(line.text)]
    return mine[0] if len(mine) > len(theirs) else None


def _of_removed(removed: list[Line], added: list[Line], pairs: list[Pair]) -> list[Effect]:
    table = (
        (_RELEASE, EffectKind.RELEASE_REMOVED),
        (_CACHE, EffectKind.CACHE_REMOVED),
        (_RETRY, EffectKind.RETRY_WIDENED),
        (_PARALLEL, EffectKind.BLOCKING_ADDED),
        (_BOUND, EffectKind.BOUND_REMOVED),
        (_GUARD, EffectKind.GUARD_REMOVED),
    )
    found = []
    replaced = [*added, *(pair.new for pair in pairs)]
    for pattern, kind in table:
        line = _net(pattern, removed, replaced)
        if line is not None:
            found.append(Effect(kind, _quote(line, "-"), line.file))
    return found


_EACH = re.compile(
    r"\.\s*(call|get|post|fetch|query|execute|send|request|load|find)\w*\(.*\)\s+for\s+\w+\s+in\b|\.(map|forEach|flatMap)\(.*\.\s*(call|get|post|fetch|query|execute|send|load|find)\w*\(",
    re.IGNORECASE,
)
# A comparison that no plain index serves: a pattern that begins anywhere, a function of the column, order by a sum.
_SCAN = re.compile(
    r"\bilike\b|\blike\s+(lower|upper|concat)?\s*\(|\blike\s+['\"]%|\bwhere\s+(lower|upper|cast|date|substr\w*)\s*\(|order by\s+(rand\w*|avg|sum|count)\s*\(|\bregexp\b",
    re.IGNORECASE,
)


def _of_added(removed: list[Line], added: list[Line], pairs: list[Pair]) -> list[Effect]:
    old = [*removed, *(pair.old for pair in pairs)]
    table = (
        (_DROP_INDEX, EffectKind.INDEX_DROPPED),
        (_SCAN, EffectKind.INDEX_DROPPED),
        (_DDL, EffectKind.SCHEMA_CHANGED),
        (_LOCKING_DDL, EffectKind.TABLE_LOCKED),
        (_LOCK, EffectKind.LOCK_WIDENED),
        (_BLOCKING, EffectKind.BLOCKING_ADDED),
        (_SQL, EffectKind.QUERY_ADDED),
        (_REGEX, EffectKind.REGEX_CHANGED),
        (_UNBOUND, EffectKind.BOUND_REMOVED),
        (_STRICT, EffectKind.STRICTER),
    )
    found = []
    for pattern, kind in table:
        line = _net(pattern, added, old)
        if line is not None:
            found.append(Effect(kind, _quote(line, "+"), line.file))
    looped = next((line for line in added if line.in_loop and _REMOTE.search(line.text) and _matters(line)), None)
    # A comprehension is a loop on one line: what was called once there is called for each item now.
    looped = looped or next(
        (p.new for p in pairs if _EACH.search(p.new.text) and not _EACH.search(p.old.text) and _matters(p.new)), None
    )
    looped = looped or next(
        (p.new for p in pairs if p.new.in_loop and _lost(_REMOTE, p.new.text, p.old.text) and _matters(p.new)),
        None,
    )
    if looped is not None:
        found.append(Effect(EffectKind.CALL_IN_LOOP, _quote(looped, "+"), looped.file))
    work = _net(_REMOTE, added, old)
    if work is not None and looped is None:
        found.append(Effect(EffectKind.WORK_ADDED, _quote(work, "+"), work.file))
    if not found and not removed and not pairs and _net(_GUARD, added, old) is not None:
        found.append(Effect(EffectKind.GUARD_ADDED, _quote(added[0], "+"), added[0].file))
    return found


def _of_moved(change: NetChange) -> list[Effect]:
    """Lines that changed places: a lock is then held over something else, and a list of rules matches differently."""
    lock = next((line for line in change.moved if _LOCK.search(line.text)), None)
    if lock is not None:
        return [Effect(EffectKind.LOCK_WIDENED, _quote(lock, "+"), lock.file)]
    entered = next((line for line in change.entered if not inert_file(line.file)), None)
    if entered is not None:
        return [Effect(EffectKind.LOCK_WIDENED, _quote(entered, "+"), entered.file)]
    moved = [line for line in change.reordered if _matters(line) and not line.is_comment and not inert_file(line.file)]
    moved = [line for line in moved if not dependency_file(line.file)]
    return [Effect(EffectKind.REORDERED, _quote(moved[0], "+"), moved[0].file)] if moved else []


def _unclassified(removed: list[Line], added: list[Line], pairs: list[Pair]) -> Effect:
    lines = [*added, *(pair.new for pair in pairs), *removed]
    telling = [line for line in lines if _matters(line)]
    sign = "-" if telling and telling[0] in removed else "+"
    kind = EffectKind.LOGIC_CHANGED if telling else EffectKind.OBSERVED_ONLY
    return Effect(kind, _quote((telling or lines)[0], sign), (telling or lines)[0].file)


def _distinct(effects: list[Effect]) -> list[Effect]:
    seen: dict[tuple[EffectKind, str], Effect] = {}
    for effect in effects:
        seen.setdefault((effect.kind, effect.quote), effect)
    return list(seen.values())

"""Settings as code and configuration write them: a name, a role, an old and a new value with units."""

import re
from dataclasses import dataclass
from enum import StrEnum

from diagnosis.diff import Line, Pair, skeleton
from diagnosis.words import Quantity, identifiers, quantities, split_identifier, stem


class Role(StrEnum):
    """What a setting governs."""

    MEMORY = "memory"
    CPU = "cpu"
    POOL = "pool"
    WORKERS = "workers"
    RATE = "rate"
    QUEUE = "queue"
    DISK = "disk"
    BATCH = "batch"
    SIZE = "size"
    CACHE_SIZE = "cache_size"
    TIMEOUT = "timeout"
    TTL = "ttl"
    INTERVAL = "interval"
    RETRY = "retry"
    ENDPOINT = "endpoint"
    LOG_LEVEL = "log_level"
    MODEL = "model"
    MACHINE = "machine"
    SWITCH = "switch"
    VERSION = "version"
    OTHER = "other"


_ROLE_WORDS: tuple[tuple[Role, str], ...] = (
    (Role.RETRY, "retry retries attempt attempts maxattempts"),
    (Role.INTERVAL, "interval period backoff delay poll polling refresh tick cron schedule jitter cooldown"),
    (Role.TTL, "ttl expiry expire expires expiration maxage lifetime retention lease"),
    (Role.TIMEOUT, "timeout timeouts deadline grace wait"),
    (Role.CACHE_SIZE, "cache lru"),
    (Role.LOG_LEVEL, "loglevel level verbosity"),
    (Role.RATE, "rate rps qps quota burst tokens throttle throttling"),
    (Role.POOL, "pool conns conn connection connections hikari pgbouncer"),
    (Role.WORKERS, "worker workers thread threads concurrency parallelism replicas replica executor maxsurge processes instances shards partitions prefetch goroutines inflight minreplicas maxreplicas slots"),
    (Role.BATCH, "batch page chunk fetch records"),
    (Role.QUEUE, "queue buffer backlog channel"),
    (Role.MEMORY, "memory mem heap xmx rss gpu_memory"),
    (Role.CPU, "cpu cpus millicores"),
    (Role.DISK, "disk volume storage segment"),
    (Role.SIZE, "body payload"),
    (Role.MODEL, "model weights checkpoint revision"),
    (Role.MACHINE, "tier flavor machine sku_name"),
    (Role.ENDPOINT, "url uri host hostname addr address endpoint port region bucket topic broker brokers dsn domain upstream server zone proxy"),
    (Role.VERSION, "version image tag"),
)  # fmt: skip
_BY_WORD = {stem(word): role for role, words in reversed(_ROLE_WORDS) for word in words.split()}
# Words that say "how much" of something; what it is of comes from the words beside them, if any.
_AMOUNT_ROLES = {
    **dict.fromkeys(("size", "byte", "length", "len"), Role.SIZE),
    **dict.fromkeys(("limit", "max", "min", "capacity", "window"), Role.BATCH),
    **dict.fromkeys(("class", "instance"), Role.MACHINE),
}
_DURATION_ROLES = (Role.TIMEOUT, Role.TTL, Role.INTERVAL)


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that a diff moves. ``old`` and ``new`` are None for text values; ``pair`` holds the two lines."""

    name: str
    role: Role
    old_text: str
    new_text: str
    old: Quantity | None
    new: Quantity | None
    file: str
    pair: Pair

    @property
    def direction(self) -> int:
        """-1 lowered, +1 raised, 0 not a number or not comparable."""
        if self.old is None or self.new is None or self.old.dimension != self.new.dimension:
            return 0
        if self.role in (Role.ENDPOINT, Role.VERSION):
            return 0  # another port or version is not more or less of anything
        return (self.new.base > self.old.base) - (self.new.base < self.old.base)


def setting_changes(pair: Pair) -> tuple[SettingChange, ...]:
    """Settings moved by one rewritten line: literals that differ while the names around them stay."""
    old_q, new_q = quantities(pair.old.text, _key(pair.old)), quantities(pair.new.text, _key(pair.new))
    names_old = [name.lower() for name in identifiers(_bare(pair.old.text))]
    names_new = [name.lower() for name in identifiers(_bare(pair.new.text))]
    found: list[SettingChange] = []
    if len(old_q) == len(new_q) and _same_names(names_old, names_new):
        for before, after in zip(old_q, new_q, strict=True):
            if _is_factor(pair.new.text, after.text):
                continue  # a factor between units is no setting; more of it can mean less
            if (before.number, before.base, before.dimension) != (after.number, after.base, after.dimension):
                name = _name_near(pair.new, after.text)
                role = _role(name, pair.new, after)
                found.append(SettingChange(name, role, before.text, after.text, before, after, pair.new.file, pair))
    if not found and skeleton(pair.old) == skeleton(pair.new):
        for before_text, after_text in _literals(pair):
            name = _name_near(pair.new, after_text)
            role = _of_value(before_text, after_text) or _role(name, pair.new, None)
            found.append(SettingChange(name, role, before_text, after_text, None, None, pair.new.file, pair))
    if not found:
        found += _bare_words(pair)
    return tuple(found)


def _is_factor(text: str, number: str) -> bool:
    return bool(re.search(r"[\w)\]]\s*[/*]\s*" + re.escape(number), text))


_UNITS = frozenset(
    "time minute minutes second seconds millisecond milliseconds hour hours duration ms s m h mi gi mb gb k".split()
)


def _bare(text: str) -> str:
    return re.sub(r"\d[\d_.]*[A-Za-zµ]*", " ", text)


def _same_names(old: list[str], new: list[str]) -> bool:
    """The same identifiers but for units and at most one other (a renamed local, a new constant)."""
    left = [name for name in old if name not in _UNITS]
    right = [name for name in new if name not in _UNITS]
    return len(set(left) ^ set(right)) <= 2 and bool(set(left) & set(right) or not left)


_LITERALS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|\b\d[\w.]*")


def _literals(pair: Pair) -> list[tuple[str, str]]:
    old, new = _LITERALS.findall(pair.old.text), _LITERALS.findall(pair.new.text)
    if len(old) != len(new):
        return []
    return [(a, b) for a, b in zip(old, new, strict=True) if a != b]


_KEY_VALUE = re.compile(r"^\s*(?:-\s+)?[\"']?(?P<key>[\w.\-/ ]*?[\w\-])[\"']?\s*(?::|=|\s)\s*(?P<value>\S.*?)[,;]?\s*$")


def _bare_words(pair: Pair) -> list[SettingChange]:
    """``key: value`` and ``key = value`` lines whose unquoted value changed (YAML, properties, nginx, env files)."""
    old, new = _KEY_VALUE.match(pair.old.text), _KEY_VALUE.match(pair.new.text)
    if not old or not new or old["key"] != new["key"] or old["value"] == new["value"]:
        return []
    if len(old["value"].split()) > 3 or "(" in old["value"] or "{" in old["value"]:
        return []
    name = new["key"].strip()
    booleans = {"true", "false", "on", "off", "yes", "no", "enabled", "disabled"}
    switch = {old["value"].lower(), new["value"].lower()} <= booleans
    role = Role.SWITCH if switch else _of_value(old["value"], new["value"]) or _role(name, pair.new, None)
    return [SettingChange(name, role, old["value"], new["value"], None, None, pair.new.file, pair)]


_MODEL_WORDS = frozenset(("model", "models", "checkpoint", "checkpoints", "weights", "lora", "adapter"))


def _of_value(old: str, new: str) -> Role | None:
    """A path or name that says "model" on both sides is another model, whatever the setting is called."""
    both = set(split_identifier(old.replace("/", "_"))) & set(split_identifier(new.replace("/", "_")))
    return Role.MODEL if both & _MODEL_WORDS else None


def _key(line: Line) -> str:
    match = _KEY_VALUE.match(line.text)
    return match["key"].split()[-1] if match and match["key"].split() else ""


def _name_near(line: Line, literal: str) -> str:
    """The identifier that a literal belongs to: the nearest one before it that is no unit or wrapper of units."""
    key = _key(line)
    if "." in key and not key.endswith("."):
        return key
    before = line.text[: max(line.text.find(literal), 0)]
    names = [name for name in identifiers(before) if name.lower() not in _UNITS and len(name) > 1]
    named = [name for name in names if any(stem(part) in _BY_WORD for part in split_identifier(name))]
    if named:
        return named[-1]
    return names[-1] if names else (identifiers(line.text) or [""])[0]


def _role(name: str, line: Line, value: Quantity | None) -> Role:
    """Role by the name's words, the last ones first; a duration is never a count of things."""
    own = [stem(word) for word in reversed(split_identifier(name.replace(".", "_")))]
    words = list(own)
    words += [stem(word) for word in reversed([w for i in identifiers(line.text) for w in split_identifier(i)])]
    duration = value is not None and value.dimension == "seconds"
    for word in words:
        role = _BY_WORD.get(word)
        if role is None:
            continue
        if duration and role not in _DURATION_ROLES:
            continue
        if role is Role.MODEL and value is not None and any(w in _AMOUNT_ROLES for w in words[: len(own)]):
            return Role.SIZE  # the length of what a model takes in, not another model
        if role is Role.VERSION and _MODEL_WORDS & set(own):
            return Role.MODEL  # the version of a model is a model
        return role
    if duration:
        return Role.INTERVAL
    amounts = [_AMOUNT_ROLES[word] for word in words if word in _AMOUNT_ROLES]
    if amounts:
        return amounts[0]
    path = [stem(word) for word in split_identifier(line.file.replace("/", "_"))]
    return next((role for word in path if (role := _BY_WORD.get(word))), Role.OTHER) if value else Role.OTHER

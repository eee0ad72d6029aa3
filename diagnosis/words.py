"""Identifiers as people read them: ``maxConnIdleTime`` is max, conn, idle, time; and quantities with their units."""

import re
from dataclasses import dataclass
from functools import lru_cache

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z][A-Za-z0-9]*)*")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

# Function words of English and syntax of programming languages: shared by any two texts, so they link nothing.
_STOP = frozenset(
    """a an and are as at be by for from has have if in into is it its not of on or our out over per that the their
    this to was we were when will with via using use used set get new old add err error errors nil null none true
    false return func def fn let const var val int str string bool float double void self public private static
    final class struct type interface import package require module async await else elif try catch except finally
    throw throws raise switch case break continue while do range len ctx context req request resp response res
    http https rpc grpc api json yaml value values key keys name id ids data info warn warning debug fatal log
    logger msg message total count server client status handler code call method ms s sec second seconds minute min p50 p90 p95 p99 svc service services""".split()
)

_SUFFIXES = (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", ""))


@lru_cache(maxsize=50_000)
def short_id(id: str, digits: int = 10) -> str:
    """A commit's hash cut as git does it; a name that somebody chose is left whole."""
    return id[:digits] if len(id) >= 32 and all(char in "0123456789abcdef" for char in id.lower()) else id[:48]


def stem(word: str) -> str:
    """Fold plural and verb endings; crude on purpose, both sides of a comparison go through it."""
    word = word.lower()
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            return word[: len(word) - len(suffix)] + replacement
    return word


@lru_cache(maxsize=50_000)
def split_identifier(identifier: str) -> tuple[str, ...]:
    """Lower-case words of one identifier, in order, numbers left out."""
    parts = _CAMEL.findall(identifier.replace("-", "_"))
    return tuple(part.lower() for part in parts if not part.isdigit())


def identifiers(text: str) -> list[str]:
    """Identifiers of a text, in order, as written."""
    return _IDENTIFIER.findall(text)


def content_words(text: str) -> frozenset[str]:
    """Stemmed words of a text that can link two texts: at least three letters and no function word."""
    words: set[str] = set()
    for identifier in identifiers(text):
        parts = split_identifier(identifier)
        words.update(stem(part) for part in parts if len(part) >= 3 and part not in _STOP)
    return frozenset(words)


def compounds(text: str) -> frozenset[str]:
    """Identifiers of two words or more, folded (``readThreeDS`` equals ``read_three_ds``): rare, hence telling."""
    found: set[str] = set()
    for identifier in identifiers(text):
        parts = list(split_identifier(identifier))
        if len(parts) >= 2 and any(part not in _STOP for part in parts) and len("".join(parts)) >= 7:
            found.add("_".join(parts))
    return frozenset(found)


_SECONDS = {
    "ns": 1e-9, "nanosecond": 1e-9, "nanoseconds": 1e-9, "nanos": 1e-9,
    "us": 1e-6, "µs": 1e-6, "microsecond": 1e-6, "microseconds": 1e-6, "micros": 1e-6,
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3, "millis": 1e-3,
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
}  # fmt: skip
_BYTES = {
    "b": 1.0, "byte": 1.0, "bytes": 1.0,
    "k": 1e3, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    "ki": 2.0**10, "kib": 2.0**10, "mi": 2.0**20, "mib": 2.0**20, "gi": 2.0**30, "gib": 2.0**30, "g": 1e9,
}  # fmt: skip
_BYTE_LETTERS = {"k": "kib", "m": "mib", "g": "gib"}
_SIZE_WORDS = frozenset("size memory mem heap xmx xms body buffer bytes disk storage volume quota capacity".split())
_QUANTITY = re.compile(
    r"(?<![A-Za-z0-9_.$#])(?P<number>\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"(?:(?P<unit>%|µ?[A-Za-z]{1,12})|)(?![A-Za-z0-9_.])"
    r"(?:\s*\*\s*(?:time\.|Duration\.)?(?P<factor>[A-Za-z]{1,12})(?![A-Za-z0-9_(]))?"
)
_CALL_UNIT = re.compile(r"(?:from_|of|Of|From|TimeUnit\.)?(?P<unit>[A-Za-z]+)\($")
_NAME_UNIT = re.compile(r"(?:_|(?<=[a-z]))(?P<unit>[A-Za-z]+)$")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written and in base units: dimension is ``seconds``, ``bytes``, ``percent`` or "" (plain)."""

    text: str
    number: float
    dimension: str
    base: float

    @property
    def readings(self) -> tuple[float, ...]:
        """Numbers under which a gauge or a log attribute may show this quantity (as written, s, ms; bytes, MiB)."""
        match self.dimension:
            case "seconds":
                return (self.number, self.base, self.base * 1e3)
            case "bytes":
                return (self.number, self.base, self.base / 2**20, self.base / 1e6)
            case _:
                return (self.number,)


def quantities(text: str, name: str = "") -> tuple[Quantity, ...]:
    """Numbers of a text with units, in order. ``name`` is the setting's name: ``timeout_ms = 300`` is 0.3 s."""
    found = []
    for match in _QUANTITY.finditer(text):
        number = float(match["number"].replace("_", ""))
        unit = (match["factor"] or match["unit"] or "").lower()
        if not unit:
            before = _CALL_UNIT.search(text[: match.start()])
            unit = before["unit"].lower() if before else ""
        if unit not in _SECONDS and unit not in _BYTES and unit != "%":
            suffix = split_identifier(name)[-1:] if name else ()
            unit = suffix[0] if suffix and len(suffix[0]) >= 2 else ""
        if unit == "m" and "cpu" in split_identifier(name):  # Kubernetes millicores, no minutes
            number, unit = number / 1000.0, ""
        if unit in _BYTE_LETTERS and _SIZE_WORDS & set(split_identifier(name)):  # nginx and the JVM: 20m is 20 MiB
            unit = _BYTE_LETTERS[unit]
        found.append(_quantity(match.group(0).strip(), number, unit))
    return tuple(found)


def _quantity(text: str, number: float, unit: str) -> Quantity:
    if unit in _SECONDS:
        return Quantity(text, number, "seconds", number * _SECONDS[unit])
    if unit in _BYTES:
        return Quantity(text, number, "bytes", number * _BYTES[unit])
    if unit in ("%", "percent", "pct"):
        return Quantity(text, number, "percent", number)
    return Quantity(text, number, "", number)
